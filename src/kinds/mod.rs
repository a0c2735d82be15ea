//! What is known of each kind of resource and of each of its fields. It is data: a kind is a file beside this one, and a field is
//! a row in it. Nothing else in the code names a field.

mod all;
pub mod attack_protection;
pub mod client_grants;
pub mod clients;
mod compare;
mod field;
mod kind;
pub mod log_streams;
mod managed;
mod reference;
pub mod resource_servers;
mod risk;
pub mod roles;
mod row;
mod secrets;
pub mod tenant_settings;

pub use all::KINDS;
pub use compare::CannotRemove;
pub use field::{Field, FieldKey, InvalidValue};
pub(crate) use kind::with_article;
pub use kind::{
    Collection, Creation, Kind, Label, Limit, Paging, Shape, Stays, SubList, Takes, When,
};
pub use managed::{Manage, Managed};
pub use risk::{Guard, Risk};
pub use row::{Clear, Merge, Part, Reference, Row, Sending};
