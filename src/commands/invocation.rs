//! What the command line and the environment say: which tenant and directory, and whose settings.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Terminal, Usage};
use crate::base::Bases;
use crate::cli::{self, Global};
use crate::closest::closest;
use crate::files::{
    self, Access, Contents, PROJECT_FILE, Project, Stray, TenantDirectory, tenants,
};
use crate::kinds::{Kind, Managed};
use crate::opening;
use crate::place;
use crate::select::Selection;
use crate::settings::{self, Connection, Environment, SettingsError, is_tenant_name};

/// What the command line and the environment say, before anything is read or asked.
pub(super) struct Invocation<'a> {
    pub(super) global: &'a Global,
    environment: &'a Environment,
    tenant: Option<&'a str>,
    /// The folder that holds the tenants' folders, or the tenant's files.
    root: PathBuf,
    /// Where .env files may be, from the working directory, the nearest first; none where one is named.
    above: Vec<PathBuf>,
}

impl<'a> Invocation<'a> {
    pub(super) fn new(global: &'a Global, environment: &'a Environment) -> Result<Invocation<'a>> {
        let tenant = global.tenant.as_deref().filter(|name| !name.is_empty());
        tenant.map_or(Ok(()), check_name)?;
        let (mut root, mut above) = (global.dir.clone(), Vec::new());
        if global.dir_is_default {
            let here = here()?;
            above = place::above(&here);
            root = place::root(&here, &above, &global.dir);
        }
        Ok(Invocation {
            global,
            environment,
            tenant,
            root,
            above,
        })
    }

    /// The tenant directory.
    ///
    /// # Errors
    /// No tenant is named, and there are several to choose from.
    pub(super) fn path(&self) -> Result<PathBuf> {
        let root = &self.root;
        let Some(name) = self.tenant else {
            let tenants = tenants(root);
            let has = |name: &str| root.join(name).is_dir();
            let is_tenant = root.join(files::LOCK_FILE).is_file() || Kind::folders().any(has);
            if tenants.len() > 1 || (tenants.len() == 1 && !is_tenant) {
                let holds = if tenants.len() > 1 {
                    "several tenants"
                } else {
                    "the folder of a tenant"
                };
                return Err(Usage::error(
                    format!("{} holds {holds}: {}", root.display(), tenants.join(", ")),
                    "name one with --tenant NAME (or TENANTRY_TENANT); check and diff take --all-tenants",
                ));
            }
            return Ok(root.clone());
        };
        tenant_folder(root, name)
    }

    /// The folder that holds the tenants' folders, or the tenant's files.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that the settings of new tenants belong into: that of the project, where it was found further up.
    pub(super) fn project_folder(&self) -> &Path {
        match self.global.dir_is_default {
            true => self.root.parent().unwrap_or(Path::new("")),
            false => Path::new(""),
        }
    }

    /// The tenant's name, if there is one.
    pub(super) fn tenant(&self) -> Option<&'a str> {
        self.tenant
    }

    /// Whether the command line names it: somebody may have forgotten a variable of the environment.
    pub(super) fn names_tenant(&self) -> bool {
        self.tenant.is_some() && self.global.tenant_is_typed
    }

    /// Opens the tenant directory, and says so if another process has to finish first.
    pub(super) fn open(
        &self,
        managed: Managed,
        access: Access,
        terminal: &Terminal,
    ) -> Result<TenantDirectory> {
        open(self.path()?, managed, access, terminal)
    }

    /// Opens the directory of another tenant than the one that `--tenant` names.
    pub(super) fn open_tenant(
        &self,
        name: &str,
        access: Access,
        terminal: &Terminal,
    ) -> Result<TenantDirectory> {
        let path = self.path_of(name)?;
        let project = files::read_project(&self.root, &path)?;
        open(path, project.managed(), access, terminal)
    }

    fn path_of(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        tenant_folder(&self.root, name)
    }

    /// The selection of these arguments, of which some may be paths as the shell has them: of files in the tenant directory `path`.
    pub(super) fn selection(&self, selectors: &cli::Selectors, path: &Path) -> Selection {
        // Where the project was found further up, a path from there is meant, too: as it is printed elsewhere.
        let project = self.root.parent().unwrap_or(Path::new(""));
        Selection::new(&selectors.selectors, |text| {
            let here = in_directory(Path::new(text), path);
            let there = text
                .contains('/')
                .then(|| in_directory(&project.join(text), path));
            here.into_iter().chain(there.flatten()).collect()
        })
    }

    /// The project's settings for the tenant.
    pub(super) fn project(&self) -> Result<Project> {
        Ok(files::read_project(&self.root, &self.path()?)?)
    }

    /// Settings of all tenants that are not read, since their file has another name or is in another folder, by their paths from here.
    /// Those in the tenant directory are found with its other files.
    pub(super) fn unread_settings(&self) -> Result<Vec<Stray>> {
        let is_apart = self.path()? != self.root;
        let misnamed = is_apart.then(|| files::misnamed_settings(&self.root));
        let misnamed = misnamed.flatten().map(|stray| Stray {
            path: self.root.join(stray.path),
            ..stray
        });
        let beside = files::settings_beside(&self.root);
        Ok(misnamed.into_iter().chain(beside).collect())
    }

    /// The project's settings for the tenant; those for all tenants where none is named and there are several.
    pub(super) fn project_of_all(&self) -> Result<Project> {
        let path = self.path().unwrap_or_else(|_| self.root.clone());
        Ok(files::read_project(&self.root, &path)?)
    }

    /// The bases of the tenant's resources: at the commit that is asked for, on the command line or else by the project, or in the
    /// lock.
    ///
    /// # Errors
    /// The files belong to another tenant, or the commit can't be read.
    pub(super) fn bases(
        &self,
        asked: &cli::Base,
        project: &Project,
        domain: &str,
        (directory, access): (&TenantDirectory, Access),
        contents: &Contents,
        terminal: &Terminal,
    ) -> Result<Bases> {
        let lock = contents.lock_for(domain, directory.path())?;
        // A variable that is set to nothing is a way not to set it; a REV that is typed as nothing is a mistake.
        let variable = self.environment.get("TENANTRY_BASE");
        let variable = variable.filter(|rev| !rev.is_empty());
        let typed = asked.base.as_deref();
        let bases = match typed.or(variable).or(project.base.as_deref()) {
            Some(rev) => {
                // Where the commit was not typed, the error says which setting asked for it.
                let bases = Bases::at_commit(rev, directory, contents);
                match (typed, variable) {
                    (Some(_), _) => bases?,
                    (None, Some(_)) => bases.context("TENANTRY_BASE in the environment")?,
                    (None, None) => bases.with_context(|| format!("`base:` in {PROJECT_FILE}"))?,
                }
            }
            None => {
                // The first look at a long history takes long.
                let progress = terminal.progress();
                progress.begin("reading what git has of tenant.lock", None);
                let bases = Bases::from_lock(lock, directory, contents, access != Access::Read)?;
                progress.end();
                bases
            }
        };
        for warning in &bases.warnings {
            terminal.warn(warning);
        }
        Ok(bases)
    }

    /// The settings of a tenant that is not a sandbox. Commands that make a directory ask for them first.
    ///
    /// # Errors
    /// A setting is missing or wrong, or no tenant is named and there are several.
    pub(super) fn settings(&self) -> Result<Option<Connection>> {
        // That no tenant is named is a better error than that settings are missing.
        self.path()?;
        if self.sandbox_name().is_some() {
            return Ok(None);
        }
        let here = here()?;
        let lookup = self.lookup(self.tenant, &here);
        let connection = settings::connection(&lookup, self.environment)
            .map_err(|error| self.mistyped(error, &here))?;
        for note in connection.notes() {
            log::info!("{note}");
        }
        if let Some(warning) = connection.warning() {
            log::warn!("warning: {warning}");
        }
        Ok(Some(connection))
    }

    /// The id of the client whose credentials the settings of another tenant have; None where there are none that make sense, which is
    /// nobody's business here.
    pub(super) fn client_of(&self, tenant: &str) -> Option<String> {
        let here = here().ok()?;
        let lookup = self.lookup(Some(tenant), &here);
        let connection = settings::connection(&lookup, self.environment).ok()?;
        connection.credentials().client_id().map(str::to_owned)
    }

    fn lookup<'l>(&'l self, tenant: Option<&'l str>, here: &'l Path) -> settings::Lookup<'l> {
        settings::Lookup {
            tenant,
            env_file: self.global.env_file.as_deref(),
            folder: here,
            above: &self.above,
        }
    }

    /// Whether a tenant has a .env file of its own.
    pub(super) fn has_own_settings(&self, tenant: &str) -> bool {
        let has = |folder: &PathBuf| settings::env_file_of(tenant, folder).exists();
        has(&PathBuf::new()) || self.above.iter().any(has)
    }

    /// Whether a tenant is named, and its settings come from the unnamed `.env`, which is that of no tenant in particular.
    pub(super) fn borrows_settings(&self) -> bool {
        let is_given = |name| {
            self.environment
                .get(name)
                .is_some_and(|value| !value.is_empty())
        };
        self.tenant.is_some_and(|name| !self.has_own_settings(name))
            && self.global.env_file.is_none()
            && !["AUTH0_DOMAIN", "CLIENT_DOMAIN"].into_iter().any(is_given)
    }

    /// Where settings are missing, the tenant's name may be mistyped.
    fn mistyped(&self, error: SettingsError, here: &Path) -> anyhow::Error {
        let (SettingsError::Missing { .. }, Some(name)) = (&error, self.tenant) else {
            return error.into();
        };
        let mut known = tenants(&self.root);
        let folders = std::iter::once(here.to_owned());
        let folders = folders.chain(self.above.iter().map(|above| here.join(above)));
        known.extend(folders.flat_map(|folder| settings::tenants_with_settings(&folder)));
        if known.iter().any(|known| known == name) {
            return error.into();
        }
        match closest(name, known.iter().map(String::as_str)) {
            Some(meant) => Usage::error(
                error.to_string(),
                format!("did you mean the tenant `{meant}`?"),
            ),
            None => error.into(),
        }
    }
}

