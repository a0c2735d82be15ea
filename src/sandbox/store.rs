//! The tenant's clients in memory, and the state file that holds them between runs. No HTTP: fields come in, fields come
//! out, and every change is on the disk before it is answered.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::SandboxError;
use super::random::{Chance, fresh_id};
use super::secrets;

/// The version of the state file that this code reads and writes.
const VERSION: u64 = 1;

/// The clients of one tenant, in the order of their creation.
#[derive(Debug)]
pub(super) struct Store {
    clients: Vec<Stored>,
    next: u64,
    file: Option<PathBuf>,
    shuffle: Option<u64>,
}

#[derive(Debug, Clone)]
struct Stored {
    /// Never reused, so that a checkpoint stays right when a client is deleted.
    serial: u64,
    client: Map<String, Value>,
}

#[derive(Serialize)]
struct State<'a> {
    version: u64,
    clients: &'a [Map<String, Value>],
}

#[derive(Deserialize)]
struct ReadState {
    version: u64,
    clients: Vec<Map<String, Value>>,
}

impl Store {
    /// Opens the state file, or fills it from the seed where it does not exist yet. With `shuffle`, clients are listed in
    /// an order that follows from that number.
    ///
    /// # Errors
    /// The state file can't be read or written, or does not hold a state.
    pub fn open(
        file: Option<PathBuf>,
        shuffle: Option<u64>,
        seed: impl FnOnce() -> Vec<Map<String, Value>>,
    ) -> Result<Store, SandboxError> {
        let state = match &file {
            Some(path) => read(path)?,
            None => None,
        };
        let known = state.is_some();
        let mut store = Store {
            clients: Vec::new(),
            next: 0,
            file,
            shuffle,
        };
        // One of the same id as another takes its place. There may be thousands, so it is not looked for among all of them.
        let mut places: HashMap<String, usize> = HashMap::new();
        for client in state.unwrap_or_else(seed) {
            let id = client.get("client_id").and_then(Value::as_str);
            match id.and_then(|id| places.get(id)) {
                Some(at) => store.clients[*at].client = client,
                None => {
                    places.extend(id.map(|id| (id.to_owned(), store.clients.len())));
                    store.append(client);
                }
            }
        }
        if !known {
            store.save().map_err(|error| SandboxError::WriteState {
                path: store.file.clone().unwrap_or_default(),
                error,
            })?;
        }
        Ok(store)
    }

    /// The client of that id, without made-up secrets.
    pub fn get(&self, id: &str) -> Option<&Map<String, Value>> {
        let at = self.position(id)?;
        Some(&self.clients[at].client)
    }

    /// Every client in the order of creation.
    pub fn iter(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.clients.iter().map(|stored| &stored.client)
    }

    /// Every client in the order of a list, each with a key that grows along the list.
    pub fn listed(&self) -> Vec<(u64, &Map<String, Value>)> {
        let mut listed: Vec<(u64, &Map<String, Value>)> = self
            .clients
            .iter()
            .map(|stored| match self.shuffle {
                None => (stored.serial, &stored.client),
                Some(seed) => (Chance::new(seed ^ stored.serial).next(), &stored.client),
            })
            .collect();
        listed.sort_by_key(|(key, _)| *key);
        listed
    }

    /// Adds a client, with an id where it has none, and returns it.
    ///
    /// # Errors
    /// The state file can't be written, or there is no randomness; then nothing has changed.
    pub fn create(&mut self, client: Map<String, Value>) -> io::Result<Map<String, Value>> {
        let mut client = client;
        if !client.contains_key("client_id") {
            let id = fresh_id().ok_or_else(|| io::Error::other("no source of randomness"))?;
            client.insert("client_id".to_owned(), id.into());
        }
        self.change(|store| {
            store.push(client.clone());
        })?;
        Ok(client)
    }

