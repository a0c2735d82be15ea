//! Version control for an Auth0 tenant's settings: every client (application) in a file under git, a plan that shows field by
//! field what an edit would change on the live tenant, and a push of exactly those fields.
//!
//! # The map
//!
//! Three things are known of every field: how to compare it, how to send it, and what to say about it. All three are data, in
//! [`kinds`]: a kind is a file there and a field is a row, and nothing else names a field. Everything below it is logic, written once
//! for all of them. Data flows one way: settings → read → plan → render or apply. Each module uses only those above it in this table.
//!
//! | module | what it does | what it never does |
//! |---|---|---|
//! | [`json`] | JSON text → values, strictly | I/O |
//! | `yaml` | YAML text ↔ values, strictly; changes a text only where a value changed, or an entry moves | I/O |
//! | `closest` | what a typing mistake may have meant | I/O |
//! | `composed` | names, as they are compared | I/O |
//! | `portable` | names that not every system has | I/O |
//! | `printable` | text without what a terminal acts on | I/O |
//! | `opening` | opens regular files, never through a link out of a folder | write |
//! | [`schema`] | JSON Schema → what is wrong with a value, in plain words | name a field |
//! | [`kinds`] | what is known of each kind and field: comparison, merging, clearing, references, risks, secrets, its schema | loop over fields |
//! | [`resource`] | one resource less its secrets, and what an update of it sends | I/O |
//! | [`signing`] | the private-key JWT client assertion | I/O |
//! | [`settings`] | environment and `.env` files → one validated connection | change the environment, show a secret |
//! | [`cost`] | requests and the tenant's limit → what a run costs, in words | I/O |
//! | [`api`] | reads a tenant; updates a resource; token, pace, retries, paging | touch files, except the token cache |
//! | [`promote`] | one tenant's values said in another's ids | I/O |
//! | [`three_way`] | base, local, live of a field → edit, drift, conflict; and its new base | I/O |
//! | [`files`] | tenant directory ↔ resources: layout, YAML, JSON, the lock, `tenantry.yaml` | ask the tenant |
//! | [`git`] | what the user's own git knows of the tenant directory | write |
//! | [`base`] | where base comes from: the lock and what git took back from it, or a commit | decide what happened |
//! | [`plan`] | resources on three sides → the plan | I/O |
//! | [`push_plan`] | the plan → what a push sends and what it holds back, each with its reason | I/O |
//! | [`saved_plan`] | the document of `diff -o json` → the plan, as far as it still holds | I/O |
//! | [`merge`] | what a resource's file and base become, by pull and by push | I/O |
//! | [`pull_plan`] | what a pull writes, file by file | write |
//! | [`names`] | what people call what a reference means | I/O |
//! | [`create`] | files without an id → what making their resources sends, in which order, and what keeps one from being made | I/O |
//! | [`select`] | `SELECTOR…` arguments → resources | I/O |
//! | [`apply`] | sends a push plan's updates; nothing else sends a write | decide what to send |
//! | [`sent`] | what a push sent and what was there before ↔ the record of it | I/O |
//! | `adopt` | the Deploy CLI's files → names, edits and values here, and what is left | I/O |
//! | [`undo`] | what a push sent → the plan that takes it back, and what files go back to | I/O |
//! | `render` | plans and results → text, JSON, markdown: a file a document | print |
//! | [`sandbox`] | a tenant on loopback, by the official OpenAPI | share code or data with the others but `json`: what is shared hides its own faults |
//! | `place` | where the project is, from where somebody stands | read a file |
//! | `cli`, `candidates` | clap types, and what a word of a command line could become | decide anything |
//! | `manual` | the command line, exit codes, environment, files → the manual page | I/O |
//! | `commands`, `program` | one file a command: wiring, and the edge to the terminal | domain logic |
//!
//! # As a library
//!
//! Read a client into a file, then send one field of the edited file, and see the updated client:
//!
//! ```
//! use tenantry::api::{Fields, Options, Reader};
//! use tenantry::kinds::clients;
//! use tenantry::resource::{Patch, ResourceId};
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
//! let id = ResourceId::new(&clients::KIND, "Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR");
//! let client = reader.resource(&id, &Fields::All).await?.ok_or("no such client")?;
//! std::fs::write(&path, serde_json::to_string_pretty(&client)?)?;
//!
//! // … somebody edits the description in the file …
//! # let edited = std::fs::read_to_string(&path)?.replace("The shop at", "Our shop at");
//! # std::fs::write(&path, edited)?;
//!
//! // update-client: just that field
//! let data: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
//! let patch = Patch::set(clients::KIND.field("description").ok_or("no such field")?, data["description"].clone())?;
//! let updated = reader.writer().update(&id, &patch).await?;
//! println!("{}", serde_json::to_string_pretty(&updated)?);
//! # assert!(updated.text("description").is_some_and(|text| text.starts_with("Our shop at")));
//! # Ok(())
//! # }
//! ```
//!
//! Errors name the thing that is wrong, most have a `hint` that says what to do, and none of them holds a secret.

#![warn(unreachable_pub)]

#[cfg(feature = "cli")]
mod adopt;
pub mod api;
pub mod apply;
pub mod base;
#[cfg(feature = "cli")]
mod candidates;
#[cfg(feature = "cli")]
mod cli;
mod closest;
#[cfg(feature = "cli")]
mod commands;
mod composed;
pub mod cost;
pub mod create;
pub mod files;
pub mod git;
pub mod json;
pub mod kinds;
#[cfg(feature = "cli")]
mod manual;
pub mod merge;
pub mod names;
mod opening;
#[cfg(feature = "cli")]
mod place;
pub mod plan;
mod portable;
mod printable;
#[cfg(feature = "cli")]
mod program;
pub mod promote;
pub mod pull_plan;
pub mod push_plan;
#[cfg(feature = "cli")]
mod render;
pub mod resource;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod saved_plan;
pub mod schema;
pub mod select;
pub mod sent;
pub mod settings;
pub mod signing;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod testing;
pub mod three_way;
pub mod undo;
mod yaml;

#[cfg(feature = "cli")]
pub use program::main;
