//! Replacing and removing files that somebody may have open in an editor. What was under the file's name is set aside until it
//! is known to be what was read, and put back if it is anything else.
//!
//! Where the system can exchange two files (Linux, macOS), no save is lost whenever it comes, and there is no moment without a
//! file. No program can promise more than this: an editor that opened the file before it was replaced, and writes into it after
//! it was compared, writes into a file that is gone; and where the system can't exchange files, one that saves by a rename
//! between the last comparison and ours (some microseconds) is overwritten.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use super::LARGEST_FILE;
use super::atomic::{Durability, TEMPORARY, folder, rename_new, sync_folder, temporary};
use crate::opening::{self, follow, read_below};

/// A file that is set aside is named after this, the digests of what was read and of what was to be written, and itself: the
/// command that finds it after a kill then knows whether it is somebody's edit.
const ASIDE: &str = ".tenantry-was-";
/// The longest name that every usual file system takes.
const LONGEST_NAME: usize = 255;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was replaced or removed.
    Done,
    /// Somebody changed it since it was read, and it says what they wrote.
    ChangedMeanwhile,
}

/// Called between any two steps, with a word for the place. The tests let somebody else change the file there.
type Watch<'a> = dyn FnMut(&str) + 'a;

/// Replaces the content of a file below `root`, of which `old` was read. The new content is on the disk first; a killed command
/// leaves the old content or the new under the file's name. A link within `root` stays a link.
///
/// # Errors
/// The system refuses; the file is as it was.
pub(super) fn replace(root: &Path, path: &Path, old: &[u8], new: &[u8]) -> io::Result<Outcome> {
    replace_by(&WAYS, root, path, old, new, &mut |_| {})
}

/// Removes a file below `root`, of which `old` was read.
///
/// # Errors
/// The system refuses; the file is as it was.
pub(super) fn remove(root: &Path, path: &Path, old: &[u8]) -> io::Result<Outcome> {
    remove_watched(root, path, old, &mut |_| {})
}

/// A way to replace a file by one that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Exchange,
    Link,
    Rename,
}

/// All ways, the best first.
const WAYS: [Way; 3] = [Way::Exchange, Way::Link, Way::Rename];

fn replace_by(
    ways: &[Way],
    root: &Path,
    path: &Path,
    old: &[u8],
    new: &[u8],
    watch: &mut Watch<'_>,
) -> io::Result<Outcome> {
    let replacement = Replacement {
        target: &follow(root, path)?,
        aside: aside(path, old, new),
        old,
        new,
    };
    if !replacement.is_read(replacement.target) {
        return Ok(Outcome::ChangedMeanwhile);
    }
    let written = temporary(path, new, Durability::Synced)?;
    if let Ok(old) = fs::metadata(replacement.target) {
        fs::set_permissions(&written, old.permissions())?;
    }
    watch("written");
    for way in ways {
        let outcome = match way {
            Way::Exchange => replacement.exchange(&written, watch),
            Way::Link => replacement.link(&written, watch),
            Way::Rename => replacement.rename(&written),
        };
        if let Some(outcome) = outcome? {
            sync_folder(replacement.target)?;
            return Ok(outcome);
        }
    }
    Err(ErrorKind::Unsupported.into())
}

/// A file that is to be replaced. It has a method for each way to do it, which returns None where the system does not support that.
struct Replacement<'a> {
    /// Where it really is.
    target: &'a Path,
    /// Where it is set aside; None where its name is too long for that.
    aside: Option<PathBuf>,
    old: &'a [u8],
    new: &'a [u8],
}