    /// Sets fields of the client of that id, and returns it. A `null` removes its field; of `client_metadata` and
    /// `jwt_configuration` the entries that are not sent stay.
    ///
    /// # Errors
    /// The state file can't be written; then nothing has changed.
    pub fn update(
        &mut self,
        id: &str,
        fields: Map<String, Value>,
    ) -> io::Result<Option<Map<String, Value>>> {
        let Some(at) = self.position(id) else {
            return Ok(None);
        };
        self.change(|store| {
            let client = &mut store.clients[at].client;
            for (name, value) in fields {
                let merges = matches!(name.as_str(), "client_metadata" | "jwt_configuration");
                match (client.get_mut(&name), value) {
                    (_, Value::Null) => {
                        client.shift_remove(&name);
                    }
                    (Some(Value::Object(old)), Value::Object(new)) if merges => merge(old, new),
                    (_, value) => {
                        client.insert(name, value);
                    }
                }
            }
        })?;
        Ok(self.get(id).cloned())
    }

    /// Sets one field to exactly that value, or removes it. False if there is no such client.
    ///
    /// # Errors
    /// The state file can't be written; then nothing has changed.
    pub fn edit(&mut self, id: &str, field: &str, value: Option<Value>) -> io::Result<bool> {
        let Some(at) = self.position(id) else {
            return Ok(false);
        };
        self.change(|store| {
            let client = &mut store.clients[at].client;
            match value {
                Some(value) => client.insert(field.to_owned(), value),
                None => client.shift_remove(field),
            };
        })?;
        Ok(true)
    }

    /// Removes the client of that id. False if there is none.
    ///
    /// # Errors
    /// The state file can't be written; then nothing has changed.
    pub fn delete(&mut self, id: &str) -> io::Result<bool> {
        let Some(at) = self.position(id) else {
            return Ok(false);
        };
        self.change(|store| {
            store.clients.remove(at);
        })?;
        Ok(true)
    }

    /// The tenant's name, as its clients say it.
    pub fn tenant(&self) -> &str {
        self.iter()
            .find_map(|client| client.get("tenant")?.as_str())
            .unwrap_or("sandbox")
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.clients
            .iter()
            .position(|stored| stored.client.get("client_id").and_then(Value::as_str) == Some(id))
    }

    /// Adds a client; one of the same id is replaced in its place.
    fn push(&mut self, client: Map<String, Value>) {
        let at = client
            .get("client_id")
            .and_then(Value::as_str)
            .and_then(|id| self.position(id));
        if let Some(at) = at {
            self.clients[at].client = client;
            return;
        }
        self.append(client);
    }

    fn append(&mut self, client: Map<String, Value>) {
        self.clients.push(Stored {
            serial: self.next,
            client,
        });
        self.next += 1;
    }

    fn change(&mut self, change: impl FnOnce(&mut Store)) -> io::Result<()> {
        if self.file.is_none() {
            change(self);
            return Ok(());
        }
        let before = self.clients.clone();
        change(self);
        self.save().inspect_err(|_| self.clients = before)
    }

    fn save(&self) -> io::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let clients: Vec<Map<String, Value>> = self
            .iter()
            .map(|client| {
                let mut client = client.clone();
                secrets::strip(&mut client);
                client
            })
            .collect();
        let state = State {
            version: VERSION,
            clients: &clients,
        };
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

/// The fields that the API adds to a new client, under those that were sent.
pub(super) fn with_defaults(tenant: &str, sent: Map<String, Value>) -> Map<String, Value> {
    let defaults = json!({
        "tenant": tenant,
        "global": false,
        "is_token_endpoint_ip_header_trusted": false,
        "name": "",
        "callbacks": [],
        "cross_origin_authentication": false,
        "is_first_party": true,
        "oidc_conformant": false,
        "refresh_token": {
            "expiration_type": "non-expiring",
            "leeway": 0,
            "infinite_token_lifetime": true,
            "infinite_idle_token_lifetime": true,
            "token_lifetime": 2592000,
            "idle_token_lifetime": 1296000,
            "rotation_type": "non-rotating"
        },
        "sso_disabled": false,
        "cross_origin_auth": false,
        "callback_url_template": false,
        "jwt_configuration": { "alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": false },
        "client_aliases": [],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "custom_login_page_on": true
    });
    let mut client = match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    };
    for (name, value) in sent {
        match (client.get_mut(&name), value) {
            (_, Value::Null) => {
                client.shift_remove(&name);
            }
            (Some(Value::Object(old)), Value::Object(new)) if name == "jwt_configuration" => {
                merge(old, new);
            }
            (_, value) => {
                client.insert(name, value);
            }
        }
    }
    client
}

