//! Resource servers: the APIs that tokens are for.
//! Source: <https://auth0.com/docs/api/management/v2/resource-servers/patch-resource-servers-by-id>, and what recorded updates did.

use std::sync::OnceLock;

use super::kind::{Collection, Creation, Kind, Label, Limit, Paging, Shape, Stays, Takes, When};
use super::risk::Risk;
use super::row::Clear::{EmptyList, Null};
use super::row::Row;
use crate::schema::Schema;

/// What is known of resource servers.
pub static KIND: Kind = Kind {
    name: "resource-servers",
    singular: "API",
    plural: "APIs",
    shape: Shape::Many(Collection {
        id: "id",
        list_key: "resource_servers",
        list_query: &[],
        paging: Paging::Numbers,
        selects_fields: false,
        missing_has_code: true,
        sub_list: None,
        creation: Creation::Takes(Takes {
            required: &["identifier"],
            also: &["identifier"],
            except: &[],
            not_empty: &[],
            key: &[("identifier", None)],
            defaults: &[],
            needs: &[
                "enforce_policies",
                "identifier",
                "name",
                "scopes",
                "signing_alg",
                "subject_type_authorization",
                "token_dialect",
            ],
            stays: &[
                Stays {
                    when: &[When::ManagementApi("identifier")],
                    is_everywhere: true,
                    why: "each tenant has a Management API of its own",
                },
                Stays {
                    when: &[When::True("is_system")],
                    is_everywhere: true,
                    why: "Auth0 makes it in each tenant",
                },
            ],
            caution: None,
            afterwards: None,
        }),
    }),
    label: Label::Fields(&["name", "identifier"]),
    type_field: None,
    rows: ROWS,
    secrets: &["signing_secret"],
    nested_secrets: &[],
    secret_urls: &[],
    left_out: None,
    limits: &[
        Limit {
            when: &[When::ManagementApi("identifier")],
            takes: &[],
            why: "it is the Management API, by which tenantry works",
        },
        Limit {
            when: &[When::True("is_system")],
            takes: &[
                "authorization_policy",
                "proof_of_possession",
                "skip_consent_for_verifiable_first_party_clients",
                "subject_type_authorization",
                "token_lifetime",
            ],
            why: "it is Auth0's own, and takes no update of it",
        },
    ],
    reads_again: false,
    scope: "resource_servers",
    turn: 0,
    schema: Schema::new(include_str!("schema/resource-servers.json")),
    places: OnceLock::new(),
};

const SERVED_ONLY: &str = "the tenant sets it, and no update takes it";
const LONGER: Risk = Risk::Raised("a token that is stolen is good for longer");

/// The fields, in file order.
const ROWS: &[Row] = &[
    // Whether clients may ask for refresh tokens.
    Row::opt_in("allow_offline_access"),
    // Whether clients may ask for tokens that last as long as the session.
    Row::opt_in("allow_online_access"),
    // The same for sessions that end with the browser.
    Row::opt_in("allow_online_access_with_ephemeral_sessions"),
    // The details that requests may carry.
    Row::opt_in("authorization_details").clears(Null),
    // The policy that decides on requests.
    Row::opt_in("authorization_policy")
        .clears(Null)
        .tenants_own(),
    // How people are asked for consent to a transaction.
    Row::opt_in("consent_policy").clears(Null),
    // Whether roles and permissions count.
    Row::opt_in("enforce_policies").risks(&[Risk::Changed(
        "whether roles and permissions count changes at once",
    )]),
    // What people call it. Two may have the same name.
    Row::opt_in("name"),
    // Whether tokens are bound to clients; sent without a part, the part goes.
    Row::opt_in("proof_of_possession").clears(Null),
    // What clients may ask for, in order.
    Row::opt_in("scopes")
        .clears(EmptyList)
        .risks(&[Risk::Removed("requests for", "are refused at once")]),
    // The algorithm of its tokens.
    Row::opt_in("signing_alg").risks(&[Risk::Changed(
        "whoever verifies tokens by the old algorithm refuses them at once",
    )]),
    // Whether first-party clients skip consent.
    Row::opt_in("skip_consent_for_verifiable_first_party_clients"),
    // Who may ask for tokens.
    Row::opt_in("subject_type_authorization")
        .risks(&[Risk::Changed("who may ask for tokens changes at once")]),
    // What stands in its tokens.
    Row::opt_in("token_dialect"),
    // How its tokens are encrypted. The key is never served.
    Row::never("token_encryption", "it holds a key that is never served"),
    // Seconds that its tokens are good for.
    Row::opt_in("token_lifetime").risks(&[LONGER]),
    // The same for tokens of browsers.
    Row::opt_in("token_lifetime_for_web").risks(&[LONGER]),
    Row::never("client_id", SERVED_ONLY).refers_to("clients", None, &[]),
    Row::never("identifier", "it can't be changed once an API is made"),
    Row::never("is_system", SERVED_ONLY),
];
