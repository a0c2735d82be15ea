//! The sandbox: an embedded Auth0 tenant for everything that should work without an account. It serves real HTTP on
//! loopback as the official OpenAPI says, keeps its resources in memory (and in a state file, if given one), can be slow,
//! strict or faulty on purpose, and shares no code with the rest of the crate but the reader of JSON, which knows nothing of
//! tenants: shared code hides shared bugs.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use serde_json::{Map, Value};
use tokio::sync::oneshot;

mod answer;
mod body;
mod builder;
mod connection;
mod exchange;
pub(crate) mod faults;
mod journal;
mod kind;
mod kinds;
mod listing;
mod merge;
mod permissions;
mod random;
mod rate;
mod request;
mod routes;
mod secrets;
mod seed;
mod server;
mod shapes;
mod store;
mod tenant;
mod tokens;
mod validate;

pub use builder::Builder;
pub use journal::Request;

use faults::FaultRule;
use kind::Kind;
use kinds::clients;
use tenant::Tenant;

/// A running sandbox. It serves on a thread of its own, and stops when dropped.
#[derive(Debug)]
pub struct Sandbox {
    tenant: Arc<Tenant>,
    stop: Option<oneshot::Sender<()>>,
    stopped: Option<oneshot::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// What a sandbox is to be, before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its address: `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        self.tenant.url()
    }

    /// The client id that the token endpoint accepts.
    pub fn client_id(&self) -> &str {
        &self.tenant.authority.client_id
    }

    /// The client secret that goes with [`Sandbox::client_id`].
    pub fn client_secret(&self) -> &str {
        &self.tenant.authority.client_secret
    }

    /// Every request so far in arrival order, token requests included.
    pub fn requests(&self) -> Vec<Request> {
        self.tenant.journal().requests()
    }

    /// How many connections were made to it so far.
    pub fn connections(&self) -> usize {
        self.tenant.connections.load(Ordering::Relaxed)
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.tenant.journal().clear();
    }

    /// Every client as it is stored, in the order of creation: without the made-up `client_secret` and `signing_keys` that
    /// an answer gets.
    pub fn clients(&self) -> Vec<Value> {
        self.resources(clients::KIND.name)
    }

    /// The client of that id, as it is stored.
    pub fn client(&self, id: &str) -> Option<Value> {
        self.resource(clients::KIND.name, id)
    }

    /// Sets a field to exactly that value, or removes it (`None`): what somebody does on the dashboard. Any field, any
    /// value; nothing happens where there is no such client.
    pub fn edit(&self, id: &str, field: &str, value: Option<Value>) {
        self.edit_resource(clients::KIND.name, id, field, value);
    }

    /// Adds a client as the dashboard would, with the API's defaults for fields that are not given, and returns its id: the
    /// given `client_id`, or a new one. Empty where the client could not be added.
    pub fn create(&self, client: Value) -> String {
        self.create_resource(clients::KIND.name, client)
    }

    /// Removes the client of that id. False if there is none, or it could not be removed.
    pub fn delete(&self, id: &str) -> bool {
        self.delete_resource(clients::KIND.name, id)
    }

    /// Every resource of a kind as it is stored, in the order of creation. Kinds are named as the API's paths do, except for
    /// `tenant-settings`.
    pub fn resources(&self, kind: &str) -> Vec<Value> {
        let Some(kind) = known(kind) else {
            return Vec::new();
        };
        let store = self.tenant.store();
        store.iter(kind).cloned().map(Value::Object).collect()
    }

    /// The resource of that kind and id, as it is stored. What there is one of has an empty id.
    pub fn resource(&self, kind: &str, id: &str) -> Option<Value> {
        let kind = known(kind)?;
        self.tenant
            .store()
            .get(kind, id)
            .cloned()
            .map(Value::Object)
    }

    /// As [`Sandbox::edit`], for a resource of any kind.
    pub fn edit_resource(&self, kind: &str, id: &str, field: &str, value: Option<Value>) {
        let Some(kind) = known(kind) else {
            return;
        };
        let edited = self.tenant.store().edit(kind, id, field, value);
        match edited {
            Ok(true) => {}
            Ok(false) => log::warn!(
                "the sandbox has nothing of {} called {id} to edit",
                kind.name
            ),
            Err(error) => log::error!("the sandbox can't write its state: {error}"),
        }
    }

    /// As [`Sandbox::create`], for a resource of any kind.
    pub fn create_resource(&self, kind: &str, resource: Value) -> String {
        let Some(kind) = known(kind) else {
            return String::new();
        };
        let mut store = self.tenant.store();
        let resource = kind.fresh(store.tenant(), object(resource));
        let created = store.create(kind, resource);
        if let Err(error) = &created {
            log::error!("the sandbox can't create one of {}: {error}", kind.name);
        }
        let id = created.as_ref().ok().and_then(|fields| kind.id(fields));
        id.unwrap_or_default().to_owned()
    }

    /// As [`Sandbox::delete`], for a resource of any kind.
    pub fn delete_resource(&self, kind: &str, id: &str) -> bool {
        let Some(kind) = known(kind) else {
            return false;
        };
        let deleted = self.tenant.store().delete(kind, id);
        deleted.unwrap_or_else(|error| {
            log::error!("the sandbox can't write its state: {error}");
            false
        })
    }

    /// Grants the application these scopes, and no others: tokens that are issued from now on are worth them.
    pub fn grant(&self, scopes: &[&str]) {
        self.tenant.tokens().grant(scopes);
    }

    /// Every token issued so far answers 401 from now on.
    pub fn revoke_tokens(&self) {
        self.tenant.tokens().revoke();
    }

    /// Adds a fault: without a rule around it, the next request to the API meets it.
    #[doc(hidden)]
    pub fn fail_next(&self, fault: impl Into<FaultRule>) {
        self.tenant.faults().add(fault.into());
    }

    /// Replaces the faults that are yet to come; none ends them.
    #[doc(hidden)]
    pub fn set_faults(&self, faults: impl IntoIterator<Item = FaultRule>) {
        self.tenant.faults().set(faults.into_iter().collect());
    }

    /// Serves until the future is dropped.
    pub async fn wait(mut self) {
        if let Some(stopped) = self.stopped.take() {
            // An error means that the thread ended, which is what is waited for.
            let _ = stopped.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port is taken, or may not be used.
    #[error("the sandbox can't listen on 127.0.0.1:{port}: {error}")]
    Listen {
        /// The port that was asked for; 0 is a free one.
        port: u16,
        /// What the system said.
        error: io::Error,
    },
    /// The server's thread could not be started.
    #[error("the sandbox can't start: {0}")]
    Start(io::Error),
    /// The state file can't be read, or is not one.
    #[error(
        "the sandbox's state in {} is broken: {reason}; `tenantry sandbox reset` starts over",
        path.display()
    )]
    BrokenState {
        /// The state file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state file can't be written.
    #[error("the sandbox can't write its state to {}: {error}", path.display())]
    WriteState {
        /// The state file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The kind of that name, and a word where there is none.
fn known(name: &str) -> Option<&'static Kind> {
    let kind = kinds::named(name);
    if kind.is_none() {
        log::error!("the sandbox knows no kind {name}");
    }
    kind
}

/// A resource's fields; none where it is not an object.
fn object(resource: Value) -> Map<String, Value> {
    match resource {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
