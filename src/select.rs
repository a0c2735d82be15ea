//! Which resources a command is about: by file, file stem, name or id, globs allowed, `KIND` or `KIND/…` for one kind; what matches by several
//! of these selects them all. A selector that matches nothing is an error, since it is a typing mistake.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use globset::{Glob, GlobMatcher};

use crate::closest::closest;
use crate::composed::composed;
use crate::files::Format;
use crate::kinds::Kind;

/// The `SELECTOR…` arguments of a command; none of them selects every resource.
#[derive(Debug)]
pub struct Selection(Vec<Selector>);

#[derive(Debug)]
struct Selector {
    text: String,
    /// None where the text is no valid glob: then it can only be a name as it stands.
    glob: Option<GlobMatcher>,
    /// Whether it is the name of a kind, which selects all of it.
    is_kind: bool,
    /// The paths in the tenant directory that it may be: one as the shell has it from where somebody stands, and one as it is printed.
    paths: Vec<SelectedPath>,
}

#[derive(Debug)]
struct SelectedPath {
    text: String,
    glob: Option<GlobMatcher>,
    /// What stands below the folder of a kind: `clients/web-*`.
    in_kind: Option<(String, String, Option<GlobMatcher>)>,
}

/// By what a resource can be selected.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// Its kind.
    pub kind: Option<&'static Kind>,
    /// Its id.
    pub id: &'a str,
    /// Its file, relative to the tenant directory.
    pub file: Option<&'a str>,
    /// Its file's stem.
    pub stem: Option<&'a str>,
    /// Its name in the file.
    pub local_name: Option<&'a str>,
    /// Its name on the tenant.
    pub live_name: Option<&'a str>,
    /// What it is called beside its name, such as an API's identifier.
    pub other_name: Option<&'a str>,
}

/// Selectors that match no resource.
#[derive(Debug, thiserror::Error)]
#[error("nothing matches {}", quoted(.selectors))]
pub struct NoMatch {
    selectors: Vec<String>,
    /// What they may have meant.
    meant: Vec<String>,
}

