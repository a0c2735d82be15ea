//! The tenant's own settings.
//! Source: <https://auth0.com/docs/api/management/v2/tenants/patch-settings>, and what recorded updates did.

use std::sync::OnceLock;

use super::kind::{Kind, Label, Shape};
use super::risk::Risk;
use super::row::Clear::{EmptyList, EmptyText, EmptyTextIsAbsent, Null};
use super::row::Merge::{Flags, Parts};
use super::row::Row;
use crate::schema::Schema;

/// What is known of the tenant's settings.
pub static KIND: Kind = Kind {
    name: "tenant-settings",
    singular: "tenant's settings",
    plural: "tenant's settings",
    shape: Shape::One {
        id: "tenant-settings",
        path: &["tenants", "settings"],
        file: "tenant-settings",
    },
    label: Label::Always("tenant-settings"),
    type_field: None,
    rows: ROWS,
    secrets: &[],
    nested_secrets: &[],
    secret_urls: &[],
    left_out: None,
    limits: &[],
    // The answer to an update shows flags that are not served.
    reads_again: true,
    scope: "tenant_settings",
    turn: 5,
    schema: Schema::new(include_str!("schema/tenant-settings.json")),
    places: OnceLock::new(),
};

const SERVED_ONLY: &str = "the tenant sets it, and no update takes it";
const IN_HOURS: &str =
    "the tenant serves it in hours: the field without `_in_minutes` is the one to write";

/// The fields, in file order.
const ROWS: &[Row] = &[
    // The levels of authentication that clients may ask for.
    Row::opt_in("acr_values_supported").clears(Null),
    // Where a logout that names no client may return to.
    Row::opt_in("allowed_logout_urls")
        .clears(EmptyList)
        .risks(&[
            Risk::Removed("logouts that return to", "fail at once"),
            Risk::OpenUrl,
        ]),
    // Whether organizations may be named where they are identified.
    Row::opt_in("allow_organization_name_in_authentication_api").clears(Null),
    // Whether answers say who issued them.
    Row::opt_in("authorization_response_iss_parameter_supported").clears(Null),
    // The page that changes a password.
    Row::opt_in("change_password").merges(Parts).clears(Null),
    // Whether clients may describe themselves by a document.
    Row::opt_in("client_id_metadata_document_supported"),
    // The countries of phone numbers.
    Row::opt_in("country_codes").merges(Parts).clears(Null),
    // Whether actions decide on second factors.
    Row::opt_in("customize_mfa_in_postlogin_action").clears(Null),
    // The API that tokens are for where nobody says.
    Row::opt_in("default_audience").clears(EmptyText).refers_to(
        "resource-servers",
        Some("identifier"),
        &[],
    ),
    // The connection that passwords are checked by where nobody says.
    Row::opt_in("default_directory").clears(EmptyText),
    // Where people go who came the wrong way.
    Row::opt_in("default_redirection_uri").clears(EmptyTextIsAbsent),
    // How many tokens clients may ask for.
    Row::opt_in("default_token_quota")
        .merges(Parts)
        .clears(Null),
    // The page of devices without a browser.
    Row::opt_in("device_flow").merges(Parts).clears(Null),
    // What clients that register themselves may do.
    Row::opt_in("dynamic_client_registration_security_mode"),
    // Whether the dashboard shows its guide.
    Row::opt_in("enable_ai_guide"),
    // The languages of its pages; the first is the default.
    Row::opt_in("enabled_locales"),
    // Hours that a session lasts which ends with the browser.
    Row::opt_in("ephemeral_session_lifetime"),
    // The page of errors.
    Row::opt_in("error_page").merges(Parts).clears(Null),
    // Switches. Only some can be set on a tenant, and none can be taken away.
    Row::opt_in("flags").merges(Flags).risks(&[
        Risk::TurnedOn(
            "enable_dynamic_client_registration",
            "whoever reaches the tenant may register clients of their own at once",
        ),
        Risk::TurnedOn(
            "disable_clickjack_protection_headers",
            "pages of others may show the login page in a frame at once",
        ),
    ]),
    // What people call the tenant.
    Row::opt_in("friendly_name").clears(EmptyText),
    // The page of second factors.
    Row::opt_in("guardian_mfa_page").merges(Parts).clears(Null),
    // Hours without use that end such a session.
    Row::opt_in("idle_ephemeral_session_lifetime"),
    // Hours without use that end a session.
    Row::opt_in("idle_session_lifetime"),
    // Whether logs say of which session they are.
    Row::opt_in("include_session_metadata_in_tenant_logs"),
    // The runtime of code of before.
    Row::opt_in("legacy_sandbox_version"),
    // How clients authenticate by certificates.
    Row::opt_in("mtls").merges(Parts).clears(Null),
    // How clients hear of logouts.
    Row::opt_in("oidc_logout").merges(Parts),
    // Whether phones are managed in one place.
    Row::opt_in("phone_consolidated_experience"),
    // The logo.
    Row::opt_in("picture_url").clears(EmptyText),
    // Whether requests may be pushed.
    Row::opt_in("pushed_authorization_requests_supported").clears(Null),
    // How the `resource` of a request is read.
    Row::opt_in("resource_parameter_profile"),
    // The runtime of code.
    Row::opt_in("sandbox_version"),
    // What browsers are told about its pages.
    Row::opt_in("security_headers").merges(Parts).clears(Null),
    // Whether a session ends with the browser.
    Row::opt_in("session_cookie").merges(Parts).clears(Null),
    // Hours that a session lasts.
    Row::opt_in("session_lifetime").risks(&[Risk::Changed(
        "how long people stay logged in changes at once",
    )]),
    // How sessions behave.
    Row::opt_in("sessions").merges(Parts).clears(Null),
    // Whether a callback that can't be verified is asked about.
    Row::opt_in("skip_non_verifiable_callback_uri_confirmation_prompt").clears(Null),
    // Where people write to.
    Row::opt_in("support_email").clears(EmptyText),
    // Where people look for help.
    Row::opt_in("support_url").clears(EmptyText),
    Row::never("ephemeral_session_lifetime_in_minutes", IN_HOURS),
    Row::never("idle_ephemeral_session_lifetime_in_minutes", IN_HOURS),
    Row::never("idle_session_lifetime_in_minutes", IN_HOURS),
    Row::never("sandbox_versions_available", SERVED_ONLY),
    Row::never("session_lifetime_in_minutes", IN_HOURS),
    Row::never("universal_login", SERVED_ONLY),
];