impl Replacement<'_> {
    /// Whether a file says what was read.
    fn is_read(&self, path: &Path) -> bool {
        says(path, self.old)
    }

    /// The file and the new one change places at once.
    fn exchange(&self, written: &Path, watch: &mut Watch<'_>) -> io::Result<Option<Outcome>> {
        let Some(aside) = &self.aside else {
            return Ok(None);
        };
        fs::rename(written, aside)?;
        watch("named");
        match exchange(aside, self.target) {
            Ok(()) => {}
            Err(error) => {
                fs::rename(aside, written)?;
                return match error.kind() {
                    ErrorKind::NotFound => Ok(Some(Outcome::ChangedMeanwhile)),
                    _ if is_unsupported(&error) => Ok(None),
                    _ => Err(error),
                };
            }
        }
        watch("exchanged");
        if self.is_read(aside) {
            watch("compared");
            fs::remove_file(aside)?;
            return Ok(Some(Outcome::Done));
        }
        put_back(aside, self.target, self.new, watch)?;
        Ok(Some(Outcome::ChangedMeanwhile))
    }

    /// A second link keeps the old file. It is noticed if somebody writes into that one, but not if somebody renames another file
    /// over it in the last moment.
    fn link(&self, written: &Path, watch: &mut Watch<'_>) -> io::Result<Option<Outcome>> {
        let Some(aside) = &self.aside else {
            return Ok(None);
        };
        if fs::hard_link(self.target, aside).is_err() {
            return Ok(None);
        }
        watch("linked");
        if self.is_read(aside) && self.is_read(self.target) {
            watch("compared");
            fs::rename(written, self.target)
                .inspect_err(|_| fs::remove_file(aside).unwrap_or_default())?;
            watch("renamed");
            if self.is_read(aside) {
                fs::remove_file(aside)?;
                return Ok(Some(Outcome::Done));
            }
            if says(self.target, self.new) {
                fs::rename(aside, self.target)?;
                return Ok(Some(Outcome::ChangedMeanwhile));
            }
        }
        // The file says what somebody wrote.
        fs::remove_file(aside)?;
        Ok(Some(Outcome::ChangedMeanwhile))
    }

    /// The last resort: nothing keeps the old file.
    fn rename(&self, written: &Path) -> io::Result<Option<Outcome>> {
        if !self.is_read(self.target) {
            return Ok(Some(Outcome::ChangedMeanwhile));
        }
        fs::rename(written, self.target)?;
        Ok(Some(Outcome::Done))
    }
}

fn remove_watched(
    root: &Path,
    path: &Path,
    old: &[u8],
    watch: &mut Watch<'_>,
) -> io::Result<Outcome> {
    let is_read = |path| read_below(root, path, LARGEST_FILE).is_ok_and(|now| now == old);
    if !is_read(path) {
        return Ok(Outcome::ChangedMeanwhile);
    }
    watch("read");
    let Some(aside) = aside(path, old, b"") else {
        return fs::remove_file(path).map(|()| Outcome::Done);
    };
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Outcome::ChangedMeanwhile),
        renamed => renamed?,
    }
    watch("taken");
    if is_read(&aside) {
        watch("compared");
        fs::remove_file(&aside)?;
        return Ok(Outcome::Done);
    }
    match rename_new(&aside, path) {
        // Somebody saved it once more since then, and that version counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::remove_file(&aside)?,
        renamed => renamed?,
    }
    Ok(Outcome::ChangedMeanwhile)
}

/// Puts back what was set aside and is somebody's edit. `placed` is what was written in its place.
fn put_back(aside: &Path, target: &Path, placed: &[u8], watch: &mut Watch<'_>) -> io::Result<()> {
    let mut placed = placed.to_vec();
    loop {
        let edit = opening::read(aside, LARGEST_FILE);
        watch("changed");
        match exchange(aside, target) {
            // Somebody removed the file since then.
            Err(error) if error.kind() == ErrorKind::NotFound => return rename_new(aside, target),
            exchanged => exchanged?,
        }
        watch("back");
        match (opening::read(aside, LARGEST_FILE), edit) {
            (Ok(taken), _) if taken == placed => return fs::remove_file(aside),
            // Somebody saved it once more since then, and that version has to stay.
            (Ok(_), Ok(edit)) => placed = edit,
            // What can't be read stays aside, and the next command looks at it again.
            _ => return Ok(()),
        }
    }
}

