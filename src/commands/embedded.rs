//! The embedded sandbox: which tenant is one, where its state is, and who holds it.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::invocation::Invocation;
use super::{Terminal, Usage};
use crate::sandbox::Sandbox;
use crate::settings::Connection;

/// The folder of a sandbox's state in its tenant directory. It is no part of what is under version control, and says so to git.
const SANDBOX_FOLDER: &str = ".sandbox";

impl<'a> Invocation<'a> {
    /// Whether the tenant is an embedded sandbox: `sandbox` or `sandbox-…`, and no settings of that name.
    pub(super) fn sandbox_name(&self) -> Option<&'a str> {
        let name = self.tenant()?;
        let is_one = name == "sandbox" || name.starts_with("sandbox-");
        let has_settings = self.global.env_file.is_some() || self.has_own_settings(name);
        (is_one && !has_settings).then_some(name)
    }

    /// The folder with a sandbox's state.
    ///
    /// # Errors
    /// It is a link, or in one: a repository that somebody cloned must not make us write elsewhere.
    pub(super) fn sandbox_folder(&self, name: &str) -> Result<PathBuf> {
        let tenant = self.root().join(name);
        let folder = tenant.join(SANDBOX_FOLDER);
        match [tenant, folder.clone()]
            .iter()
            .find(|path| path.is_symlink())
        {
            Some(link) => Err(link_error(link)),
            None => Ok(folder),
        }
    }

    /// The file with a sandbox's state, in a folder that is made here and that git ignores.
    pub(super) fn sandbox_state(&self, name: &str) -> Result<PathBuf> {
        let folder = self.sandbox_folder(name)?;
        let made = std::fs::create_dir_all(&folder).and_then(|()| {
            match File::create_new(folder.join(".gitignore")) {
                Ok(mut file) => file.write_all(b"*\n"),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(error),
            }
        });
        made.with_context(|| format!("can't make {}", folder.display()))?;
        Ok(folder.join("state.json"))
    }

    /// Locks a sandbox's state until the returned file is closed: two sandboxes on one state would overwrite each other's.
    pub(super) fn hold_sandbox(&self, name: &str, terminal: &Terminal) -> Result<File> {
        let held = self.open_hold(name)?;
        if let Err(TryLockError::WouldBlock) = held.try_lock() {
            terminal.note(&format!("waiting for another tenantry that runs {name}"));
            held.lock()?;
        }
        Ok(held)
    }

    /// The same, but a sandbox that runs already is an error, since nobody knows when it will stop.
    pub(super) fn hold_unused_sandbox(&self, name: &str) -> Result<File> {
        let held = self.open_hold(name)?;
        match held.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Usage::error(
                format!("{name} is running"),
                "stop the tenantry that runs it first",
            )),
            _ => Ok(held),
        }
    }

    fn open_hold(&self, name: &str) -> Result<File> {
        let state = self.sandbox_state(name)?;
        let path = state.with_file_name("held");
        if path.is_symlink() {
            return Err(link_error(&path));
        }
        open_to_hold(&path).with_context(|| format!("can't write {}", path.display()))
    }

    pub(super) fn start_sandbox(&self, name: &str) -> Result<(Connection, Sandbox)> {
        let state = self.sandbox_state(name)?;
        let sandbox = Sandbox::builder().seed(name).state_file(state).start()?;
        let (url, id, secret) = (sandbox.url(), sandbox.client_id(), sandbox.client_secret());
        // Its port changes from run to run, its name does not.
        let connection = Connection::client_secret(&url, id, secret)?.named(name);
        Ok((connection, sandbox))
    }
}

fn link_error(path: &Path) -> anyhow::Error {
    Usage::error(
        format!("{} is a link, and a sandbox follows none", path.display()),
        "remove it: the sandbox makes what it needs",
    )
}

/// Opens a file whose content does not matter, and leaves it as it is.
fn open_to_hold(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            Err(std::io::Error::other("it is not a regular file"))
        }
        _ => options.open(path),
    }
}
