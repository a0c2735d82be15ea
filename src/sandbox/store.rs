//! The tenant's resources in memory, and the state file that holds them between runs. No HTTP: fields come in, fields come
//! out, and every change is on the disk before it is answered.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::SandboxError;
use super::kind::{Fields, Form, Kind, Neighbours};
use super::kinds::{self, KINDS, clients};
use super::merge;
use super::random::{Chance, fresh_like};
use super::shapes::Operation;
use crate::json;

/// The version of the state file that this code reads and writes.
const VERSION: u64 = 2;

/// The resources of a tenant by the names of their kinds.
pub(super) type Resources = BTreeMap<&'static str, Vec<Fields>>;

/// The resources of one tenant, each kind in the order of their creation.
#[derive(Debug)]
pub(super) struct Store {
    shelves: BTreeMap<&'static str, Vec<Stored>>,
    next: u64,
    file: Option<PathBuf>,
    shuffle: Option<u64>,
}

#[derive(Debug, Clone)]
struct Stored {
    /// Never reused, so that a checkpoint stays right when a resource is deleted.
    serial: u64,
    fields: Fields,
}

impl Store {
    /// Opens the state file, or fills it from the seed where it does not exist yet. With `shuffle`, resources are listed in
    /// an order that follows from that number.
    ///
    /// # Errors
    /// The state file can't be read or written, or does not hold a state.
    pub(super) fn open(
        file: Option<PathBuf>,
        shuffle: Option<u64>,
        seed: impl FnOnce() -> Resources,
    ) -> Result<Store, SandboxError> {
        let state = match &file {
            Some(path) => read(path)?,
            None => None,
        };
        let known = state.is_some();
        let mut store = Store {
            shelves: BTreeMap::new(),
            next: 0,
            file,
            shuffle,
        };
        let mut resources = state.unwrap_or_else(seed);
        for kind in KINDS {
            store.fill(kind, resources.remove(kind.name).unwrap_or_default());
        }
        if !known {
            store.save().map_err(|error| SandboxError::WriteState {
                path: store.file.clone().unwrap_or_default(),
                error,
            })?;
        }
        Ok(store)
    }

    /// The resource of that id.
    pub(super) fn get(&self, kind: &Kind, id: &str) -> Option<&Fields> {
        let at = self.position(kind, id)?;
        Some(&self.shelf(kind).get(at)?.fields)
    }

    /// Every resource of a kind in the order of creation.
    pub(super) fn iter(&self, kind: &Kind) -> impl Iterator<Item = &Fields> {
        self.shelf(kind).iter().map(|stored| &stored.fields)
    }

    /// Every resource of a kind in the order of a list, each with a key that grows along the list.
    pub(super) fn listed(&self, kind: &Kind) -> Vec<(u64, &Fields)> {
        let mut listed: Vec<(u64, &Fields)> = self
            .shelf(kind)
            .iter()
            .map(|stored| match self.shuffle {
                None => (stored.serial, &stored.fields),
                Some(seed) => (Chance::new(seed ^ stored.serial).next(), &stored.fields),
            })
            .collect();
        listed.sort_by_key(|(key, _)| *key);
        listed
    }

    /// Adds a resource, with an id where it has none, and returns it. One of the same id is replaced in its place.
    ///
    /// # Errors
    /// The state file can't be written, or there is no randomness; then nothing has changed.
    pub(super) fn create(&mut self, kind: &'static Kind, fields: Fields) -> io::Result<Fields> {
        let mut fields = fields;
        if let Form::Many(many) = &kind.form
            && !fields.contains_key(many.id)
        {
            let id = fresh_like(many.example);
            let id = id.ok_or_else(|| io::Error::other("no source of randomness"))?;
            fields.shift_insert(0, many.id.to_owned(), id.into());
        }
        self.change(|store| {
            let at = kind.id(&fields).and_then(|id| store.position(kind, id));
            match at {
                Some(at) => store.shelf_mut(kind)[at].fields = fields.clone(),
                None => store.append(kind, fields.clone()),
            }
        })?;
        Ok(fields)
    }

    /// Writes a body over the resource of that id, as its kind does, and returns it.
    ///
    /// # Errors
    /// The state file can't be written; then nothing has changed.
    pub(super) fn update(
        &mut self,
        kind: &'static Kind,
        id: &str,
        sent: Fields,
    ) -> io::Result<Option<Fields>> {
        self.touch(kind, id, |fields| {
            kind.write(fields, sent, Operation::Update);
        })?;
        Ok(self.get(kind, id).cloned())
    }

    /// Sets one field to exactly that value, or removes it. False if there is no such resource.
    ///
    /// # Errors
    /// The state file can't be written; then nothing has changed.
    pub(super) fn edit(
        &mut self,
        kind: &'static Kind,
        id: &str,
        field: &str,
        value: Option<Value>,
    ) -> io::Result<bool> {
        self.touch(kind, id, |fields| {
            match value {
                Some(value) => fields.insert(field.to_owned(), value),
                None => fields.shift_remove(field),
            };
        })
    }

