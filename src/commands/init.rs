//! `init`: a `.env` to fill in, the `.gitignore` lines that keep it out of git, and the project's settings as comments. It adds,
//! and never overwrites.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::invocation::Invocation;
use super::{Ending, Terminal, Usage};
use crate::files::{LARGEST_FILE, PROJECT_FILE};
use crate::opening;
use crate::settings::env_file_of;

/// Variables without a value count as not set, and the next command's error says so.
const TEMPLATE: &str = "\
# How tenantry reaches the tenant. Keep this file out of git.

# The tenant's domain: Auth0 dashboard > Settings, or Applications > (an application) > Domain.
AUTH0_DOMAIN=

# A machine-to-machine application that is authorized for the Auth0 Management API with the scopes
# read:clients and update:clients: Applications > (the application) > Settings.
AUTH0_CLIENT_ID=
AUTH0_CLIENT_SECRET=

# Behind a custom domain, the Management API's identifier:
# AUTH0_AUDIENCE=https://acme.eu.auth0.com/api/v2/

# Whoever pushes to a protected tenant has to type its name:
# TENANTRY_PROTECTED=true
";

/// A project decides nothing until it takes a `#` away.
const PROJECT: &str = "\
# What this project decides for everybody, for all tenants; a tenant's own folder may have a file like this one.

# Where base comes from: the files at a commit, as a pipeline has it, and not tenant.lock.
# base: origin/main

# What push may send beside name, description and allowed_clients of clients; `all` is every field
# that an update takes and that holds no secret. `tenantry schema` prints what there is to choose from.
# manage:
#   clients: [callbacks, allowed_logout_urls, web_origins, client_metadata]

# Whoever pushes has to type the tenant's name:
# protected: true
";

/// What git must not see.
const IGNORED: [&str; 4] = [".env", ".env.*", "!.env.example", ".tenantry-*"];

pub(super) fn run(invocation: &Invocation<'_>, terminal: &Terminal) -> Result<Ending> {
    if let Some(name) = invocation.sandbox_name() {
        return Err(Usage::error(
            format!("{name} is a sandbox, which needs no settings"),
            "with a .env of its own it would be one no more: give the tenant another name",
        ));
    }
    let folder = invocation.project_folder();
    let env_file = match invocation.tenant() {
        Some(tenant) => env_file_of(tenant, folder),
        None => folder.join(".env"),
    };
    write_new(&env_file, TEMPLATE, 0o600, "fill it in", terminal)?;
    ignore(folder, terminal)?;
    let root = invocation.root();
    fs::create_dir_all(root).with_context(|| format!("can't make {}", root.display()))?;
    let what = "take a # away where the project decides something";
    write_new(&root.join(PROJECT_FILE), PROJECT, 0o666, what, terminal)?;
    Ok(Ending::Clean)
}

/// Writes a file, unless there is one, and says what to do with it.
fn write_new(path: &Path, text: &str, mode: u32, what: &str, terminal: &Terminal) -> Result<()> {
    match create_new(path, mode) {
        Ok(mut file) => {
            let written = file.write_all(text.as_bytes());
            written.with_context(|| format!("can't write {}", path.display()))?;
            terminal.note(&format!("{}: written, {what}", path.display()));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            terminal.note(&format!("{}: is there already", path.display()));
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("can't write {}", path.display())),
    }
}

/// A new file; on Unix, of this mode.
#[cfg_attr(not(unix), expect(unused_variables, reason = "there are no modes"))]
fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    options.open(path)
}

/// Adds the lines that are missing. A cloned repository may have a link there, and it may lead anywhere.
fn ignore(folder: &Path, terminal: &Terminal) -> Result<()> {
    let path = folder.join(".gitignore");
    let cannot = |action: &str| format!("can't {action} {}", path.display());
    let folder = Path::new(".").join(folder);
    let file =
        opening::follow(&folder, &folder.join(".gitignore")).with_context(|| cannot("use"))?;
    let old = match opening::read(&file, LARGEST_FILE) {
        Ok(old) => String::from_utf8(old).with_context(|| cannot("use"))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| cannot("read")),
    };
    // Another pattern may cover one of these already. Ignoring a file by two patterns does no harm.
    let missing = IGNORED
        .iter()
        .filter(|line| !old.lines().any(|there| there.trim() == **line));
    let missing: Vec<&str> = missing.copied().collect();
    if missing.is_empty() {
        terminal.note(&format!("{}: has what it needs", path.display()));
        return Ok(());
    }
    let break_before = if old.is_empty() || old.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let added = format!("{break_before}{}\n", missing.join("\n"));
    let file = File::options().append(true).create(true).open(file);
    let written = file.and_then(|mut file| file.write_all(added.as_bytes()));
    written.with_context(|| cannot("write"))?;
    terminal.note(&format!("{}: added {}", path.display(), missing.join(", ")));
    Ok(())
}
