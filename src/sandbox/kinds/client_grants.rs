//! Client grants: what a client may do at an API.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{clients, resource_servers};
use crate::sandbox::answer::Refusal;
use crate::sandbox::kind::{Collection, Fields, Filter, Form, Kind, Paging, Write};
use crate::sandbox::shapes::{Operation, Shapes};

static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::read(include_str!("client_grants.shapes")));

pub(in crate::sandbox) static KIND: Kind = Kind {
    form: Form::Many(Collection {
        id: "id",
        example: "cgr_F59AaazknDG6nxPP",
        also_by: None,
        list: "client_grants",
        paging: Paging::Both(1),
        selects_fields: false,
        filters: &[
            Filter::Equals("audience"),
            Filter::Equals("client_id"),
            Filter::Equals("subject_type"),
            Filter::Equals("default_for"),
            Filter::Is("allow_any_organization", "allow_any_organization"),
        ],
        unique: Some((
            &["client_id", "audience", "subject_type", "default_for"],
            "client_grant already exists",
        )),
        missing: ("The grant does not exist.", "inexistent_client_grant"),
        statuses: (201, 204),
        misses_deleted: false,
        takes_along: &[],
    }),
    defaults: |_, _| json!({ "subject_type": "client" }),
    check,
    derive,
    ..Kind::row("client-grants", "client-grants", "client_grants", &SHAPES)
};

fn check(write: &Write<'_>) -> Result<(), Refusal> {
    let is_system = |old: &&Fields| old.get("is_system") == Some(&Value::Bool(true));
    if write.old.filter(is_system).is_some() {
        return Err(Refusal::bad_request(
            "operation_not_supported",
            "A system client grant cannot be changed",
        ));
    }
    if write.sent.get("allow_all_scopes") == Some(&Value::Bool(true))
        && write.sent.get("scope").is_some_and(Value::is_array)
    {
        return Err(Refusal::bad_request(
            "invalid_body",
            "scope and allow_all_scopes cannot be used together",
        ));
    }
    if write.operation != Operation::Create {
        return Ok(());
    }
    let client = write.sent.get("client_id");
    if client.is_none() && !write.sent.contains_key("default_for") {
        return Err(Refusal::bad_request(
            "invalid_body",
            "A grant needs a client_id or a default_for",
        ));
    }
    for (kind, field, value) in [
        (&clients::KIND, "client_id", client),
        (
            &resource_servers::KIND,
            "identifier",
            write.sent.get("audience"),
        ),
    ] {
        let is_it = |other: &Fields| other.get(field) == value;
        if value.is_some() && !write.tenant.any(kind.name, &is_it) {
            return Err(kind.no_such());
        }
    }
    let express = json!("express_configuration");
    let is_express = |other: &Fields| {
        other.get("client_id") == client && other.get("app_type") == Some(&express)
    };
    match client.is_some() && write.tenant.any(clients::KIND.name, &is_express) {
        true => Err(Refusal::bad_request(
            "validation_error",
            "Client of type express_configuration cannot be used",
        )),
        false => Ok(()),
    }
}

/// A grant names its scopes or has them all.
fn derive(grant: &mut Fields, sent: &Fields, _: Operation) {
    if grant.get("allow_all_scopes") == Some(&Value::Bool(true)) {
        match sent.get("scope").is_some_and(Value::is_array) {
            true => grant.shift_remove("allow_all_scopes"),
            false => grant.shift_remove("scope"),
        };
    }
}