fn merge(old: &mut Map<String, Value>, new: Map<String, Value>) {
    for (key, value) in new {
        if value.is_null() {
            old.shift_remove(&key);
        } else {
            old.insert(key, value);
        }
    }
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

/// The clients in the state file; None where there is no file.
fn read(path: &Path) -> Result<Option<Vec<Map<String, Value>>>, SandboxError> {
    let broken = |reason: String| SandboxError::BrokenState {
        path: path.to_owned(),
        reason,
    };
    let text = match read_regular(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(error.to_string())),
    };
    let state: ReadState =
        serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    if state.version != VERSION {
        return Err(broken(format!(
            "it has version {}, and this tenantry reads version {VERSION}",
            state.version
        )));
    }
    for (index, client) in state.clients.iter().enumerate() {
        if client.get("client_id").and_then(Value::as_str).is_none() {
            return Err(broken(format!("client {} has no client_id", index + 1)));
        }
    }
    Ok(Some(state.clients))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn seed() -> Vec<Map<String, Value>> {
        vec![
            object(json!({"client_id": "a", "name": "A", "client_metadata": {"x": "1", "y": "2"}})),
            object(json!({"client_id": "b", "name": "B", "client_secret": "mine"})),
        ]
    }

    fn ids(store: &Store) -> Vec<&str> {
        store
            .listed()
            .into_iter()
            .map(|(_, client)| client["client_id"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn an_update_sets_removes_and_merges() {
        let mut store = Store::open(None, None, seed).unwrap();
        let fields =
            json!({"name": null, "description": "", "client_metadata": {"x": null, "z": "3"}});
        let after = store.update("a", object(fields)).unwrap().unwrap();
        assert_eq!(
            after,
            object(
                json!({"client_id": "a", "client_metadata": {"y": "2", "z": "3"}, "description": ""})
            )
        );
        assert_eq!(store.update("none", Map::new()).unwrap(), None);
    }

    #[test]
    fn state_survives_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/state.json");
        let mut store = Store::open(Some(file.clone()), None, seed).unwrap();
        let id = store.create(object(json!({"name": "C"}))).unwrap()["client_id"].clone();
        assert!(store.edit("a", "name", Some("Ä".into())).unwrap());
        assert!(store.delete("b").unwrap());
        assert!(!store.delete("b").unwrap());
        assert!(!fs::read_to_string(&file).unwrap().contains("mine"));

        let again = Store::open(Some(file), None, || panic!("seeded twice")).unwrap();
        assert_eq!(ids(&again), ["a", id.as_str().unwrap()]);
        assert_eq!(again.get("a").unwrap()["name"], "Ä");
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/state.json");
        let mut store = Store::open(Some(file), None, seed).unwrap();
        fs::remove_dir_all(folder.path().join("state")).unwrap();
        fs::write(folder.path().join("state"), "in the way").unwrap();
        assert!(store.edit("a", "name", None).is_err());
        assert_eq!(store.get("a").unwrap()["name"], "A");
    }

    #[test]
    fn a_broken_state_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        for text in [
            "{",
            "{}",
            r#"{"version": 2, "clients": []}"#,
            r#"{"version": 1, "clients": [{}]}"#,
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
        let many = || {
            (0..9)
                .map(|n| object(json!({"client_id": n.to_string()})))
                .collect()
        };
        let shuffled = Store::open(None, Some(4), many).unwrap();
        let mut order = ids(&shuffled);
        assert_ne!(order, ids(&Store::open(None, None, many).unwrap()));
        assert_eq!(order, ids(&Store::open(None, Some(4), many).unwrap()));
        order.sort_unstable();
        assert_eq!(order, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    }
}
