//! Files that tenantry does not read though somebody may think so: in a folder of a kind, under a name that is close to one that it
//! reads, and those of resources outside of the folder of their kind.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::document::Document;
use super::lock::{LOCK_FILE, Lock};
use super::overrides::OVERRIDES_FILE;
use super::project::PROJECT_FILE;
use super::resource_file::{format_of, is_resource_file};
use crate::closest::{closest, slip};
use crate::kinds::{KINDS, Kind};
use crate::resource::ResourceId;

/// A file or folder that tenantry does not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// Its path, relative to the folder that was looked into.
    pub path: PathBuf,
    /// What it is not.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The files in the tenant directory itself that are no resource's.
const FILES: [&str; 3] = [PROJECT_FILE, OVERRIDES_FILE, LOCK_FILE];
/// The extensions under which somebody may keep settings that are read under one only.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Those among the paths of a tenant directory that their names tell.
pub(super) fn strays<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<Stray> {
    // One a folder says enough.
    let mut found: BTreeMap<PathBuf, Stray> = BTreeMap::new();
    for path in paths {
        let names: Option<Vec<&str>> = path.components().map(name).collect();
        let Some(names) = names.filter(|names| names.iter().all(|name| !name.starts_with('.')))
        else {
            continue;
        };
        let stray = match names.as_slice() {
            [name] => at_the_top(name),
            [folder, ..] if Kind::folders().all(|known| known != *folder) => at_the_top(folder),
            [_, _] => in_a_folder(path),
            [folder, rest @ ..] => below_a_folder(path, folder, rest),
            [] => None,
        };
        if let Some(stray) = stray {
            let place = match names.as_slice() {
                [folder, below, _, ..] => Path::new(folder).join(below),
                _ => stray.path.clone(),
            };
            found.entry(place).or_insert(stray);
        }
    }
    found.into_values().collect()
}

/// Whether a path is that of a YAML or JSON file in the tenant directory itself that has none of the names that are read there.
pub(super) fn may_be_misplaced(path: &Path) -> bool {
    let mut parts = path.components();
    let name = parts
        .next()
        .and_then(name)
        .filter(|_| parts.next().is_none());
    let name = name.filter(|name| !name.starts_with('.') && !is_read_at_the_top(name));
    name.is_some() && format_of(path).is_some()
}

