//! What most commands begin with: which tenant and directory, and a connection to the tenant, real or sandbox.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Terminal, Usage, place};
use crate::api::{Fields, Options, Reader, TokenCache};
use crate::base::Bases;
use crate::cli::{self, Global};
use crate::client::{Client, ClientId, Field};
use crate::closest::closest;
use crate::files::{
    self, Access, ClientFile, Contents, FilesError, PROJECT_FILE, Project, TenantDirectory, tenants,
};
use crate::opening;
use crate::plan::{Change, Live, Plan, Sides, Tenant};
use crate::sandbox::Sandbox;
use crate::select::{Names, Selection};
use crate::settings::{self, Connection, Environment, SettingsError, is_tenant_name};

/// The folder of a sandbox's state in its tenant directory. It is no part of what is under version control, and says so to git.
const SANDBOX_FOLDER: &str = ".sandbox";

/// What the command line and the environment say, before anything is read or asked.
pub(super) struct Scene<'a> {
    global: &'a Global,
    environment: &'a Environment,
    tenant: Option<&'a str>,
    /// The folder that holds the tenants' folders, or the tenant's files.
    root: PathBuf,
    /// Where .env files are, from the working directory.
    env_folder: PathBuf,
}

/// A connection to a tenant. The sandbox, if it is one, runs for as long as this value lives.
pub(super) struct Session {
    pub(super) reader: Reader,
    pub(super) tenant: Tenant,
    _sandbox: Option<(Sandbox, File)>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(global: &'a Global, environment: &'a Environment) -> Result<Scene<'a>> {
        let tenant = global.tenant.as_deref().filter(|name| !name.is_empty());
        tenant.map_or(Ok(()), check_name)?;
        let (mut root, mut env_folder) = (global.dir.clone(), PathBuf::new());
        if global.dir_is_default {
            let above = place::above();
            root = place::root(&above, &global.dir);
            let own = tenant.map(|name| format!(".env.{name}"));
            let files: Vec<String> = own.into_iter().chain([".env".to_owned()]).collect();
            // A file that is named is named from here.
            let found = place::holding(&above, &files).filter(|_| global.env_file.is_none());
            env_folder = found.map(Path::to_owned).unwrap_or_default();
        }
        Ok(Scene {
            global,
            environment,
            tenant,
            root,
            env_folder,
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
            let is_tenant = root.join("tenant.lock").is_file() || root.join("clients").is_dir();
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

    /// The tenant's name, if one is given.
    pub(super) fn tenant(&self) -> Option<&'a str> {
        self.tenant
    }

    /// Whether the command line names it: a variable in the environment may be one that nobody thinks of.
    pub(super) fn names_tenant(&self) -> bool {
        self.tenant.is_some() && self.global.tenant_is_typed
    }

    /// Opens the tenant directory, and says so if somebody else has to finish first.
    pub(super) fn open(&self, access: Access, terminal: &Terminal) -> Result<TenantDirectory> {
        open(self.path()?, access, terminal)
    }

    /// Opens the directory of another tenant than the one that `--tenant` names.
    pub(super) fn open_tenant(
        &self,
        name: &str,
        access: Access,
        terminal: &Terminal,
    ) -> Result<TenantDirectory> {
        check_name(name)?;
        open(tenant_folder(&self.root, name)?, access, terminal)
    }

    /// The selection of these arguments, of which some may be paths as the shell has them: of files in the tenant directory `path`.
    pub(super) fn selection(&self, clients: &cli::Clients, path: &Path) -> Selection {
        Selection::new(&clients.clients, |text| in_directory(text, path))
    }

    /// The project's settings for the tenant.
    pub(super) fn project(&self) -> Result<Project> {
        Ok(files::read_project(&self.root, &self.path()?)?)
    }

    /// The bases of the tenant's clients: at the commit that is asked for, on the command line or else by the project, or in the
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
                // Who typed nothing hears who else asked for it.
                let bases = Bases::at_commit(rev, directory, contents);
                match (typed, variable) {
                    (Some(_), _) => bases?,
                    (None, Some(_)) => bases.context("TENANTRY_BASE in the environment")?,
                    (None, None) => bases.with_context(|| format!("`base:` in {PROJECT_FILE}"))?,
                }
            }
            None => {
                // The first look takes long where the history is.
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

    /// Whether the tenant is an embedded sandbox: `sandbox` or `sandbox-…`, and no settings of that name.
    pub(super) fn sandbox_name(&self) -> Option<&'a str> {
        let name = self.tenant?;
        let is_one = name == "sandbox" || name.starts_with("sandbox-");
        let has_settings = self.global.env_file.is_some()
            || settings::env_file_of(name, &self.env_folder).exists();
        (is_one && !has_settings).then_some(name)
    }