fn here() -> Result<PathBuf> {
    std::env::current_dir().context("can't tell the working directory")
}

fn check_name(name: &str) -> Result<()> {
    if is_tenant_name(name) {
        return Ok(());
    }
    Err(Usage::error(
        format!("`{name}` can't be a tenant's name"),
        "a name is the name of a folder: letters, digits, `.`, `_` and `-`; Windows has none that ends in `.`, or that is a device's, \
         such as `con`",
    ))
}

/// The path in a tenant directory that a path is which a user typed, if it is in there.
fn in_directory(path: &Path, directory: &Path) -> Option<String> {
    let absolute = |path: &Path| {
        let mut absolute = PathBuf::new();
        for part in std::path::absolute(path).ok()?.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    absolute.pop();
                }
                part => absolute.push(part),
            }
        }
        Some(absolute)
    };
    let path = absolute(path)?;
    let below = |folder: PathBuf| path.strip_prefix(folder).ok().map(Path::to_owned);
    let resolved = || below(directory.canonicalize().ok()?);
    let path = absolute(directory).and_then(below).or_else(resolved)?;
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect();
    Some(parts?.join("/"))
}

/// A tenant's folder in `root`; in a cloned repository it may be a link to anywhere.
fn tenant_folder(root: &Path, name: &str) -> Result<PathBuf> {
    let folder = root.join(name);
    opening::follow(root, &folder).with_context(|| format!("can't use {}", folder.display()))?;
    Ok(folder)
}

fn open(
    path: PathBuf,
    managed: Managed,
    access: Access,
    terminal: &Terminal,
) -> Result<TenantDirectory> {
    let waiting = || {
        terminal.note(&format!(
            "waiting for another tenantry that works on {}",
            path.display()
        ));
    };
    Ok(TenantDirectory::open(
        path.clone(),
        managed,
        access,
        waiting,
    )?)
}
