//! Version control for an Auth0 tenant's settings: every client (application) in a file under git, a plan that shows field by
//! field what an edit would change on the live tenant, and a push of exactly those fields.
//!
//! # The map
//!
//! Data flows one way: settings → read → plan → render or apply. Each module uses only those above it in this table.
//!
//! | module | what it does | what it never does |
//! |---|---|---|
//! | [`client`] | says what a client is: its id, its updatable and secret fields | I/O |
//! | `closest` | what a typing mistake may have meant | I/O |
//! | `printable` | text without what a terminal acts on | I/O |
//! | [`json`] | JSON text → values, strictly | I/O |
//! | `opening` | opens regular files, never through a link out of a folder | write |
//! | [`signing`] | the private-key JWT client assertion | I/O |
//! | [`settings`] | environment and `.env` files → one validated connection | change the environment, show a secret |
//! | [`api`] | reads a tenant; updates a client; token, pace, retries, paging | touch files, except the token cache |
//! | [`promote`] | one tenant's values said in another's ids | I/O |
//! | [`three_way`] | base, local, live of a field → edit, drift, conflict; and its new base | I/O |
//! | [`files`] | tenant directory ↔ clients: layout, YAML, JSON, the lock, `tenantry.yaml` | ask the tenant |
//! | [`git`] | what the user's own git knows of the tenant directory | write |
//! | [`base`] | where base comes from: the lock and what git took back from it, or a commit | decide what happened |
//! | [`plan`] | clients on three sides → the plan | I/O |
//! | [`saved_plan`] | the document of `diff -o json` → the plan | I/O |
//! | [`merge`] | what a client's file and base become, by pull and by push | I/O |
//! | [`select`] | `CLIENT…` arguments → clients | I/O |
//! | [`apply`] | sends a plan's updates; nothing else sends a write | decide what to send |
//! | [`render`] | plans and results → text, JSON, markdown | print |
//! | [`sandbox`] | a tenant on loopback, by the official OpenAPI | share code with the others but `json`: shared code hides shared bugs |
//! | [`cli`] | clap types | decide anything |
//! | `manual` | the command line, exit codes, environment, files → the manual page | I/O |
//! | [`commands`] | one file a command: wiring, and the edge to the terminal | domain logic |
//!
//! # As a library
//!
//! Read a client into a file, then send one field of the edited file, and see the updated client:
//!
//! ```
//! use tenantry::api::{Fields, Options, Reader};
//! use tenantry::client::{ClientId, Field, Patch};
//! use tenantry::{sandbox::Sandbox, settings::Connection};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("client-data.json");
//! // A real tenant: `Connection::client_secret("acme.eu.auth0.com", id, secret)`, or `settings::connection` for .env files.
//! let sandbox = Sandbox::builder().seed("sandbox").start()?;
//! let tenant = Connection::client_secret(&sandbox.url(), sandbox.client_id(), sandbox.client_secret())?;
//! let reader = Reader::new(tenant, Options::default()); // gets the token when it is due, and keeps it
//!
//! // get-client: one client by its id, less its secrets
//! let id = ClientId::from("Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR");
//! let client = reader.client(&id, Fields::All).await?.ok_or("no such client")?;
//! std::fs::write(&path, serde_json::to_string_pretty(&client)?)?;
//!
//! // … somebody edits the description in the file …
//! # let edited = std::fs::read_to_string(&path)?.replace("The shop at", "Our shop at");
//! # std::fs::write(&path, edited)?;
//!
//! // update-client: just that field
//! let data: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
//! let patch = Patch::set(Field::Description, data["description"].clone())?;
//! let updated = reader.writer().update(&id, &patch).await?;
//! println!("{}", serde_json::to_string_pretty(&updated)?);
//! # assert!(updated.text("description").is_some_and(|text| text.starts_with("Our shop at")));
//! # Ok(())
//! # }
//! ```
//!
//! Errors name the thing that is wrong, most have a `hint` that says what to do, and none of them holds a secret.

pub mod api;
pub mod apply;
pub mod base;
pub mod cli;
pub mod client;
mod closest;
pub mod commands;
pub mod files;
pub mod git;
pub mod json;
mod manual;
pub mod merge;
mod opening;
pub mod plan;
mod printable;
pub mod promote;
pub mod render;
pub mod sandbox;
pub mod saved_plan;
pub mod select;
pub mod settings;
pub mod signing;
pub mod three_way;
