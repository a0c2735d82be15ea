//! What the Deploy CLI writes: its two layouts, read into entries of tenantry's kinds. Whoever calls says how a file is read. Pure.
//! Source: auth0-deploy-cli 8.44, `lib/context/directory/handlers` and `lib/context/yaml/handlers`.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Map, Value};

use super::comments::{Commented, Comments};
use super::keywords::{Mappings, TooLarge, keywords_in, with_quotes};
use super::{LARGEST_FILE, Left};
use crate::files::{Document, Format, ParseError, Step, slug, slug_of_names};
use crate::kinds::{
    KINDS, Kind, Reference, client_grants, clients, log_streams, resource_servers, roles,
    tenant_settings,
};

/// A kind of which the Deploy CLI has many: the key in its YAML file, and the folder.
const COLLECTIONS: &[(&str, &str, &Kind)] = &[
    ("clients", "clients", &clients::KIND),
    (
        "resourceServers",
        "resource-servers",
        &resource_servers::KIND,
    ),
    ("clientGrants", "grants", &client_grants::KIND),
    ("roles", "roles", &roles::KIND),
    ("logStreams", "log-streams", &log_streams::KIND),
];

/// Where the tenant's settings are: the key, and the file.
const TENANT: (&str, &str) = ("tenant", "tenant.json");
/// Where attack protection is: the key, and the folder, which has a file for each part.
const ATTACK_PROTECTION: (&str, &str) = ("attackProtection", "attack-protection");

/// The keys and folders of what the Deploy CLI keeps and tenantry does not.
const OTHERS: &[(&str, &str)] = &[
    ("actionModules", "action-modules"),
    ("actions", "actions"),
    ("branding", "branding"),
    ("connectionProfiles", "connection-profiles"),
    ("connections", "connections"),
    ("customDomains", "custom-domains"),
    ("databases", "database-connections"),
    ("emailTemplates", "emails"),
    ("eventStreams", "event-streams"),
    ("flowVaultConnections", "flow-vault-connections"),
    ("flows", "flows"),
    ("forms", "forms"),
    ("guardianFactors", "guardian"),
    ("hooks", "hooks"),
    ("networkACLs", "network-acls"),
    ("organizations", "organizations"),
    ("pages", "pages"),
    ("partials", "partials"),
    ("phoneProviders", "phone-providers"),
    ("phoneTemplates", "phone-templates"),
    ("prompts", "prompts"),
    ("rateLimitPolicies", "rate-limit-policies"),
    ("riskAssessment", "risk-assessment"),
    ("rules", "rules"),
    ("rulesConfigs", "rules-configs"),
    ("selfServiceProfiles", "self-service-profiles"),
    ("supplementalSignals", "supplemental-signals"),
    ("themes", "themes"),
    ("tokenExchangeProfiles", "token-exchange-profiles"),
    ("triggers", "triggers"),
    ("userAttributeProfiles", "user-attribute-profiles"),
];

/// Keys of its YAML file that are settings of its own.
const ITS_OWN: &[&str] = &["exclude", "include"];

/// The lifetimes that it takes in minutes, too, each with the field that the API serves, in hours.
const IN_MINUTES: &[(&str, &str)] = &[
    (
        "ephemeral_session_lifetime_in_minutes",
        "ephemeral_session_lifetime",
    ),
    (
        "idle_ephemeral_session_lifetime_in_minutes",
        "idle_ephemeral_session_lifetime",
    ),
    ("idle_session_lifetime_in_minutes", "idle_session_lifetime"),
    ("session_lifetime_in_minutes", "session_lifetime"),
];

/// The field of a client of which the value may be a file beside it.
const PAGE: &str = "custom_login_page";

/// What the Deploy CLI's files say of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Its kind.
    pub(crate) kind: &'static Kind,
    /// Where it stands: a file, or a line of one.
    pub(crate) place: String,
    /// What ties it to the same resource of other tenants, as a stem; None where nothing but its name does.
    pub(crate) stem: Option<String>,
    /// What it says, less any secrets.
    pub(crate) fields: Map<String, Value>,
    /// What it would say if the keywords stood for something else.
    pub(crate) otherwise: Map<String, Value>,
    /// The comments above its fields.
    pub(crate) comments: Comments,
    /// The fields that say nothing, since nothing is known to stand for a keyword in them.
    pub(crate) unsaid: BTreeSet<String>,
    /// What of it can't be taken over.
    pub(crate) left: Vec<Left>,
}