/// Looks at what a killed command had set aside: somebody's edit is put back, and anything else is removed. Returns what was done
/// with an edit, as a sentence for the user. Only the one process that may write there may call it.
fn rescue(root: &Path, aside: &Path) -> Option<String> {
    let named = aside.file_name()?.to_str()?.strip_prefix(ASIDE)?;
    let mut parts = named.splitn(3, '-');
    let (old, new, name) = (parts.next()?, parts.next()?, parts.next()?);
    let path = folder(aside).join(name);
    let content = read_below(root, aside, LARGEST_FILE).ok();
    let now = read_below(root, &path, LARGEST_FILE).ok();
    let is = |content: &Option<Vec<u8>>, digest: &str| {
        content
            .as_ref()
            .is_some_and(|content| short_digest(content) == digest)
    };
    if is(&content, old) || is(&content, new) || (content.is_some() && content == now) {
        // One that can't be removed does no harm: no resource's file starts with a dot.
        let _ = fs::remove_file(aside);
        return None;
    }
    let target = follow(root, &path).ok()?;
    let restored = match now {
        Some(now) if short_digest(&now) == new => {
            match put_back(aside, &target, &now, &mut |_| {}) {
                Err(error) if is_unsupported(&error) => fs::rename(aside, &target).is_ok(),
                put_back => put_back.is_ok(),
            }
        }
        _ => rename_new(aside, &target).is_ok(),
    };
    if restored {
        return Some(format!(
            "{}: what was saved in it while a command was killed is there again",
            path.display()
        ));
    }
    let beside = (1..100).map(|number| folder(aside).join(format!("{name}.saved-{number}")));
    let beside = beside
        .into_iter()
        .find(|beside| rename_new(aside, beside).is_ok())?;
    Some(format!(
        "{}: what was saved in it while a command was killed is in {}",
        path.display(),
        beside.display()
    ))
}

/// Removes what killed commands left in a folder below `root`, and puts edits back. Returns what was done with those, as sentences
/// for the user. Only the one process that may write there may call it.
pub(super) fn clean(root: &Path, folder: &Path) -> Vec<String> {
    let mut restored = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(ASIDE) {
            restored.extend(rescue(root, &entry.path()));
        } else if name.starts_with(TEMPORARY) {
            // One that can't be removed does no harm: no resource's file starts with a dot.
            let _ = fs::remove_file(entry.path());
        }
    }
    restored
}

/// The name under which a file is set aside, if it is short enough.
fn aside(path: &Path, old: &[u8], new: &[u8]) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let name = format!("{ASIDE}{}-{}-{name}", short_digest(old), short_digest(new));
    (name.len() <= LONGEST_NAME).then(|| folder(path).join(name))
}

/// The beginning of a digest, which is enough to tell one content from another.
fn short_digest(content: &[u8]) -> String {
    let digest = digest(&SHA256, content);
    let bytes = digest.as_ref().iter().take(8);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a file has this content.
fn says(path: &Path, content: &[u8]) -> bool {
    opening::read(path, LARGEST_FILE).is_ok_and(|now| now == content)
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unsupported | ErrorKind::InvalidInput
    )
}