    /// The folder with a sandbox's state.
    ///
    /// # Errors
    /// It is a link, or in one: a repository that somebody cloned must not make us write elsewhere.
    pub(super) fn sandbox_folder(&self, name: &str) -> Result<PathBuf> {
        let tenant = self.root.join(name);
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

    /// The settings of a tenant that is not a sandbox. Commands that make a directory ask for them first.
    ///
    /// # Errors
    /// A setting is missing or wrong, or no tenant is named and there are several.
    pub(super) fn settings(&self) -> Result<Option<Connection>> {
        // Which tenant it is about comes before how to reach it.
        self.path()?;
        if self.sandbox_name().is_some() {
            return Ok(None);
        }
        let folder = std::env::current_dir().context("can't tell the working directory")?;
        let folder = folder.join(&self.env_folder);
        let options = settings::Lookup {
            tenant: self.tenant,
            env_file: self.global.env_file.as_deref(),
            folder: &folder,
        };
        let connection = settings::connection(&options, self.environment)
            .map_err(|error| self.mistyped(error, &folder))?;
        for note in connection.notes() {
            log::info!("{note}");
        }
        if let Some(warning) = connection.warning() {
            log::warn!("warning: {warning}");
        }
        Ok(Some(connection))
    }

    /// Whether a tenant is named, and the settings that reach it are those of no tenant in particular: the unnamed `.env`'s.
    pub(super) fn borrows_settings(&self) -> bool {
        let own = |name| settings::env_file_of(name, &self.env_folder).exists();
        let is_given = |name| {
            self.environment
                .get(name)
                .is_some_and(|value| !value.is_empty())
        };
        self.tenant.is_some_and(|name| !own(name))
            && self.global.env_file.is_none()
            && !["AUTH0_DOMAIN", "CLIENT_DOMAIN"].into_iter().any(is_given)
    }

    /// Where settings are missing, the tenant's name may be the mistake.
    fn mistyped(&self, error: SettingsError, folder: &Path) -> anyhow::Error {
        let (SettingsError::Missing { .. }, Some(name)) = (&error, self.tenant) else {
            return error.into();
        };
        let mut known = tenants(&self.root);
        known.extend(settings::tenants_with_settings(folder));
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

    /// Connects to the tenant at `settings`, or to the sandbox. Nothing is sent yet.
    ///
    /// # Errors
    /// The sandbox can't start.
    pub(super) fn connect(
        &self,
        settings: Option<Connection>,
        terminal: &Terminal,
    ) -> Result<Session> {
        let mut options = Options {
            stop: terminal.stop(),
            progress: terminal.progress(),
            secrets: terminal.secrets(),
            timeout: Duration::from_secs(self.global.timeout),
            ..Options::default()
        };
        let (connection, sandbox) = match settings {
            Some(connection) => {
                if !self.global.no_token_cache {
                    options.cache = TokenCache::of_user();
                }
                (connection, None)
            }
            None => {
                let name = self.sandbox_name().unwrap_or("sandbox");
                let held = self.hold_sandbox(name, terminal)?;
                let (connection, sandbox) = self.start_sandbox(name)?;
                (connection, Some((sandbox, held)))
            }
        };
        Ok(Session {
            tenant: Tenant {
                name: self.tenant.map(str::to_owned),
                domain: connection.domain().to_string(),
            },
            reader: Reader::new(connection, options),
            _sandbox: sandbox,
        })
    }

    /// Holds a sandbox's state for as long as the answer lives: two that run on it would write over each other.
    pub(super) fn hold_sandbox(&self, name: &str, terminal: &Terminal) -> Result<File> {
        let held = self.open_hold(name)?;
        if let Err(TryLockError::WouldBlock) = held.try_lock() {
            terminal.note(&format!("waiting for another tenantry that runs {name}"));
            held.lock()?;
        }
        Ok(held)
    }

    /// The same, but where it runs that is an error: it may run for ever.
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

    fn start_sandbox(&self, name: &str) -> Result<(Connection, Sandbox)> {
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

fn check_name(name: &str) -> Result<()> {
    if is_tenant_name(name) {
        return Ok(());
    }
    Err(Usage::error(
        format!("`{name}` can't be a tenant's name"),
        "a name is the name of a folder: letters, digits, `.`, `_` and `-`",
    ))
}

/// The path in a tenant directory that a text is, if it is one from where the user stands.
fn in_directory(text: &str, directory: &Path) -> Option<String> {
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
    if !text.contains(['/', '\\']) {
        return None;
    }
    let text = absolute(Path::new(text))?;
    let below = |folder: PathBuf| text.strip_prefix(folder).ok().map(Path::to_owned);
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

fn open(path: PathBuf, access: Access, terminal: &Terminal) -> Result<TenantDirectory> {
    let waiting = || {
        terminal.note(&format!(
            "waiting for another tenantry that works on {}",
            path.display()
        ));
    };
    Ok(TenantDirectory::open(path.clone(), access, waiting)?)
}

/// Live clients by id.
pub(super) type LiveClients = BTreeMap<ClientId, Client>;

impl Session {
    /// Every client of the tenant. Those that have a file and are not in the list are asked for by themselves: while pages are
    /// read one after the other, a client may slip from one to the next, and nobody may take it for gone.
    pub(super) async fn all_clients(&self, contents: &Contents) -> Result<LiveClients> {
        let share = |client: Client| match contents.clients.get(client.id()) {
            Some(file) => client.sharing(&file.fields),
            None => client,
        };
        let live = self.reader.clients_as_they_arrive(Fields::All, share);
        let mut live = by_id(live.await?);
        let missing: Vec<&ClientId> = contents
            .clients
            .keys()
            .filter(|id| !live.contains_key(*id))
            .collect();
        // Many of them cost one more list, and not a request each.
        let found = self.reader.these_clients(&missing, live.len(), Fields::All);
        let found = by_id(found.await?);
        live.extend(found);
        Ok(live)
    }

    /// Those of these clients that the tenant has; `known` is how many it is known to have in all.
    pub(super) async fn these_clients(
        &self,
        ids: &[&ClientId],
        known: usize,
        fields: Fields,
    ) -> Result<LiveClients> {
        let clients = self.reader.these_clients(ids, known, fields).await?;
        Ok(by_id(clients))
    }
}

fn by_id(clients: Vec<Client>) -> LiveClients {
    let clients = clients.into_iter();
    clients
        .map(|client| (client.id().clone(), client))
        .collect()
}

/// A client on its three sides, as the plan wants it.
pub(super) fn sides<'a>(
    id: &'a ClientId,
    file: Option<&'a ClientFile>,
    bases: &'a Bases,
    live: Live<'a>,
) -> Sides<'a> {
    Sides {
        id,
        local: file.map(|file| (file.file.as_str(), file.fields.as_ref())),
        base: bases.of(id),
        live,
    }
}

/// Reads a tenant directory for a command about these clients. What is wrong with other files is said, and stops nobody.
///
/// # Errors
/// Something is wrong with the lock, or with a file that the command is about.
pub(super) fn read(
    directory: &TenantDirectory,
    selection: &Selection,
    terminal: &Terminal,
) -> Result<Contents> {
    let (mut contents, errors) = directory.read_what_can_be()?;
    let is_touched = |path: &&Path| {
        let Ok(file) = path.strip_prefix(directory.path()) else {
            return true;
        };
        let file = file.to_string_lossy().replace('\\', "/");
        let mut locked = contents.lock.iter().flat_map(|lock| &lock.clients);
        let locked = locked.find(|(_, locked)| locked.file == file);
        let base = locked.and_then(|(_, locked)| locked.base.get(Field::Name).value().copied());
        file == files::LOCK_FILE
            || selection.touches(&Names {
                id: locked.map_or("", |(id, _)| id.as_str()),
                stem: path.file_stem().and_then(|stem| stem.to_str()),
                file: Some(&file),
                local_name: None,
                live_name: base.and_then(serde_json::Value::as_str),
            })
    };
    let (touched, left_out): (Vec<_>, Vec<_>) = errors
        .into_iter()
        .partition(|error| error.paths().iter().any(is_touched));
    if let Some(error) = FilesError::all(touched) {
        return Err(error.into());
    }
    for error in &left_out {
        terminal.warn(&format!("{error}; this command is not about it"));
    }
    contents.left_out = left_out;
    warn_of(&contents, terminal);
    Ok(contents)
}

/// The selected ids among those with a file and those on the tenant.
pub(super) fn select<'a>(
    selection: &Selection,
    contents: &'a Contents,
    bases: &'a Bases,
    live: &'a LiveClients,
) -> Result<Vec<&'a ClientId>> {
    let ids: std::collections::BTreeSet<&ClientId> =
        contents.clients.keys().chain(live.keys()).collect();
    let clients = ids.into_iter().map(|id| {
        let file = contents.clients.get(id);
        let then = bases.of(id).and_then(|base| base.name());
        let names = Names {
            live_name: live.get(id).map(Client::name).or(then),
            ..names(id, file)
        };
        (names, id)
    });
    Ok(selection.pick(clients)?)
}

/// What a client is called on this side.
pub(super) fn names<'a>(id: &'a ClientId, file: Option<&'a ClientFile>) -> Names<'a> {
    Names {
        id: id.as_str(),
        file: file.map(|file| file.file.as_str()),
        stem: file.map(|file| file.stem.as_str()),
        local_name: file.and_then(|file| file.fields.get("name")?.as_str()),
        live_name: None,
    }
}

/// What a client is called, as far as is known without asking the tenant: its name there is the one it had last.
pub(super) fn known_names<'a>(
    id: &'a ClientId,
    file: &'a ClientFile,
    bases: &'a Bases,
) -> Names<'a> {
    let base = bases.of(id);
    Names {
        live_name: base.and_then(|base| base.name()),
        ..names(id, Some(file))
    }
}

