//! `adopt`: what the Deploy CLI's files say, as edits of a tenant's files. It asks no tenant anything; `diff` and `push` take it from
//! there.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::invocation::Invocation;
use super::promote::{self, Written, by_file, by_stem, domain, gone, new_file, rewritten, stems};
use super::session::LiveResources;
use super::warnings::{warn_of, warn_rewritten};
use super::{Ending, Terminal, Usage, problems};
use crate::adopt::{self, Broken, Comments, Export, Pair, Rename, Settings, Taken, with_comments};
use crate::cli::{Adopt, ResultForm};
use crate::files::{
    self, Access, Contents, Document, FilesError, Format, LOCK_FILE, NewFile, ResourceFile,
    TenantDirectory,
};
use crate::names::names_in;
use crate::opening;
use crate::promote::{Counterpart, Side};
use crate::render::{self, adoption};
use crate::select::Names;

/// So many files at most are looked at: no tenant has as many resources.
const MOST_FILES: usize = 500_000;
/// The largest that all files together may be, in bytes.
const MOST_BYTES: usize = 512 * 1024 * 1024;

pub(super) fn run(
    invocation: &Invocation<'_>,
    options: &Adopt,
    terminal: &Terminal,
) -> Result<Ending> {
    let settings = settings(options.config.as_deref())?;
    let export = read(&options.from, &settings)?;
    let project = invocation.project()?;
    let directory = invocation.open(project.managed(), Access::Write, terminal)?;
    let mut contents = directory.read()?;
    warn_of(&contents, terminal);
    if contents.lock.is_none() {
        return Err(Usage::error(
            format!("{} has no {LOCK_FILE}", directory.path().display()),
            "pull first: what the Deploy CLI's files say is compared with what the tenant has",
        ));
    }
    if let Some(theirs) = settings
        .domain
        .as_deref()
        .filter(|theirs| *theirs != domain(&contents))
    {
        terminal.warn(&format!(
            "the settings of the Deploy CLI are for {theirs}, and these files for {}: its keywords may stand for another tenant's values",
            domain(&contents)
        ));
    }
    let (mut pairs, mut left) = adopt::matched(&export, &contents, directory.managed());
    let overrides = {
        let more: Vec<Counterpart<'_>> = pairs
            .iter()
            .map(|pair| (pair.entry.kind, pair.stem.as_str()))
            .collect();
        directory.read_overrides(&contents, &more)?
    };
    let selected = selected(invocation, options, &directory, &contents, &pairs)?;
    let is_everything = options.selectors.selectors.is_empty();
    let chosen: Vec<Pair> = pairs
        .iter()
        .filter(|pair| selected.contains(&pair.entry.place))
        .cloned()
        .collect();
    let (renames, kept) = adopt::renames(&chosen, &contents, &overrides);
    left.extend(kept);
    let mut work = Work {
        directory: &directory,
        terminal,
        dry_run: options.dry_run,
        failure: None,
    };
    let renames = work.rename(&renames, &contents);
    adopt::apply(&renames, &mut contents, &mut pairs);

    let client = invocation
        .tenant()
        .and_then(|name| invocation.client_of(name));
    let stems = stems(&contents)?;
    let gone = gone(&contents);
    let tenant = adopt::Tenant {
        side: Side {
            files: &stems,
            gone: &gone,
            managed: directory.managed(),
            domain: domain(&contents),
            client: client.as_deref(),
        },
        overrides: &overrides,
    };
    let is_selected = |pair: &Pair| selected.contains(&pair.entry.place);
    let taken = adopt::take(
        &pairs,
        &is_selected,
        &tenant,
        settings.domain.as_deref(),
        options.create,
    );
    left.extend(export.left.iter().cloned());
    left.extend(taken.left.iter().cloned());
    if !is_everything {
        left.retain(|left| selected.contains(&left.place));
    }

    let new: Vec<NewFile> = taken
        .promotion
        .new
        .iter()
        .map(|new| {
            let mut file = new_file(new, Format::Yaml, directory.managed());
            let comments = taken.comments.get(&(new.kind, new.stem.clone()));
            if let Some(comments) = comments {
                file.file.text = with_comments(&file.file.text, comments).0;
            }
            file
        })
        .collect();
    let by_stem = by_stem(&contents);
    let (written, comments) = work.write(&by_stem, &new, &taken);
    let own = work.own(&contents, &new, &taken);
    let plan = promote::plan(invocation.tenant(), &contents, &by_stem, &written);
    let done = adoption::Done {
        tenant: invocation.tenant(),
        plan: &plan,
        renames: &renames,
        own: &own,
        comments,
        alone: &taken.alone,
        left: &left,
        dry_run: options.dry_run,
    };
    let nobody = LiveResources::default();
    match options.output.form {
        ResultForm::Text => {
            let names = names_in(&nobody, &contents.resources);
            terminal.text(&adoption::text(&done, &names))
        }
        ResultForm::Json => terminal.result(&render::json::adoption(&done)),
    }?;
    if let Some(failure) = work.failure {
        for problem in problems(&failure.into()) {
            terminal.problem(&problem);
        }
        return Ok(Ending::Failure);
    }
    let is_left = !left.is_empty() || !taken.alone.is_empty();
    Ok(Ending::differences(
        is_left || (options.dry_run && done.is_something()),
    ))
}