/// What all of its files say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Export {
    /// The resources, in its order.
    pub(crate) entries: Vec<Entry>,
    /// What tenantry can't take over.
    pub(crate) left: Vec<Left>,
    /// What the Deploy CLI does not deploy of these resources.
    pub(crate) undeployed: Undeployed,
}

/// Resources that the Deploy CLI leaves alone, whatever its files say of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Undeployed {
    /// The names of clients.
    pub(crate) clients: BTreeSet<String>,
    /// The names of APIs.
    pub(crate) apis: BTreeSet<String>,
    /// The id of the client that it works by.
    pub(crate) own_client: Option<String>,
    /// Whether third-party clients are among them.
    pub(crate) third_party: bool,
}

/// A file that can't be taken for one of the Deploy CLI's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The file, and the place in it.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

/// The settings of the Deploy CLI that say what its files mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// What stands for which keyword.
    pub(crate) mappings: Mappings,
    /// The tenant that they are for.
    pub(crate) domain: Option<String>,
    /// The keys of what it leaves alone.
    excluded: BTreeSet<String>,
    /// The keys of what it does not leave alone, where it leaves all others.
    included: Option<BTreeSet<String>>,
    undeployed: Undeployed,
}

impl Settings {
    /// The settings in a `config.json`. Its credentials are nobody's business here.
    ///
    /// # Errors
    /// The mappings of keywords are none.
    pub(crate) fn of(settings: &Map<String, Value>) -> Result<Settings, String> {
        let text = |key: &str| Some(settings.get(key)?.as_str()?.to_owned());
        let is_on = |value: &Value| *value == true || *value == "true";
        Ok(Settings {
            mappings: Mappings::of_settings(settings)?,
            domain: text("AUTH0_DOMAIN"),
            excluded: names(settings, "AUTH0_EXCLUDED").unwrap_or_default(),
            included: names(settings, "AUTH0_INCLUDED_ONLY"),
            undeployed: Undeployed {
                clients: names(settings, "AUTH0_EXCLUDED_CLIENTS").unwrap_or_default(),
                apis: names(settings, "AUTH0_EXCLUDED_RESOURCE_SERVERS").unwrap_or_default(),
                own_client: text("AUTH0_CLIENT_ID"),
                third_party: settings
                    .get("AUTH0_EXCLUDE_THIRD_PARTY_CLIENTS")
                    .is_some_and(is_on),
            },
        })
    }

    fn leaves(&self, key: &str) -> bool {
        let included = self.included.as_ref();
        self.excluded.contains(key) || included.is_some_and(|included| !included.contains(key))
    }
}

/// The texts of a list; None where there is none.
fn names(settings: &Map<String, Value>, key: &str) -> Option<BTreeSet<String>> {
    let names = settings.get(key)?.as_array()?.iter();
    let names = names.filter_map(|name| Some(name.as_str()?.to_owned()));
    Some(names.collect())
}

/// How a file is read, by its path below the folder; None where there is none.
pub(crate) type Read<'a> = &'a dyn Fn(&str) -> io::Result<Option<Vec<u8>>>;

