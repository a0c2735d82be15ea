//! Roles: sets of permissions that people are given.
//! Source: <https://auth0.com/docs/api/management/v2/roles/patch-roles-by-id>, and what recorded updates did.

use std::sync::OnceLock;

use super::kind::{Collection, Creation, Kind, Label, Paging, Shape, SubList, Takes};
use super::risk::Risk;
use super::row::Clear::{EmptyList, EmptyTextIsAbsent};
use super::row::Merge::Set;
use super::row::Row;
use crate::schema::Schema;

/// What is known of roles.
pub static KIND: Kind = Kind {
    name: "roles",
    singular: "role",
    plural: "roles",
    shape: Shape::Many(Collection {
        id: "id",
        list_key: "roles",
        list_query: &[],
        paging: Paging::Numbers,
        selects_fields: false,
        missing_has_code: false,
        sub_list: Some(SubList {
            field: "permissions",
            keys: &["permission_name", "resource_server_identifier"],
        }),
        creation: Creation::Takes(Takes {
            required: &["name"],
            also: &[],
            except: &[],
            not_empty: &[],
            key: &[("name", None)],
            defaults: &[],
            needs: &["name", "permissions"],
            stays: &[],
            caution: None,
            afterwards: None,
        }),
    }),
    label: Label::Fields(&["name"]),
    type_field: None,
    rows: ROWS,
    secrets: &[],
    nested_secrets: &[],
    secret_urls: &[],
    left_out: None,
    limits: &[],
    // A description that was never given is null in the answer to an update, and empty when it is read.
    reads_again: true,
    scope: "roles",
    turn: 3,
    schema: Schema::new(include_str!("schema/roles.json")),
    places: OnceLock::new(),
};

const SERVED_ONLY: &str = "the tenant sets it, and no update takes it";

/// The fields, in file order.
const ROWS: &[Row] = &[
    // What it is for.
    Row::opt_in("description").clears(EmptyTextIsAbsent),
    // What people call it, which no other role is called.
    Row::opt_in("name"),
    // What it permits: scopes of APIs. They are added and removed by requests of their own.
    Row::opt_in("permissions")
        .merges(Set)
        .clears(EmptyList)
        .refers_to(
            "resource-servers",
            Some("identifier"),
            &["resource_server_identifier"],
        )
        .names("permission_name", "scopes", "value")
        .risks(&[
            Risk::Fewer("whoever has the role loses a permission at once"),
            Risk::More("whoever has the role gets a permission more at once"),
        ]),
    Row::never("owner_id", SERVED_ONLY),
    Row::never("type", SERVED_ONLY),
];