/// The places of the entries that the selectors mean, by the names that they have here or in the Deploy CLI's files.
fn selected(
    invocation: &Invocation<'_>,
    options: &Adopt,
    directory: &TenantDirectory,
    contents: &Contents,
    pairs: &[Pair],
) -> Result<BTreeSet<String>> {
    let by_stem = by_stem(contents);
    let named = pairs.iter().map(|pair| {
        let entry = &pair.entry;
        let here = by_stem.get(&(entry.kind, pair.stem.as_str()));
        let here = here.filter(|_| pair.here.is_some());
        let label = entry.kind.label_in(&entry.fields);
        let names = match here {
            Some((id, file)) => Names {
                live_name: label,
                ..promote::names_of(entry.kind, *id, file)
            },
            None => Names {
                kind: Some(entry.kind),
                stem: Some(&pair.stem),
                live_name: label,
                ..Names::default()
            },
        };
        (names, entry.place.clone())
    });
    let selection = invocation.selection(&options.selectors, directory.path());
    Ok(selection.pick(named)?.into_iter().collect())
}

/// What writes the files, until something fails.
struct Work<'a> {
    directory: &'a TenantDirectory,
    terminal: &'a Terminal,
    dry_run: bool,
    failure: Option<FilesError>,
}

impl Work<'_> {
    /// Whether something was done, or would be.
    fn does(&mut self, what: impl FnOnce(&TenantDirectory) -> Result<(), FilesError>) -> bool {
        if self.failure.is_some() {
            return false;
        }
        if !self.dry_run {
            self.failure = what(self.directory).err();
        }
        self.failure.is_none()
    }

    fn rename(&mut self, renames: &[Rename], contents: &Contents) -> Vec<Rename> {
        let files = contents
            .files()
            .map(|(_, _, file)| (file.file.as_str(), file));
        let files: BTreeMap<&str, &ResourceFile> = files.collect();
        let renames = renames.iter().filter(|rename| {
            let file = files.get(rename.from.as_str());
            file.is_some_and(|file| self.does(|directory| directory.rename_file(file, &rename.to)))
        });
        renames.cloned().collect()
    }

    /// The new files first, since the others may name them; then values and comments. How many lines of comments there are is
    /// answered, too.
    fn write<'t>(
        &mut self,
        files: &promote::ByStem<'_>,
        new: &'t [NewFile],
        taken: &'t Taken,
    ) -> (Written<'t>, usize) {
        let count = new
            .iter()
            .take_while(|new| {
                self.does(|directory| directory.create_file(&new.file.file, &new.file.text))
            })
            .count();
        let changes = taken.promotion.changes.as_slice();
        let (mut written, mut lines) = (0, 0);
        let nothing = Comments::new();
        for ((_, file), of_file) in by_file(files, changes) {
            let key = of_file
                .first()
                .map(|change| (change.kind, change.stem.clone()));
            let comments = key
                .and_then(|key| taken.comments.get(&key))
                .unwrap_or(&nothing);
            let text = rewritten(file, of_file, self.directory.managed(), self.terminal);
            let (text, of_file_lines) = commented(&text, file.format, comments);
            if !self.does(|directory| directory.rewrite_file(file, &text)) {
                break;
            }
            written += of_file.len();
            lines += of_file_lines;
        }
        for ((kind, stem), comments) in &taken.comments {
            let has_changes = changes
                .iter()
                .any(|change| (change.kind, &change.stem) == (*kind, stem));
            let Some((_, file)) = files.get(&(*kind, stem.as_str())).filter(|_| !has_changes)
            else {
                continue;
            };
            let (text, of_file_lines) = commented(&file.text, file.format, comments);
            if text != file.text && self.does(|directory| directory.rewrite_file(file, &text)) {
                lines += of_file_lines;
            }
        }
        let written = Written {
            new: &new[..count],
            changes: &changes[..written],
            failure: None,
        };
        (written, lines)
    }

    /// Writes the tenant's own values, and answers of which files and fields.
    fn own(&mut self, contents: &Contents, new: &[NewFile], taken: &Taken) -> Vec<adoption::Own> {
        if taken.own.is_empty() || self.failure.is_some() {
            return Vec::new();
        }
        let old = match self.directory.overrides_text() {
            Ok(old) => old,
            Err(error) => {
                self.failure = Some(error);
                return Vec::new();
            }
        };
        let Some(rewritten) = files::with_own_values(old.as_deref(), &taken.own) else {
            return Vec::new();
        };
        let here = contents
            .files()
            .map(|(kind, _, file)| (kind, file.stem.as_str()));
        let new = new.iter().map(|new| (new.kind, new.file.stem.as_str()));
        let files: BTreeSet<Counterpart<'_>> = here.chain(new).collect();
        let files: Vec<Counterpart<'_>> = files.into_iter().collect();
        if rewritten.comments_lost {
            warn_rewritten(files::OVERRIDES_FILE, self.terminal);
        }
        let write = |directory: &TenantDirectory| {
            directory.write_overrides(old.as_deref(), &rewritten.text, &files)
        };
        if !self.does(write) {
            return Vec::new();
        }
        let own = taken.own.iter();
        own.map(|((kind, stem), values)| adoption::Own {
            kind,
            stem: stem.clone(),
            fields: values.keys().map(|field| field.name()).collect(),
        })
        .collect()
    }
}

