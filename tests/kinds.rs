//! Every kind beside clients, over the binary and the sandbox: what is pulled, what a push sends and in which order, what it holds
//! back, and what one kind has to do with another.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

#[path = "kinds/acme.rs"]
mod acme;
#[path = "kinds/attack_protection.rs"]
mod attack_protection;
#[path = "kinds/client_grants.rs"]
mod client_grants;
#[path = "kinds/create.rs"]
mod create;
#[path = "kinds/every_field.rs"]
mod every_field;
#[path = "kinds/log_streams.rs"]
mod log_streams;
#[path = "kinds/permission.rs"]
mod permission;
#[path = "kinds/recorded.rs"]
mod recorded;
#[path = "kinds/references.rs"]
mod references;
#[path = "kinds/repository.rs"]
mod repository;
#[path = "kinds/requests.rs"]
mod requests;
#[path = "kinds/resource_servers.rs"]
mod resource_servers;
#[path = "kinds/risks.rs"]
mod risks;
#[path = "kinds/roles.rs"]
mod roles;
#[path = "kinds/selected.rs"]
mod selected;
#[path = "kinds/tenant_settings.rs"]
mod tenant_settings;