/// What a client is called, on the tenant or else in its file, for showing references.
pub(super) fn client_names<'a>(
    contents: &'a Contents,
    live: &'a LiveClients,
) -> impl Fn(&str) -> Option<&'a str> {
    |id| match live.get(id) {
        Some(client) => Some(client.name()),
        None => contents.clients.get(id)?.fields.get("name")?.as_str(),
    }
}

/// Says that a file had to be written anew.
pub(super) fn warn_afresh(file: &str, terminal: &Terminal) {
    terminal.warn(&format!(
        "{file}: its comments and layout could not be kept with the new values; git has them"
    ));
}

/// Refuses values of the selected files that differ from base and that the API does not take, before anything is asked. What the
/// tenant had already is nobody's mistake.
///
/// # Errors
/// Names the place of each in its file.
pub(super) fn check_edits(
    contents: &Contents,
    bases: &Bases,
    selection: &Selection,
    directory: &TenantDirectory,
) -> Result<(), FilesError> {
    let files = contents.clients.iter();
    let selected = files.filter(|(id, file)| selection.touches(&known_names(id, file, bases)));
    let refused = selected.flat_map(|(id, file)| {
        let edited = move |field: &Field| {
            let local = field.of(&file.fields);
            let base = bases.of(id);
            base.zip(local)
                .is_some_and(|(base, local)| base.differs(*field, local))
        };
        let edited = Field::ALL.into_iter().filter(edited);
        edited.filter_map(|field| refused(file, field, directory))
    });
    FilesError::all(refused.collect()).map_or(Ok(()), Err)
}