/// Two files change places, so that neither name is without a file.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const OLD: &str = "name: Old";
    const NEW: &str = "name: New";

    /// What somebody does in between.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Deed {
        Nothing,
        SaveByRename,
        SaveInPlace,
        SaveTwice,
        Remove,
    }

    type Files = BTreeMap<String, String>;
    /// What the file has to say in the end after somebody's deed; None where it has to be gone.
    type Edit = Option<String>;

    /// A folder with a file in it, and what happens to them.
    struct Desk {
        folder: tempfile::TempDir,
        deed: Deed,
        place: &'static str,
        edit: Option<Edit>,
        /// The folder as a kill at each place would leave it, and what the edit was by then.
        kills: Vec<(String, Files, Option<Edit>)>,
    }

    fn files(folder: &Path) -> Files {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let file = |entry: fs::DirEntry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        };
        entries.map(file).collect()
    }

    impl Desk {
        fn new(deed: Deed, place: &'static str) -> Desk {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("a.yaml"), OLD).unwrap();
            Desk {
                folder,
                deed,
                place,
                edit: None,
                kills: Vec::new(),
            }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("a.yaml")
        }

        fn save(&mut self, text: &str) {
            match self.deed {
                Deed::Nothing => return,
                Deed::SaveInPlace => fs::write(self.path(), text).unwrap(),
                Deed::SaveByRename | Deed::SaveTwice => {
                    let saved = self.folder.path().join("saving");
                    fs::write(&saved, text).unwrap();
                    fs::rename(saved, self.path()).unwrap();
                }
                Deed::Remove => {
                    let _ = fs::remove_file(self.path());
                    self.edit = Some(None);
                    return;
                }
            }
            self.edit = Some(Some(text.to_owned()));
        }

        fn come_to(&mut self, place: &str) {
            if place == self.place {
                self.save("name: Edit");
            } else if self.deed == Deed::SaveTwice && self.edit.is_some() {
                let again = format!("name: Edit before {place}");
                self.save(&again);
            }
            let files = files(self.folder.path());
            self.kills
                .push((place.to_owned(), files, self.edit.clone()));
        }
    }

    /// A folder as the next command leaves it.
    fn after_kill(files: &Files) -> Files {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        clean(folder.path(), folder.path());
        self::files(folder.path())
    }

    /// Replaces or removes the file with somebody at work beside it, and looks at every outcome and every kill.
    fn check(deed: Deed, place: &'static str, way: Option<Way>) {
        let case = format!("{deed:?} at {place:?}, {way:?}");
        let mut desk = Desk::new(deed, place);
        let (root, path) = (desk.folder.path().to_owned(), desk.path());
        let mut watch = |place: &str| desk.come_to(place);
        let (outcome, done) = match way {
            Some(way) => {
                let (old, new) = (OLD.as_bytes(), NEW.as_bytes());
                let outcome = replace_by(&[way, Way::Rename], &root, &path, old, new, &mut watch);
                (outcome, Some(NEW.to_owned()))
            }
            None => (
                remove_watched(&root, &path, OLD.as_bytes(), &mut watch),
                None,
            ),
        };
        let outcome = outcome.unwrap();
        assert_eq!(desk.edit.is_some(), deed != Deed::Nothing, "{case}");
        if desk.edit.is_none() {
            assert_eq!(outcome, Outcome::Done, "{case}");
        }
        let expected = desk.edit.clone().unwrap_or(done);
        let mut left = files(&root);
        assert_eq!(left.remove("a.yaml"), expected, "{case}");
        assert_eq!(left, BTreeMap::new(), "{case}");

        for (place, files, edit) in &desk.kills {
            let case = format!("{case}, killed at {place}: {files:?}");
            if edit.is_none() && way.is_some() {
                let now = files.get("a.yaml").map(String::as_str);
                assert!(matches!(now, Some(OLD | NEW)), "{case}");
            }
            let mut left = after_kill(files);
            let now = left.remove("a.yaml");
            match edit {
                Some(edit) => assert_eq!(now, *edit, "{case}"),
                None => assert!(
                    matches!(now.as_deref(), Some(OLD | NEW)) || way.is_none(),
                    "{case}"
                ),
            }
            // Of two saves, the next command can't tell which is the later one: it keeps both.
            left.retain(|name, _| deed != Deed::SaveTwice || name != "a.yaml.saved-1");
            assert_eq!(left, BTreeMap::new(), "{case}");
        }
    }

    #[test]
    fn no_save_is_lost_whenever_it_comes() {
        let deeds = [
            Deed::Nothing,
            Deed::SaveByRename,
            Deed::SaveInPlace,
            Deed::SaveTwice,
            Deed::Remove,
        ];
        for deed in deeds {
            if cfg!(target_os = "linux") {
                for place in ["written", "named", "exchanged", "compared"] {
                    check(deed, place, Some(Way::Exchange));
                }
            }
            for place in ["written", "linked", "renamed"] {
                check(deed, place, Some(Way::Link));
            }
            check(deed, "written", Some(Way::Rename));
            for place in ["read", "taken", "compared"] {
                check(deed, place, None);
            }
        }
    }
}