    /// Removes the resource of that id, and what can't be without it. False if there is none.
    ///
    /// # Errors
    /// The state file can't be written; then nothing has changed.
    pub(super) fn delete(&mut self, kind: &'static Kind, id: &str) -> io::Result<bool> {
        let Some(at) = self.position(kind, id) else {
            return Ok(false);
        };
        self.change(|store| {
            let deleted = store.shelf_mut(kind).remove(at).fields;
            for (along, field, own) in kind.collection().map_or(&[][..], |many| many.takes_along) {
                if let (Some(along), Some(own)) = (kinds::named(along), deleted.get(*own)) {
                    let shelf = store.shelf_mut(along);
                    shelf.retain(|stored| stored.fields.get(*field) != Some(own));
                }
            }
        })?;
        Ok(true)
    }

    /// The tenant's name, as its clients say it.
    pub(super) fn tenant(&self) -> &str {
        tenant_of(self.iter(&clients::KIND))
    }

    fn shelf(&self, kind: &Kind) -> &[Stored] {
        self.shelves.get(kind.name).map_or(&[], Vec::as_slice)
    }

    fn shelf_mut(&mut self, kind: &'static Kind) -> &mut Vec<Stored> {
        self.shelves.entry(kind.name).or_default()
    }

    fn position(&self, kind: &Kind, id: &str) -> Option<usize> {
        let shelf = self.shelf(kind);
        let by = |field: &str| {
            shelf
                .iter()
                .position(|stored| stored.fields.get(field).and_then(Value::as_str) == Some(id))
        };
        match &kind.form {
            Form::One => (!shelf.is_empty()).then_some(0),
            Form::Many(many) => by(many.id).or_else(|| by(many.also_by?)),
        }
    }

    /// Fills the shelf of a kind; what there is one of is there always.
    fn fill(&mut self, kind: &'static Kind, resources: Vec<Fields>) {
        // One of the same id as another takes its place. There may be thousands, so it is not looked for among all of them.
        let mut places: HashMap<String, usize> = HashMap::new();
        for fields in resources {
            let id = kind.id(&fields).map(str::to_owned);
            match id.as_ref().and_then(|id| places.get(id)) {
                Some(at) => self.shelf_mut(kind)[*at].fields = fields,
                None => {
                    let at = self.shelf(kind).len();
                    places.extend(id.map(|id| (id, at)));
                    self.append(kind, fields);
                }
            }
        }
        if matches!(kind.form, Form::One) && self.shelf(kind).is_empty() {
            let fresh = kind.fresh(self.tenant(), Map::new());
            self.append(kind, fresh);
        }
    }

    fn append(&mut self, kind: &'static Kind, fields: Fields) {
        let serial = self.next;
        self.next += 1;
        self.shelf_mut(kind).push(Stored { serial, fields });
    }

    fn touch(
        &mut self,
        kind: &'static Kind,
        id: &str,
        change: impl FnOnce(&mut Fields),
    ) -> io::Result<bool> {
        let Some(at) = self.position(kind, id) else {
            return Ok(false);
        };
        self.change(|store| change(&mut store.shelf_mut(kind)[at].fields))?;
        Ok(true)
    }

    fn change(&mut self, change: impl FnOnce(&mut Store)) -> io::Result<()> {
        if self.file.is_none() {
            change(self);
            return Ok(());
        }
        let before = self.shelves.clone();
        change(self);
        self.save().inspect_err(|_| self.shelves = before)
    }

    fn save(&self) -> io::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let resources = KINDS.into_iter().map(|kind| {
            let resources: Value = self
                .iter(kind)
                .cloned()
                .map(|mut fields| {
                    kind.secrets
                        .iter()
                        .for_each(|path| merge::remove(&mut fields, path));
                    fields
                })
                .collect();
            (kind.name.to_owned(), resources)
        });
        let resources: Value = resources.collect();
        let state = json!({ "version": VERSION, "resources": resources });
        let mut text = serde_json::to_vec_pretty(&state)?;
        text.push(b'\n');
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&text)?;
        file.persist(path)?;
        Ok(())
    }
}

impl Neighbours for Store {
    fn any(&self, kind: &str, is_it: &dyn Fn(&Fields) -> bool) -> bool {
        kinds::named(kind).is_some_and(|kind| self.iter(kind).any(is_it))
    }
}

/// The name of the tenant whose clients these are.
pub(super) fn tenant_of<'a>(clients: impl IntoIterator<Item = &'a Fields>) -> &'a str {
    let mut clients = clients.into_iter();
    let name = clients.find_map(|client| client.get("tenant")?.as_str());
    name.unwrap_or("sandbox")
}

/// What is in a file that is one, and no link to another: the state is in a folder that somebody else may have made.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let check = |metadata: fs::Metadata| match metadata.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("it is not a regular file")),
    };
    check(fs::symlink_metadata(path)?)?;
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let mut file = options.open(path)?;
    check(file.metadata()?)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(text)
}