impl NoMatch {
    /// What to do about it.
    pub fn hint(&self) -> String {
        if !self.meant.is_empty() {
            return format!("did you mean {}?", quoted(&self.meant));
        }
        "a resource is named by its file, its name or its id; `tenantry list` shows them".to_owned()
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl Selection {
    /// The selection of these arguments. `in_directory` says which paths in the tenant directory an argument may be for the shell.
    pub fn new(selectors: &[String], in_directory: impl Fn(&str) -> Vec<String>) -> Selection {
        let selectors = selectors
            .iter()
            .map(|text| Selector::new(text, in_directory(text)));
        Selection(selectors.collect())
    }

    /// Whether every resource is selected.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each selector is the very id or file of one of these resources, so that no other one needs to be looked at: what is
    /// the stem of one may be the name of another, which only the tenant knows.
    pub fn names_exactly<'a>(&self, resources: impl Iterator<Item = Names<'a>> + Clone) -> bool {
        !self.0.is_empty()
            && self.0.iter().all(|selector| {
                resources.clone().any(|names| {
                    // The id of what there is one of is a word, which may be the name of another.
                    let is_unique = names.kind.is_none_or(|kind| kind.only().is_none());
                    (is_unique && names.id == selector.text) || selector.is_path_of(&names)
                })
            })
    }

    /// Whether a resource of these names may be selected; what is not known of it may select it all the same.
    pub fn touches(&self, resource: &Names<'_>) -> bool {
        let mut selectors = self.0.iter();
        self.is_everything()
            || selectors.any(|selector| selector.names(resource) || selector.globs(resource))
    }

    /// The selected ones among these resources.
    ///
    /// # Errors
    /// Names every selector that matches none of them.
    pub fn pick<'a, T>(
        &self,
        resources: impl IntoIterator<Item = (Names<'a>, T)>,
    ) -> Result<Vec<T>, NoMatch> {
        let resources: Vec<(Names<'a>, T)> = resources.into_iter().collect();
        // A selector that is exactly a resource's name is no glob: `App [eu]` must not select `App e`.
        let names: Vec<bool> = self
            .0
            .iter()
            .map(|selector| resources.iter().any(|(names, _)| selector.names(names)))
            .collect();
        let every_name: BTreeSet<Cow<'_, str>> = resources
            .iter()
            .flat_map(|(names, _)| names.all())
            .collect();
        let mut matched = BTreeSet::new();
        let picked = resources
            .into_iter()
            .filter(|(resource, _)| {
                let mut picked = self.0.is_empty();
                for (index, selector) in self.0.iter().enumerate() {
                    let hit = if names[index] {
                        selector.names(resource)
                    } else {
                        selector.globs(resource)
                    };
                    if hit {
                        matched.insert(index);
                        picked = true;
                    }
                }
                picked
            })
            .map(|(_, resource)| resource)
            .collect();
        let selectors: Vec<String> = self
            .0
            .iter()
            .enumerate()
            .filter(|(index, _)| !matched.contains(index))
            .map(|(_, selector)| selector.text.clone())
            .collect();
        if selectors.is_empty() {
            return Ok(picked);
        }
        let meant = selectors
            .iter()
            .filter_map(|selector| closest(selector, every_name.iter().map(|name| &**name)))
            .map(str::to_owned);
        Err(NoMatch {
            meant: meant.collect(),
            selectors,
        })
    }
}

impl Selector {
    fn new(text: &str, in_directory: Vec<String>) -> Selector {
        let text = &*composed(text);
        let plain = text.strip_prefix("./").unwrap_or(text);
        let is_file = Path::new(plain)
            .extension()
            .and_then(|extension| extension.to_str());
        let is_file = is_file.is_some_and(|extension| Format::from_extension(extension).is_some());
        let printed = (is_file || plain.contains('/')).then(|| plain.to_owned());
        let mut paths: Vec<String> = in_directory.into_iter().chain(printed).collect();
        for path in &mut paths {
            *path = composed(path.trim_end_matches('/')).into_owned();
        }
        paths.dedup();
        Selector {
            glob: matcher(text),
            is_kind: Kind::named(text).is_some(),
            paths: paths.into_iter().map(SelectedPath::new).collect(),
            text: text.to_owned(),
        }
    }

    fn is_path_of(&self, names: &Names<'_>) -> bool {
        let file = names.file();
        file.is_some_and(|file| self.paths.iter().any(|path| path.text == file))
    }

    fn names(&self, names: &Names<'_>) -> bool {
        let is_below = |path: &SelectedPath| {
            let in_kind = path.in_kind.as_ref();
            in_kind.is_some_and(|(kind, below, _)| {
                is_of(names, kind) && names.all().any(|name| name == below.as_str())
            })
        };
        self.is_path_of(names)
            || (self.is_kind && is_of(names, &self.text))
            || names.all().any(|name| *name == self.text)
            || self.paths.iter().any(is_below)
    }

    fn globs(&self, names: &Names<'_>) -> bool {
        let any = |glob: &Option<GlobMatcher>| {
            let glob = glob.as_ref();
            glob.is_some_and(|glob| names.all().any(|name| glob.is_match(&*name)))
        };
        let is_path = |path: &SelectedPath| {
            let file = path.glob.as_ref().zip(names.file());
            let in_kind = path.in_kind.as_ref();
            in_kind.is_some_and(|(kind, _, glob)| is_of(names, kind) && any(glob))
                || file.is_some_and(|(glob, file)| glob.is_match(&*file))
        };
        any(&self.glob) || self.paths.iter().any(is_path)
    }
}

impl SelectedPath {
    fn new(text: String) -> SelectedPath {
        let (kind, below) = text.split_once('/').unwrap_or((&text, "*"));
        let kind = Kind::named(kind).map(|kind| kind.name.to_owned());
        SelectedPath {
            glob: matcher(&text),
            in_kind: kind.map(|kind| (kind, below.to_owned(), matcher(below))),
            text,
        }
    }
}

fn matcher(text: &str) -> Option<GlobMatcher> {
    Some(Glob::new(text).ok()?.compile_matcher())
}

/// Whether a resource may be of that kind: where nothing is known of it, it may.
fn is_of(names: &Names<'_>, kind: &str) -> bool {
    names.kind.is_none_or(|of| of.name == kind)
}

impl<'a> Names<'a> {
    fn all(self) -> impl Iterator<Item = Cow<'a, str>> {
        let names = [self.stem, self.local_name, self.live_name, self.other_name];
        names.into_iter().flatten().chain([self.id]).map(composed)
    }

    fn file(self) -> Option<Cow<'a, str>> {
        self.file.map(composed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients;

    fn pick(selectors: &[&str]) -> Result<Vec<u8>, String> {
        let selectors: Vec<String> = selectors.iter().map(|text| (*text).to_owned()).collect();
        let web = Names {
            kind: Some(&clients::KIND),
            id: "Abc",
            file: Some("clients/web-app.yaml"),
            stem: Some("web-app"),
            local_name: Some("Web/App [dev]"),
            live_name: Some("Web App"),
            other_name: Some("urn:web"),
        };
        let api = Names {
            kind: Some(&clients::KIND),
            id: "Xyz",
            live_name: Some("API"),
            ..Names::default()
        };
        let in_directory = |text: &str| {
            let path = text.strip_prefix("tenant/dev/");
            path.map(str::to_owned).into_iter().collect()
        };
        Selection::new(&selectors, in_directory)
            .pick([(web, 1), (api, 2)])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn stems_names_ids_and_globs() {
        assert_eq!(pick(&[]), Ok(vec![1, 2]));
        for selector in [
            "web-app",
            "Web/App [dev]",
            "Web App",
            "Abc",
            "urn:web",
            "clients/urn:web",
            "web-*",
            "A?c",
            "{web-app,x}",
            "*[[]dev]",
            "clients/web-app.yaml",
            "./clients/web-app.yaml",
            "tenant/dev/clients/web-app.yaml",
            "tenant/dev/clients/*.yaml",
            "clients/web-app",
            "clients/w*",
            "clients/Abc",
        ] {
            assert_eq!(pick(&[selector]), Ok(vec![1]), "{selector}");
        }
        for selector in ["clients", "clients/*", "clients/", "tenant/dev/clients"] {
            assert_eq!(pick(&[selector]), Ok(vec![1, 2]), "{selector}");
        }
        assert_eq!(pick(&["clients/API"]), Ok(vec![2]));
        for selector in [
            "roles",
            "roles/web-app",
            "roles/*",
            "c*",
            "clients/web-app.json",
        ] {
            assert!(pick(&[selector]).is_err(), "{selector}");
        }
        assert_eq!(pick(&["*"]), Ok(vec![1, 2]));
        assert_eq!(pick(&["API", "API", "web-app"]), Ok(vec![1, 2]));
    }

    #[test]
    fn a_name_is_no_glob() {
        let names = |name| Names {
            id: name,
            ..Names::default()
        };
        let clients = [(names("App [eu]"), 1), (names("App e"), 2)];
        assert_eq!(
            Selection::new(&["App [eu]".to_owned()], |_| Vec::new())
                .pick(clients)
                .unwrap(),
            [1]
        );
    }

    #[test]
    fn a_selector_that_matches_nothing_is_named() {
        assert_eq!(
            pick(&["web-app", "wep-app", "api", "["]).unwrap_err(),
            "nothing matches `wep-app`, `api`, `[`"
        );
    }
}
