//! Opening files that somebody else may have put there, in a cloned repository or in a folder that others write to: only what
//! is a regular file, and only what is where it says that it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Where a path really is: links on the way from `root` to it are followed as long as they stay below `root`. The last part of
/// the path need not exist. [`open`] follows no link on the way to the returned path.
///
/// # Errors
/// A link leads out of `root`, or to nothing; or the path is not below `root`, or the system refuses.
pub(crate) fn follow(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let root = match root.as_os_str().is_empty() {
        true => Path::new("."),
        false => root,
    };
    let outside = || io::Error::other(format!("it is not in {}", root.display()));
    let below = path.strip_prefix(root).map_err(|_| outside())?;
    if !below
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(outside());
    }
    let mut at = root.to_owned();
    let mut is_linked = false;
    for part in below.components() {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_symlink() => is_linked = true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
    }
    if !is_linked {
        return Ok(path.to_owned());
    }
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) if fs::symlink_metadata(path).is_ok() => {
            return Err(io::Error::other("it is a link to nothing"));
        }
        Err(error) => match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => fs::canonicalize(folder)?.join(name),
            _ => return Err(error),
        },
    };
    if real.starts_with(fs::canonicalize(root)?) {
        Ok(real)
    } else {
        let root = root.display();
        Err(io::Error::other(format!("a link leads out of {root}")))
    }
}

/// Opens a regular file for reading. A link, a named pipe or a device is refused and never opened: opening one can block for
/// ever, or do something. Links in the folders above it are followed.
///
/// # Errors
/// It is something else, or the system refuses.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    regular(&fs::symlink_metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    // Something else may have taken the file's place since it was looked at: a link is then not followed, and a pipe not waited
    // for.
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file that belongs to the user (or to root, who may do anything anyway): another user's file could say
/// anything. Links on the way to it are followed.
///
/// # Errors
/// It is something else or somebody else's, or the system refuses.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let file = open(&fs::canonicalize(path)?)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let owner = file.metadata()?.uid();
        // Most containers run as root, and files that are mounted into one may belong to any user.
        if user() != 0 && owner != user() && owner != 0 {
            return Err(io::Error::other("it belongs to another user"));
        }
    }
    Ok(file)
}

/// Whether nobody but the user may read or write a file.
#[cfg(unix)]
pub(crate) fn is_private(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.uid() == user() && found.mode() & 0o077 == 0
}

/// On other systems, the user's own folders are private to begin with.
#[cfg(not(unix))]
pub(crate) fn is_private(_: &fs::Metadata) -> bool {
    true
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Reads a regular file that is not larger than `largest` bytes; see [`open`].
///
/// # Errors
/// It is something else, it is larger, or the system refuses.
pub(crate) fn read(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    read_all(open(path)?, largest)
}

/// Reads an open file that is not larger than `largest` bytes.
///
/// # Errors
/// It is larger, or the system refuses.
pub(crate) fn read_all(file: File, largest: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(largest.saturating_add(1))
        .read_to_end(&mut content)?;
    if content.len() as u64 > largest {
        return Err(io::Error::other(too_large(largest)));
    }
    Ok(content)
}

/// Reads a regular file below `root`, which no link may lead out of; see [`follow`] and [`read`].
///
/// # Errors
/// As those two.
pub(crate) fn read_below(root: &Path, path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    read(&follow(root, path)?, largest)
}

/// What is wrong with a file of more than `largest` bytes.
pub(crate) fn too_large(largest: u64) -> String {
    format!("it is larger than {} MiB", largest >> 20)
}

fn regular(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        Ok(())
    } else if found.is_symlink() {
        Err(io::Error::other("it is a link"))
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    fn shown(result: io::Result<PathBuf>, root: &Path) -> String {
        let shown = match result {
            Ok(path) => path.display().to_string(),
            Err(error) => format!("error: {error}"),
        };
        // Systems number their errors differently.
        let circle = io::Error::from(rustix::io::Errno::LOOP).to_string();
        shown
            .replace(root.to_str().unwrap(), "ROOT")
            .replace(&circle, "it leads in a circle")
    }

    #[test]
    fn links_are_followed_inside_and_never_out() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let root = folder.join("tenant");
        fs::create_dir_all(root.join("clients")).unwrap();
        fs::create_dir_all(folder.join("tenant-2")).unwrap();
        fs::write(root.join("clients/a.yaml"), "").unwrap();
        fs::write(folder.join(".env"), "").unwrap();
        for (target, link) in [
            ("a.yaml", "clients/inside.yaml"),
            ("../../.env", "clients/outside.yaml"),
            ("/proc/self/environ", "clients/environment.yaml"),
            ("none", "clients/nothing.yaml"),
            ("loop.yaml", "clients/loop.yaml"),
            ("clients", "same"),
            ("../tenant-2", "roles"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let paths = [
            "clients/a.yaml",
            "clients/new.yaml",
            "none/new.yaml",
            "clients/inside.yaml",
            "same/a.yaml",
            "same/new.yaml",
            "clients/outside.yaml",
            "clients/nothing.yaml",
            "clients/loop.yaml",
            "roles/new.yaml",
            "clients/../../.env",
            "none/../../.env",
            "../.env",
            "/etc/passwd",
        ];
        let results = paths.map(|path| shown(follow(&root, &root.join(path)), &root));
        insta::assert_snapshot!(results.join("\n"), @"
        ROOT/clients/a.yaml
        ROOT/clients/new.yaml
        ROOT/none/new.yaml
        ROOT/clients/a.yaml
        ROOT/clients/a.yaml
        ROOT/clients/new.yaml
        error: a link leads out of ROOT
        error: it is a link to nothing
        error: it leads in a circle
        error: a link leads out of ROOT
        error: it is not in ROOT
        error: it is not in ROOT
        error: it is not in ROOT
        error: it is not in ROOT
        ");
        let environment = follow(&root, &root.join("clients/environment.yaml"));
        assert!(environment.is_err());
    }

    /// A test that opens one of these does not end.
    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "12345").unwrap();
        symlink("file", path("link")).unwrap();
        let made = Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        let read = |path: &Path| match read(path, 5) {
            Ok(content) => String::from_utf8(content).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(read(&path("file")), "12345");
        assert_eq!(read(&path("link")), "it is a link");
        assert_eq!(read(&path("pipe")), "it is not a regular file");
        assert_eq!(read(Path::new("/dev/zero")), "it is not a regular file");
        assert_eq!(read(folder.path()), "it is not a regular file");
        fs::write(path("file"), "123456").unwrap();
        assert_eq!(read(&path("file")), "it is larger than 0 MiB");
    }
}