/// Reads the directory layout. `files` are the paths of all its files, sorted, with `/`, and `links` those of links to folders, which
/// are not read.
///
/// # Errors
/// Names every file that can't be read.
pub(crate) fn of_directory(
    files: &[String],
    links: &[String],
    read: Read<'_>,
    settings: &Settings,
) -> Result<Export, Vec<Broken>> {
    let mut reading = Reading::new(read, settings);
    let collections = COLLECTIONS.iter().map(|(key, folder, _)| (*key, *folder));
    let folders = collections.chain(OTHERS.iter().copied());
    let mut folders: Vec<(&str, &str)> = folders.chain([ATTACK_PROTECTION]).collect();
    folders.retain(|(key, _)| !settings.leaves(key));
    for link in links {
        let top = link.split('/').next();
        if folders.iter().any(|(_, folder)| top == Some(*folder)) {
            reading.leave(
                format!("{link}/"),
                "a link to a folder is not read: copy the folder into its place",
            );
        }
    }
    for path in files {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(stem) = name.strip_suffix(".json") else {
            continue;
        };
        let of_folder = COLLECTIONS.iter().find(|(_, of, _)| *of == folder);
        let (key, kind) = match of_folder {
            Some((key, _, kind)) => (*key, *kind),
            None if path == TENANT.1 => (TENANT.0, &tenant_settings::KIND),
            None if folder == ATTACK_PROTECTION.1 => {
                let part = parts().find(|part| part.only_stem() == Some(stem));
                match part {
                    Some(part) => (ATTACK_PROTECTION.0, part),
                    None => {
                        reading.leave(path.clone(), "tenantry keeps no such part of it");
                        continue;
                    }
                }
            }
            None => continue,
        };
        if !settings.leaves(key) {
            reading.file(kind, path, stem);
        }
    }
    for (key, folder) in OTHERS {
        let inside = format!("{folder}/");
        let count = files
            .iter()
            .filter(|path| path.starts_with(&inside))
            .count();
        if count > 0 && !settings.leaves(key) {
            reading.leave(inside, "tenantry does not keep these");
        }
    }
    reading.end()
}

/// Reads the YAML layout: `name` is the file's name, and `text` what it says.
///
/// # Errors
/// It can't be read.
pub(crate) fn of_yaml(
    name: &str,
    text: &[u8],
    read: Read<'_>,
    settings: &Settings,
) -> Result<Export, Vec<Broken>> {
    let mut reading = Reading::new(read, settings);
    let Documents {
        text,
        fields: document,
        otherwise,
        raw: unreplaced,
    } = match reading.document(name, text, Format::Yaml) {
        Ok(Some(read)) => read,
        Ok(None) => return reading.end(),
        Err(broken) => return Err(vec![broken]),
    };
    let located = Document::parse(text.as_bytes(), Format::Yaml);
    let raw = std::mem::take(&mut reading.raw);
    let commented = located.as_ref().ok();
    let commented = commented.map(|document| Commented::new(document, &text, &raw));
    let place = |path: &[Step<'_>]| match &located {
        Ok(located) => format!("{name}:{}", located.position_at(path).line),
        Err(_) => name.to_owned(),
    };
    // What stands there is in the place of what the settings say.
    if let Some(exclude) = document.get("exclude") {
        let nothing = Map::new();
        let exclude = exclude.as_object().unwrap_or(&nothing);
        let undeployed = &mut reading.export.undeployed;
        undeployed.clients = names(exclude, "clients").unwrap_or_default();
        undeployed.apis = names(exclude, "resourceServers").unwrap_or_default();
    }
    let mut stems = BTreeMap::new();
    for (key, _, kind) in COLLECTIONS {
        stems.insert(*key, stems_of(kind, key, &unreplaced, &settings.mappings));
    }
    for (key, value) in &document {
        let at = Step::Key(key);
        if settings.leaves(key) || ITS_OWN.contains(&key.as_str()) || value.is_null() {
            continue;
        }
        let (other, raw) = (otherwise.get(key), unreplaced.get(key));
        if let Some((_, _, kind)) = COLLECTIONS.iter().find(|(known, ..)| known == key) {
            let value_len = value.as_array().map(Vec::len);
            for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                let path = [at, Step::Index(index)];
                let other = other.and_then(|other| other.get(index));
                let raw = raw.and_then(|raw| raw.get(index));
                let Some(says) = Says::of(value, other, raw) else {
                    continue;
                };
                let comments = commented.as_ref();
                let comments = comments.map(|commented| commented.above(&path, says.fields));
                let comments = comments.unwrap_or_default();
                // Where a keyword brings in whole entries, nobody can tell which is which.
                let stems = stems.get(key.as_str());
                let stems = stems.filter(|stems| Some(stems.len()) == value_len);
                let stem = stems.and_then(|stems| stems.get(index)?.clone());
                reading.entry(kind, place(&path), stem, says, comments);
            }
            if !value.is_array() {
                reading.leave(place(&[at]), "it is no list");
            }
            continue;
        }
        let singles: Vec<(&'static Kind, Vec<Step<'_>>, Option<Says<'_>>)> = match key.as_str() {
            _ if key == TENANT.0 => {
                let says = Says::of(value, other, raw);
                vec![(&tenant_settings::KIND, vec![at], says)]
            }
            _ if key == ATTACK_PROTECTION.0 => {
                let entries = value.as_object().into_iter().flatten();
                let found = entries.filter_map(|(part, value)| {
                    let kind = parts()
                        .find(|kind| kind.only_stem().map(camel_case).as_ref() == Some(part))?;
                    let path = vec![at, Step::Key(part)];
                    let says = Says::of(
                        value,
                        other.and_then(|other| other.get(part)),
                        raw.and_then(|raw| raw.get(part)),
                    );
                    Some((kind, path, says))
                });
                found.collect()
            }
            _ => {
                let is_something = match value {
                    Value::Array(entries) => !entries.is_empty(),
                    Value::Object(keys) => !keys.is_empty(),
                    _ => true,
                };
                if is_something {
                    reading.export.left.push(Left {
                        fields: vec![key.clone()],
                        ..Left::of(place(&[at]), "tenantry does not keep these")
                    });
                }
                continue;
            }
        };
        for (kind, path, says) in singles {
            if let Some(says) = says {
                let comments = commented.as_ref();
                let comments = comments.map(|commented| commented.above(&path, says.fields));
                let comments = comments.unwrap_or_default();
                reading.entry(kind, place(&path), None, says, comments);
            }
        }
    }
    reading.end()
}