/// The resources in the state file; None where there is no file.
fn read(path: &Path) -> Result<Option<Resources>, SandboxError> {
    let broken = |reason: String| SandboxError::BrokenState {
        path: path.to_owned(),
        reason,
    };
    let text = match read_regular(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(error.to_string())),
    };
    let text = String::from_utf8(text).map_err(|_| broken("it is not UTF-8".to_owned()))?;
    let state = json::parse(&text).map_err(|fault| {
        let (line, column) = fault.line_and_column(&text);
        broken(format!("it is no JSON in line {line}, column {column}"))
    })?;
    if state.get("version") != Some(&VERSION.into()) {
        return Err(broken(match state.get("version") {
            Some(version) => {
                format!("it has version {version}, and this tenantry reads version {VERSION}")
            }
            None => "it has no version".to_owned(),
        }));
    }
    let mut resources = Resources::new();
    for kind in KINDS {
        let shelf = state.pointer(&format!("/resources/{}", kind.name.replace('/', "~1")));
        let shelf = shelf.and_then(Value::as_array).cloned();
        let mut of_kind = Vec::new();
        for (index, resource) in shelf.unwrap_or_default().into_iter().enumerate() {
            match resource {
                Value::Object(fields) if kind.id(&fields).is_some() => of_kind.push(fields),
                _ => {
                    return Err(broken(format!(
                        "number {} of {} has no id",
                        index + 1,
                        kind.name
                    )));
                }
            }
        }
        resources.insert(kind.name, of_kind);
    }
    Ok(Some(resources))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENTS: &Kind = &clients::KIND;

    fn object(value: Value) -> Fields {
        value.as_object().cloned().unwrap()
    }

    fn of_clients(clients: impl IntoIterator<Item = Value>) -> Resources {
        Resources::from([("clients", clients.into_iter().map(object).collect())])
    }

    fn seed() -> Resources {
        of_clients([
            json!({"client_id": "a", "name": "A", "client_metadata": {"x": "1", "y": "2"}}),
            json!({"client_id": "b", "name": "B", "client_secret": "mine"}),
        ])
    }

    fn ids(store: &Store) -> Vec<&str> {
        store
            .listed(CLIENTS)
            .into_iter()
            .map(|(_, client)| client["client_id"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn an_update_sets_removes_and_merges() {
        let mut store = Store::open(None, None, seed).unwrap();
        let fields =
            json!({"name": null, "description": "", "client_metadata": {"x": null, "z": "3"}});
        let after = store
            .update(&clients::KIND, "a", object(fields))
            .unwrap()
            .unwrap();
        assert_eq!(
            after,
            object(
                json!({"client_id": "a", "client_metadata": {"y": "2", "z": "3"}, "description": ""})
            )
        );
        assert_eq!(
            store.update(&clients::KIND, "none", Map::new()).unwrap(),
            None
        );
    }

    #[test]
    fn state_survives_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/state.json");
        let mut store = Store::open(Some(file.clone()), None, seed).unwrap();
        let id = store
            .create(&clients::KIND, object(json!({"name": "C"})))
            .unwrap()["client_id"]
            .clone();
        assert!(
            store
                .edit(&clients::KIND, "a", "name", Some("Ä".into()))
                .unwrap()
        );
        assert!(store.delete(&clients::KIND, "b").unwrap());
        assert!(!store.delete(&clients::KIND, "b").unwrap());
        assert!(!fs::read_to_string(&file).unwrap().contains("mine"));

        let again = Store::open(Some(file), None, || panic!("seeded twice")).unwrap();
        assert_eq!(ids(&again), ["a", id.as_str().unwrap()]);
        assert_eq!(again.get(CLIENTS, "a").unwrap()["name"], "Ä");
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/state.json");
        let mut store = Store::open(Some(file), None, seed).unwrap();
        fs::remove_dir_all(folder.path().join("state")).unwrap();
        fs::write(folder.path().join("state"), "in the way").unwrap();
        assert!(store.edit(&clients::KIND, "a", "name", None).is_err());
        assert_eq!(store.get(CLIENTS, "a").unwrap()["name"], "A");
    }

    #[test]
    fn a_broken_state_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        for text in [
            "{",
            "{}",
            r#"{"version": 1, "clients": []}"#,
            r#"{"version": 2, "resources": {"clients": [{}]}}"#,
        ] {
            fs::write(&file, text).unwrap();
            let error = Store::open(Some(file.clone()), None, seed).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("state.json"), "{message}");
            assert!(message.contains("tenantry sandbox reset"), "{message}");
        }
    }

    #[test]
    fn a_shuffled_list_has_every_client_in_a_repeatable_order() {
        let many = || of_clients((0..9).map(|n| json!({"client_id": n.to_string()})));
        let shuffled = Store::open(None, Some(4), many).unwrap();
        let mut order = ids(&shuffled);
        assert_ne!(order, ids(&Store::open(None, None, many).unwrap()));
        assert_eq!(order, ids(&Store::open(None, Some(4), many).unwrap()));
        order.sort_unstable();
        assert_eq!(order, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    }
}
