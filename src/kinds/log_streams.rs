//! Log streams: where the tenant's logs go.
//! Source: <https://auth0.com/docs/api/management/v2/log-streams/patch-log-streams-by-id>, and what recorded updates did.

use std::sync::OnceLock;

use super::kind::{Collection, Creation, Kind, Label, Paging, Shape};
use super::row::Clear::{EmptyListIsAbsent, Null};
use super::row::Row;
use crate::schema::Schema;

/// What is known of log streams.
pub static KIND: Kind = Kind {
    name: "log-streams",
    singular: "log stream",
    plural: "log streams",
    shape: Shape::Many(Collection {
        id: "id",
        list_key: "",
        list_query: &[],
        paging: Paging::None,
        selects_fields: false,
        missing_has_code: false,
        sub_list: None,
        creation: Creation::Cannot("its sink holds secrets, which no file has"),
    }),
    label: Label::Fields(&["name"]),
    type_field: Some("type"),
    rows: ROWS,
    // Reads return them in clear.
    secrets: &[],
    nested_secrets: &[
        &["sink", "datadogApiKey"],
        &["sink", "httpAuthorization"],
        &["sink", "httpCustomHeaders", "value"],
        &["sink", "mixpanelServiceAccountPassword"],
        &["sink", "segmentWriteKey"],
        &["sink", "splunkToken"],
        &["sink", "sumoSourceAddress"],
    ],
    secret_urls: &[&["sink", "httpEndpoint"]],
    left_out: None,
    limits: &[],
    reads_again: false,
    scope: "log_streams",
    turn: 6,
    schema: Schema::new(include_str!("schema/log-streams.json")),
    places: OnceLock::new(),
};

/// The fields, in file order.
const ROWS: &[Row] = &[
    // Which categories of logs go there.
    Row::opt_in("filters").clears(EmptyListIsAbsent),
    // Whether they go there before others.
    Row::opt_in("isPriority"),
    // What people call it.
    Row::opt_in("name"),
    // How personal data is hidden.
    Row::opt_in("pii_config").clears(Null),
    Row::never("sink", "it holds secrets"),
    Row::never(
        "status",
        "Auth0 sets it where a stream fails, and nobody may take that back",
    ),
    Row::never("type", "it can't be changed once a stream is made"),
];