/// The stems of a kind's entries in the YAML file, of which `raw` is what it says with its keywords as they are: that of a name with a
/// keyword in it is the rest of the name, which is the same in every tenant. None where its name has no keyword, no rest, or not by
/// itself.
fn stems_of(
    kind: &'static Kind,
    key: &str,
    raw: &Map<String, Value>,
    mappings: &Mappings,
) -> Vec<Option<String>> {
    let list = |key: &str| raw.get(key).and_then(Value::as_array).into_iter().flatten();
    // What a grant means by its audience: the name of the API.
    let named = |reference: Reference, text: &str| {
        let (referred, by) = (reference.kind()?, reference.by?);
        let (key, ..) = COLLECTIONS.iter().find(|(.., kind)| *kind == referred)?;
        let mut entries = list(key).filter_map(Value::as_object);
        let fields = entries.find(|fields| fields.get(by).and_then(Value::as_str) == Some(text))?;
        referred.label_in(fields).map(str::to_owned)
    };
    let stems = list(key).map(|entry| {
        let fields = entry.as_object()?;
        // An API that is not there has no name to go by.
        let is_lacking = Cell::new(false);
        let names = kind.labels(fields, |reference, text| {
            let name = named(reference, text);
            is_lacking.set(is_lacking.get() || reference.by.is_some() && name.is_none());
            name
        });
        let rest: Vec<String> = names.iter().map(|name| mappings.removed(name)).collect();
        let is_said = rest.iter().all(|name| name.contains(char::is_alphanumeric));
        let is_rest = rest != names && is_said && !is_lacking.get();
        Some((is_rest, slug_of_names(kind, &rest)))
    });
    let stems: Vec<Option<(bool, String)>> = stems.collect();
    let mut alike: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, stem) in stems.iter().flatten() {
        *alike.entry(stem).or_default() += 1;
    }
    let its = stems.iter().map(|stem| {
        let (is_rest, stem) = stem.as_ref()?;
        let is_one = alike.get(stem.as_str()) == Some(&1);
        (*is_rest && is_one).then(|| stem.clone())
    });
    its.collect()
}

/// The parts of attack protection.
fn parts() -> impl Iterator<Item = &'static Kind> {
    KINDS
        .into_iter()
        .filter(|kind| kind.name == ATTACK_PROTECTION.1)
}