/// The same of a plan: without a base, only the tenant can tell whether a value would be sent.
///
/// # Errors
/// As [`check_edits`].
pub(super) fn check_plan(
    plan: &Plan,
    contents: &Contents,
    directory: &TenantDirectory,
) -> Result<(), FilesError> {
    let refused = plan.clients.iter().flat_map(|client| {
        let file = contents.clients.get(&client.id);
        let fields = client.fields.iter();
        let due = fields.filter(|field| matches!(field.change, Change::Edit | Change::Conflict));
        let due = due.filter_map(|field| Field::from_name(&field.field));
        due.filter_map(move |field| refused(file?, field, directory))
    });
    FilesError::all(refused.collect()).map_or(Ok(()), Err)
}

fn refused(file: &ClientFile, field: Field, directory: &TenantDirectory) -> Option<FilesError> {
    let path = directory.path().join(&file.file);
    Some(FilesError::content(path, file.invalid(field)?))
}

/// Of so many conflicts the history is looked at: where one commit is to blame for them, a few of them tell.
const EARLIER: usize = 20;

/// Says of each conflict whose live value the file had at an earlier commit which one that was: an apply of it failed, or never
/// ran.
pub(super) fn tell_earlier(plan: &Plan, bases: &Bases, terminal: &Terminal) {
    let conflicts = plan.clients.iter().map(|client| {
        let fields = client.fields.iter();
        let conflicts = fields.filter(|field| field.change == Change::Conflict);
        let live = conflicts
            .filter_map(|field| Some((Field::from_name(&field.field)?, field.live.as_ref())));
        (client, live.collect::<Vec<_>>())
    });
    let conflicts = conflicts.filter(|(_, live)| !live.is_empty());
    for (client, live) in conflicts.take(EARLIER) {
        // It is a word beside the result: where git fails, the result stands.
        let earlier = bases.earlier(&client.id, client.file.as_deref(), &live);
        if let Ok(Some(commit)) = earlier {
            let commit = commit.short();
            terminal.note(&format!(
                "{}: the tenant has what the file said at {commit}: if an apply since then failed or never ran, \
                 --base {commit} makes it good",
                client.label()
            ));
        }
    }
}

/// Shows what reading the directory brought up.
pub(super) fn warn_of(contents: &Contents, terminal: &Terminal) {
    for warning in &contents.warnings {
        terminal.warn(warning);
    }
}
