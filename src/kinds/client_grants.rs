//! Client grants: which client may ask for which scopes of an API.
//! Source: <https://auth0.com/docs/api/management/v2/client-grants/patch-client-grants-by-id>, and what recorded updates did.

use std::sync::OnceLock;

use super::kind::{Collection, Creation, Kind, Label, Limit, Paging, Shape, Stays, Takes, When};
use super::risk::Risk;
use super::row::Clear::Null;
use super::row::Row;
use crate::schema::Schema;

/// What is known of client grants.
pub static KIND: Kind = Kind {
    name: "client-grants",
    singular: "client grant",
    plural: "client grants",
    shape: Shape::Many(Collection {
        id: "id",
        list_key: "client_grants",
        list_query: &[],
        paging: Paging::NumbersOrCheckpoints,
        selects_fields: false,
        missing_has_code: true,
        sub_list: None,
        creation: Creation::Takes(Takes {
            required: &["audience"],
            also: &["audience", "client_id", "default_for", "subject_type"],
            except: &[],
            not_empty: &[],
            key: &[
                ("client_id", None),
                ("default_for", None),
                ("audience", None),
                ("subject_type", Some("client")),
            ],
            defaults: &[],
            needs: &[
                "allow_all_scopes",
                "allow_any_organization",
                "audience",
                "authorization_details_types",
                "client_id",
                "default_for",
                "organization_usage",
                "scope",
                "subject_type",
            ],
            stays: &[
                Stays {
                    when: &[When::OwnClient("client_id")],
                    is_everywhere: true,
                    why: "tenantry works by its client, and by another one in each tenant",
                },
                Stays {
                    when: &[When::True("is_system")],
                    is_everywhere: true,
                    why: "Auth0 makes it in each tenant",
                },
                Stays {
                    when: &[When::ManagementApi("audience")],
                    is_everywhere: false,
                    why: "it opens the tenant's own settings, which somebody has to grant there by hand",
                },
            ],
            caution: None,
            afterwards: None,
        }),
    }),
    label: Label::References(&["client_id", "default_for", "audience"]),
    type_field: Some("subject_type"),
    rows: ROWS,
    secrets: &[],
    nested_secrets: &[],
    secret_urls: &[],
    left_out: None,
    limits: &[
        Limit {
            when: &[
                When::OwnClient("client_id"),
                When::ManagementApi("audience"),
            ],
            takes: &[],
            why: "it is the grant by which tenantry works",
        },
        Limit {
            when: &[When::True("is_system")],
            takes: &[],
            why: "it is Auth0's own, and takes no update",
        },
    ],
    reads_again: false,
    scope: "client_grants",
    turn: 2,
    schema: Schema::new(include_str!("schema/client-grants.json")),
    places: OnceLock::new(),
};

const FIXED: &str = "it can't be changed once a grant is made";

/// The fields, in file order.
const ROWS: &[Row] = &[
    // Whether every scope is granted, also those that come later.
    Row::opt_in("allow_all_scopes")
        .clears(Null)
        .risks(&[Risk::Changed(
            "whether every scope is granted changes at once",
        )]),
    // Whether it holds for any organization.
    Row::opt_in("allow_any_organization").clears(Null),
    // The details that requests may carry.
    Row::opt_in("authorization_details_types"),
    // Whether tokens are for organizations.
    Row::opt_in("organization_usage").clears(Null),
    // What is granted, in order.
    Row::opt_in("scope").clears(Null).risks(&[
        Risk::Removed("requests for", "are refused at once"),
        Risk::Added("the client gets", "at once"),
    ]),
    Row::never("audience", FIXED)
        .refers_to("resource-servers", Some("identifier"), &[])
        .names("scope", "scopes", "value"),
    Row::never("client_id", FIXED).refers_to("clients", None, &[]),
    Row::never("default_for", FIXED),
    Row::never("is_system", FIXED),
    Row::never("subject_type", FIXED),
];