/// `bot-detection` as a key of its YAML file: `botDetection`.
fn camel_case(stem: &str) -> String {
    let mut words = stem.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (start, rest) = word.split_at(word.len().min(1));
        format!("{name}{}{rest}", start.to_ascii_uppercase())
    })
}

/// Its files while they are read.
struct Reading<'a> {
    read: Read<'a>,
    settings: &'a Settings,
    otherwise: Mappings,
    /// The text of the document as it stands in its file.
    raw: String,
    export: Export,
    broken: Vec<Broken>,
}

/// A document of its files.
struct Documents {
    /// Its text with the keywords replaced.
    text: String,
    /// What it says.
    fields: Map<String, Value>,
    /// What it would say if the keywords stood for something else.
    otherwise: Map<String, Value>,
    /// What it says with its keywords as they are; nothing where it is no document then.
    raw: Map<String, Value>,
}

/// What a document says of one resource.
#[derive(Clone, Copy)]
struct Says<'a> {
    fields: &'a Map<String, Value>,
    otherwise: &'a Map<String, Value>,
    raw: &'a Map<String, Value>,
}

impl<'a> Says<'a> {
    /// Where the values are maps.
    fn of(value: &'a Value, otherwise: Option<&'a Value>, raw: Option<&'a Value>) -> Option<Self> {
        let fields = value.as_object()?;
        Some(Says {
            fields,
            otherwise: otherwise.and_then(Value::as_object).unwrap_or(fields),
            raw: raw.and_then(Value::as_object).unwrap_or(fields),
        })
    }
}