/// Such a file, where it is that of a resource. A name of an id that several kinds share says nothing but where the lock knows the id,
/// and one that is a field of another of the kinds may be a reference.
pub(super) fn misplaced(path: &Path, text: &[u8], lock: Option<&Lock>) -> Option<Stray> {
    let document = Document::parse(text, format_of(path)?).ok()?;
    let ids = KINDS.iter().filter_map(|kind| {
        let id = document.fields().get(kind.id_field()?)?.as_str()?;
        Some((*kind, id))
    });
    let mut ids: Vec<(&'static Kind, &str)> = ids.collect();
    let kinds: Vec<&Kind> = ids.iter().map(|(kind, _)| *kind).collect();
    ids.retain(|(kind, _)| kinds.iter().all(|one| one.row(kind.id_name()).is_none()));
    let is_locked = |(kind, id): &&(&'static Kind, &str)| {
        lock.is_some_and(|lock| lock.resources.contains_key(&ResourceId::new(kind, *id)))
    };
    let only = || match ids.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let (kind, _) = ids.iter().find(is_locked).or_else(only)?;
    Some(Stray {
        path: path.to_owned(),
        message: format!(
            "tenantry does not read this file, which is that of {}",
            kind.one()
        ),
        hint: format!("move it to {}/", kind.folder()),
    })
}

/// Whether the settings of all tenants, in their root, have a name under which they are not read.
pub fn misnamed_settings(root: &Path) -> Option<Stray> {
    let names = names_of_settings();
    let mut names = names.iter().filter_map(|name| name.to_str());
    names.find_map(|name| at_the_top(name).filter(|_| root.join(name).is_file()))
}

/// Whether settings of all tenants stand beside their root, and not in it. The path begins where that of the root does.
pub fn settings_beside(root: &Path) -> Option<Stray> {
    let folder = root.file_name().and(root.parent())?;
    let mut paths = names_of_settings()
        .into_iter()
        .map(|name| folder.join(name));
    Some(Stray {
        path: paths.find(|path| path.is_file())?,
        message: "tenantry does not read this file".to_owned(),
        hint: format!(
            "it reads {}: what is to count belongs there",
            root.join(PROJECT_FILE).display()
        ),
    })
}

/// What somebody may call the file of the settings, the right name among them.
fn names_of_settings() -> [PathBuf; 3] {
    EXTENSIONS.map(|extension| Path::new(PROJECT_FILE).with_extension(extension))
}

fn name(component: Component<'_>) -> Option<&str> {
    component.as_os_str().to_str()
}

fn is_read_at_the_top(name: &str) -> bool {
    FILES.contains(&name)
        || Kind::folders().any(|folder| folder == name)
        || KINDS
            .iter()
            .any(|kind| is_resource_file(kind, Path::new(name)))
}

/// A file or folder of the tenant directory itself.
fn at_the_top(name: &str) -> Option<Stray> {
    let path = Path::new(name);
    if is_read_at_the_top(name) {
        return None;
    }
    let singles = KINDS.iter().filter(|kind| kind.folder().is_empty());
    let singles = singles.filter_map(|kind| Some(format!("{}.yaml", kind.only_stem()?)));
    let singles: Vec<String> = singles.collect();
    let known = || FILES.into_iter().chain(singles.iter().map(String::as_str));
    let stem = || path.file_stem().and_then(|stem| stem.to_str());
    let meant = match format_of(path) {
        Some(_) => {
            let stem = stem()?;
            let same = known().find(|known| stem_of(known) == stem);
            let tail = known().find(|known| stem_of(known).ends_with(&format!("-{stem}")));
            let close = slip(stem, known().map(stem_of));
            let close = close.and_then(|close| known().find(|known| stem_of(known) == close));
            same.or(tail).or(close)?.to_owned()
        }
        None => match slip(name, Kind::folders()) {
            Some(folder) => format!("{folder}/"),
            None => slip(name, [LOCK_FILE].into_iter())?.to_owned(),
        },
    };
    Some(Stray {
        path: path.to_owned(),
        message: "tenantry does not read anything of this name".to_owned(),
        hint: format!("did you mean `{meant}`?"),
    })
}

fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// A file in a folder of kinds of which there is one each.
fn in_a_folder(path: &Path) -> Option<Stray> {
    format_of(path)?;
    if KINDS.iter().any(|kind| is_resource_file(kind, path)) {
        return None;
    }
    let (folder, stem) = (path.parent()?.to_str()?, path.file_stem()?.to_str()?);
    let stems = KINDS.iter().filter(|kind| kind.folder() == folder);
    let stems: Vec<&str> = stems.filter_map(|kind| kind.only_stem()).collect();
    let begins = stems.iter().find(|known| known.starts_with(stem)).copied();
    let hint = match begins.or_else(|| closest(stem, stems.iter().copied())) {
        Some(meant) => format!("did you mean `{folder}/{meant}.yaml`?"),
        None => format!("the files of {folder} are {}", stems.join(", ")),
    };
    Some(Stray {
        path: path.to_owned(),
        message: "tenantry does not read this file".to_owned(),
        hint,
    })
}

/// A file in a folder below one of a kind.
fn below_a_folder(path: &Path, folder: &str, rest: &[&str]) -> Option<Stray> {
    format_of(path)?;
    let below = rest.first()?;
    Some(Stray {
        path: path.to_owned(),
        message: format!("tenantry reads no folder below {folder}/"),
        hint: format!("move what is in {folder}/{below}/ to {folder}/"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_and_may_be_meant_to_be() {
        let paths = [
            "attack-protection/brute-force.yaml",
            "attack-protection/brute-force-protection.yaml",
            "attack-protection/captcha.json",
            "attack-protection/foo.yaml",
            "attack-protection/notes.md",
            "clients/a.yaml",
            "clients/notes.txt",
            "clients/.hidden/a.yaml",
            "clients/sub/a.yaml",
            "clients/sub/b.yaml",
            "clients/texts/a.md",
            "role/a.yaml",
            "role/b.yaml",
            "client",
            "Roles/a.yaml",
            "pages/login.html",
            "README.md",
            "notes.yaml",
            "settings.yaml",
            "tenant_settings.yaml",
            "tenant-settings.json",
            "tenantry.yaml",
            "tenantry.yml",
            "tenantry.json",
            "override.yaml",
            "overrides.yaml",
            "tenant.lock",
            "tenants.lock",
            ".gitignore",
        ];
        let found = strays(paths.iter().map(Path::new));
        let found = found.iter().map(|stray| {
            let Stray {
                path,
                message,
                hint,
            } = stray;
            format!("{}: {message}; {hint}", path.display())
        });
        insta::assert_snapshot!(found.collect::<Vec<_>>().join("\n"), @"
        Roles: tenantry does not read anything of this name; did you mean `roles/`?
        attack-protection/brute-force.yaml: tenantry does not read this file; did you mean `attack-protection/brute-force-protection.yaml`?
        attack-protection/foo.yaml: tenantry does not read this file; the files of attack-protection are bot-detection, breached-password-detection, brute-force-protection, captcha, suspicious-ip-throttling
        client: tenantry does not read anything of this name; did you mean `clients/`?
        clients/sub/a.yaml: tenantry reads no folder below clients/; move what is in clients/sub/ to clients/
        override.yaml: tenantry does not read anything of this name; did you mean `overrides.yaml`?
        role: tenantry does not read anything of this name; did you mean `roles/`?
        settings.yaml: tenantry does not read anything of this name; did you mean `tenant-settings.yaml`?
        tenant_settings.yaml: tenantry does not read anything of this name; did you mean `tenant-settings.yaml`?
        tenantry.json: tenantry does not read anything of this name; did you mean `tenantry.yaml`?
        tenantry.yml: tenantry does not read anything of this name; did you mean `tenantry.yaml`?
        tenants.lock: tenantry does not read anything of this name; did you mean `tenant.lock`?
        ");
    }
}