fn commented(text: &str, format: Format, comments: &Comments) -> (String, usize) {
    match format {
        Format::Yaml => with_comments(text, comments),
        Format::Json => (text.to_owned(), 0),
    }
}

/// The Deploy CLI's settings. They hold its secret, so that no word of the file is ever shown.
fn settings(path: Option<&Path>) -> Result<Settings> {
    let Some(path) = path else {
        return Ok(Settings::default());
    };
    let wrong = |problem: String| {
        Usage::error(
            format!("can't use {}: {problem}", path.display()),
            "--config names the config.json of the Deploy CLI, with AUTH0_KEYWORD_REPLACE_MAPPINGS",
        )
    };
    let text =
        opening::open_own(path).and_then(|file| opening::read_all(file, adopt::LARGEST_FILE));
    let text = text.map_err(|error| wrong(error.to_string()))?;
    let document = Document::parse(&text, Format::Json)
        .map_err(|error| wrong(format!("line {} is no JSON", error.position.line)))?;
    Settings::of(document.fields()).map_err(wrong)
}

/// Reads what the Deploy CLI wrote: a folder, or a YAML file. Nothing is read through a link out of the folder.
fn read(from: &Path, settings: &Settings) -> Result<Export> {
    let no_export = |problem: String| {
        Usage::error(
            format!("can't read {}: {problem}", from.display()),
            "name what `a0deploy export` wrote: its folder, or its tenant.yaml",
        )
    };
    let is_folder = from.is_dir();
    let root = match (is_folder, from.parent()) {
        (true, _) => from.to_owned(),
        (false, Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
        (false, _) => PathBuf::from("."),
    };
    let size = Cell::new(0_usize);
    let read = |path: &str| {
        let path = Path::new(path).components().collect::<PathBuf>();
        match opening::read_below(&root, &root.join(path), adopt::LARGEST_FILE) {
            Ok(text) => {
                size.set(size.get().saturating_add(text.len()));
                match size.get() > MOST_BYTES {
                    true => Err(std::io::Error::other("the files are too large together")),
                    false => Ok(Some(text)),
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let export = if is_folder {
        let (mut files, mut links) = (Vec::new(), Vec::new());
        list(from, "", 2, &mut files, &mut links).map_err(|error| no_export(error.to_string()))?;
        files.sort();
        adopt::of_directory(&files, &links, &read, settings)
    } else {
        let name = from
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !name.ends_with(".yaml") && !name.ends_with(".yml") {
            return Err(no_export(
                "it is neither a folder nor a YAML file".to_owned(),
            ));
        }
        let text = read(name).map_err(|error| no_export(error.to_string()))?;
        let text = text.ok_or_else(|| no_export("there is no such file".to_owned()))?;
        adopt::of_yaml(name, &text, &read, settings)
    };
    let export = export.map_err(|broken| {
        let line = |one: &Broken| format!("{}: {}", one.place, one.message);
        let lines: Vec<String> = broken.iter().map(line).collect();
        let hint = broken.into_iter().find_map(|one| one.hint);
        Usage::error(
            lines.join("\n"),
            hint.unwrap_or_else(|| "nothing was written".to_owned()),
        )
    })?;
    if export.entries.is_empty() && export.left.is_empty() {
        return Err(no_export("nothing in it is of the Deploy CLI".to_owned()));
    }
    Ok(export)
}

/// The files below a folder, so many folders deep, with `/`, and the links to folders there. What is hidden is none of the Deploy CLI's.
fn list(
    root: &Path,
    below: &str,
    depth: usize,
    files: &mut Vec<String>,
    links: &mut Vec<String>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let path = match below {
            "" => name.to_owned(),
            below => format!("{below}/{name}"),
        };
        let file_type = entry.file_type()?;
        // A link to a folder is no folder here, and one to a file is followed where it is read.
        if file_type.is_symlink() && entry.path().is_dir() {
            links.push(path);
        } else if !file_type.is_dir() {
            files.push(path);
        } else if depth > 0 && name != "node_modules" {
            list(root, &path, depth - 1, files, links)?;
        }
        if files.len() > MOST_FILES {
            return Err(std::io::Error::other("it holds too many files"));
        }
    }
    Ok(())
}