impl<'a> Reading<'a> {
    fn new(read: Read<'a>, settings: &'a Settings) -> Reading<'a> {
        Reading {
            read,
            settings,
            otherwise: settings.mappings.otherwise(),
            raw: String::new(),
            export: Export {
                undeployed: settings.undeployed.clone(),
                ..Export::default()
            },
            broken: Vec::new(),
        }
    }

    fn end(self) -> Result<Export, Vec<Broken>> {
        match self.broken.is_empty() {
            true => Ok(self.export),
            false => Err(self.broken),
        }
    }

    fn leave(&mut self, place: String, why: &str) {
        self.export.left.push(Left::of(place, why));
    }

    fn file(&mut self, kind: &'static Kind, path: &str, stem: &str) {
        let text = match (self.read)(path) {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(error) => {
                self.broken.push(broken(path, &error.to_string()));
                return;
            }
        };
        match self.document(path, &text, Format::Json) {
            // An empty one is one that it skips, too.
            Ok(Some(document)) if !document.fields.is_empty() => {
                let is_named = kind.only().is_none() && !is_nameless(stem);
                let stem = is_named.then(|| slug(kind, stem));
                let place = path.to_owned();
                let says = Says {
                    fields: &document.fields,
                    otherwise: &document.otherwise,
                    raw: &document.raw,
                };
                self.entry(kind, place, stem, says, Comments::new());
            }
            Ok(_) => {}
            Err(broken) => self.broken.push(broken),
        }
    }

    /// Reads a text; None where it says nothing.
    fn document(
        &mut self,
        name: &str,
        text: &[u8],
        format: Format,
    ) -> Result<Option<Documents>, Broken> {
        let raw = std::str::from_utf8(text).map_err(|_| broken(name, "is not UTF-8 text"))?;
        self.raw = raw.to_owned();
        if raw.trim().is_empty() {
            return Ok(None);
        }
        let parse = |mappings: &Mappings| -> Result<(String, Map<String, Value>), Broken> {
            let text = mappings.replaced(raw, LARGEST_FILE).map_err(|TooLarge| {
                broken(name, "its keywords make it larger than any file may be")
            })?;
            let quoted = with_quotes(&text);
            if let Ok(document) = Document::parse(quoted.as_bytes(), format) {
                let fields = document.into_fields();
                return Ok((quoted, fields));
            }
            let fields = Document::parse(text.as_bytes(), format)
                .map_err(|error| at(name, error))?
                .into_fields();
            Ok((text, fields))
        };
        let (text, fields) = parse(&self.settings.mappings)?;
        let otherwise = match parse(&self.otherwise) {
            Ok((_, otherwise)) => otherwise,
            // With other values it is no document: each keyword by itself may tell where it is, and another one keeps none from it.
            Err(_) => {
                let mut otherwise = Value::Object(fields.clone());
                let said = otherwise.clone();
                let mut untold = Vec::new();
                let mappings = &self.settings.mappings;
                let replaced = mappings.replaced(raw, LARGEST_FILE).ok();
                for (keyword, other) in mappings.each_otherwise() {
                    if other.replaced(raw, LARGEST_FILE).ok() == replaced {
                        continue;
                    }
                    match parse(&other) {
                        Ok((_, other)) => join(&mut otherwise, &said, &other.into()),
                        Err(_) => untold.push(keyword),
                    }
                }
                if !untold.is_empty() {
                    let why = format!(
                        "which fields have {} can't be told: write what is this tenant's own into overrides.yaml",
                        untold.join(", ")
                    );
                    self.leave(name.to_owned(), &why);
                }
                match otherwise {
                    Value::Object(otherwise) => otherwise,
                    _ => fields.clone(),
                }
            }
        };
        let unreplaced = with_quotes(raw);
        let raw = Document::parse(unreplaced.as_bytes(), format);
        Ok(Some(Documents {
            text,
            fields,
            otherwise,
            raw: raw.map(Document::into_fields).unwrap_or_default(),
        }))
    }

    fn entry(
        &mut self,
        kind: &'static Kind,
        place: String,
        stem: Option<String>,
        says: Says<'_>,
        comments: Comments,
    ) {
        let (mut fields, mut otherwise) = (says.fields.clone(), says.otherwise.clone());
        let secrets: BTreeSet<String> = kind
            .secrets_in(&fields)
            .iter()
            .map(|way| dotted(way))
            .collect();
        let mut left = Vec::new();
        for secret in secrets {
            left.push(Left {
                fields: vec![secret],
                ..Left::of(
                    place.clone(),
                    "it holds a secret, which no file of tenantry has",
                )
            });
        }
        for fields in [&mut fields, &mut otherwise] {
            kind.strip_secrets(fields);
            if *kind == tenant_settings::KIND {
                in_hours(fields);
            }
        }
        if *kind == clients::KIND {
            left.extend(self.page(&place, says.raw, &mut fields, &mut otherwise));
        }
        let mut unknown: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
        fields.retain(|name, value| {
            let keywords = keywords_in(value);
            let is_known = keywords.is_empty();
            if !is_known {
                otherwise.shift_remove(name);
                unknown.entry(keywords).or_default().push(name.clone());
            }
            is_known
        });
        let unsaid = unknown.values().flatten().cloned().collect();
        for (keywords, fields) in unknown {
            let why = format!(
                "nothing is known to stand for {}: the file of --config says what does, and the environment is not asked",
                keywords.join(", ")
            );
            left.push(Left {
                fields,
                ..Left::of(place.clone(), &why)
            });
        }
        self.export.entries.push(Entry {
            kind,
            place,
            stem,
            fields,
            otherwise,
            comments,
            unsaid,
            left,
        });
    }

    /// The login page of a client may be a file beside it. Its path may have keywords in it, and the file's name may have them, too. One
    /// that can't be read is left.
    fn page(
        &mut self,
        place: &str,
        raw: &Map<String, Value>,
        fields: &mut Map<String, Value>,
        otherwise: &mut Map<String, Value>,
    ) -> Option<Left> {
        let page = fields.get(PAGE)?.as_str()?;
        if page.is_empty() || page.contains(['\n', '\r', '<']) {
            return None;
        }
        let file = below_clients(page);
        let raw = raw.get(PAGE).and_then(Value::as_str).map(below_clients);
        let read = match (self.read)(&file) {
            Ok(None) => raw.map_or(Ok(None), |raw| (self.read)(&raw)),
            read => read,
        };
        let left = match read {
            Ok(Some(text)) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let replaced = self.settings.mappings.replaced(&text, LARGEST_FILE);
                let other = self.otherwise.replaced(&text, LARGEST_FILE);
                match (replaced, other) {
                    (Ok(text), Ok(other)) => {
                        fields.insert(PAGE.to_owned(), text.into());
                        otherwise.insert(PAGE.to_owned(), other.into());
                        return None;
                    }
                    _ => "its keywords make the page larger than any file may be".to_owned(),
                }
            }
            Ok(None) if is_path(page) => format!("its page {file} is not there"),
            // It is the page itself, then.
            Ok(None) => return None,
            Err(error) => format!("its page can't be read: {error}"),
        };
        fields.shift_remove(PAGE);
        otherwise.shift_remove(PAGE);
        Some(Left {
            fields: vec![PAGE.to_owned()],
            ..Left::of(place.to_owned(), &left)
        })
    }
}

/// Has `joined` differ from `said` wherever `other` does, too.
fn join(joined: &mut Value, said: &Value, other: &Value) {
    match (joined, said, other) {
        (_, said, other) if said == other => {}
        (Value::Object(joined), Value::Object(said), Value::Object(other)) => {
            joined.retain(|key, _| other.contains_key(key));
            for (key, other) in other {
                match (joined.get_mut(key), said.get(key)) {
                    (Some(joined), Some(said)) => join(joined, said, other),
                    _ => _ = joined.insert(key.clone(), other.clone()),
                }
            }
        }
        (Value::Array(joined), Value::Array(said), Value::Array(other))
            if joined.len() == said.len() && said.len() == other.len() =>
        {
            let entries = joined.iter_mut().zip(said).zip(other);
            entries.for_each(|((joined, said), other)| join(joined, said, other));
        }
        (joined, _, other) => *joined = other.clone(),
    }
}

/// The path of a client's page, which is said from the clients' folder, below that of all files. One that leads out of it keeps its
/// first `..`.
fn below_clients(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut steps = vec!["clients"];
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." if steps.last().is_some_and(|last| *last != "..") => _ = steps.pop(),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// Whether a text in one line is a path, or the name of a file.
fn is_path(text: &str) -> bool {
    let is_extension = |end: &str| {
        (2..=5).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    text.contains(['/', '\\'])
        || text
            .rsplit_once('.')
            .is_some_and(|(_, end)| is_extension(end))
}

/// Whether a file's name says nothing: what has no name, or is a grant to an API without one, is `undefined` to the Deploy CLI.
fn is_nameless(stem: &str) -> bool {
    stem.rsplit('-').next() == Some("undefined")
}

/// The way to something as text: `sink.splunkToken`.
fn dotted(way: &[Step<'_>]) -> String {
    let keys = way.iter().filter_map(|step| match step {
        Step::Key(key) => Some(*key),
        Step::Index(_) => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

/// Lifetimes in minutes become those in hours, in which the API serves them.
fn in_hours(fields: &mut Map<String, Value>) {
    for (minutes, hours) in IN_MINUTES {
        let Some(value) = fields.get(*minutes).and_then(Value::as_f64) else {
            continue;
        };
        fields.shift_remove(*minutes);
        let in_hours = value / 60.0;
        let value = match in_hours.fract() == 0.0 && in_hours.abs() < 1e9 {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small")]
            true => Value::from(in_hours as i64),
            false => Value::from(in_hours),
        };
        fields.entry(*hours).or_insert(value);
    }
}

fn broken(place: &str, message: &str) -> Broken {
    Broken {
        place: place.to_owned(),
        message: message.to_owned(),
        hint: None,
    }
}

fn at(place: &str, error: ParseError) -> Broken {
    // The Deploy CLI takes what no file of tenantry may have, and nobody has to take it out by hand.
    let is_short = ["has an anchor", "has an alias", "has a merge key"]
        .iter()
        .any(|start| error.message.starts_with(start));
    let hint = match is_short {
        true => Some(format!(
            "`yq 'explode(.)' {place} > flat.yaml` writes it out in full: adopt flat.yaml, in the same folder"
        )),
        false => error.hint,
    };
    Broken {
        place: format!("{place}:{}", error.position),
        message: error.message,
        hint,
    }
}
