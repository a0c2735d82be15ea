//! The properties that the API takes when a client is created or updated, with their simple types. Written down by hand
//! from the official OpenAPI; what is inside objects is not checked.

use Null::{Allowed, Refused, Unknown};
use Type::{Bool, Choices, Integer, List, Object, OneOf, Page, Text};

/// A property's type, as far as the sandbox checks it. Lengths count characters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Text {
        min: usize,
        max: usize,
    },
    /// At least one character, none of them `<` or `>`.
    Name,
    /// Text that an update may send empty, and a create may not.
    Page,
    Bool,
    Integer {
        min: i64,
        max: i64,
    },
    OneOf(&'static [&'static str]),
    List {
        entry_min: usize,
    },
    /// A list of at least one of these.
    Choices(&'static [&'static str]),
    Object,
}

/// How a request (create or update) takes a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// The request does not know the property at all.
    Unknown,
    /// It takes the property, but not `null`.
    Refused,
    /// It takes the property, and `null` removes it.
    Allowed,
}

/// One property of the request bodies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Property {
    pub name: &'static str,
    pub kind: Type,
    pub create: Null,
    pub update: Null,
}

/// The property of that name, if create or update knows one.
pub(super) fn property(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.name == name)
}

const ANY: usize = usize::MAX;
const TEXT: Type = Text { min: 0, max: ANY };
const TEXTS: Type = List { entry_min: 0 };
const NON_EMPTY_TEXTS: Type = List { entry_min: 1 };
const DISCOVERY: Type = Choices(&["email", "organization_name"]);
const CHANNELS: Type = Choices(&["guardian-push", "email"]);

const APP_TYPES: [&str; 25] = [
    "native",
    "spa",
    "regular_web",
    "non_interactive",
    "resource_server",
    "express_configuration",
    "rms",
    "box",
    "cloudbees",
    "concur",
    "dropbox",
    "mscrm",
    "echosign",
    "egnyte",
    "newrelic",
    "office365",
    "salesforce",
    "sentry",
    "sharepoint",
    "slack",
    "springcm",
    "zendesk",
    "zoom",
    "sso_integration",
    "oag",
];
const AUTH_METHODS: Type = OneOf(&["none", "client_secret_post", "client_secret_basic"]);
const ORGANIZATION_USAGE: Type = OneOf(&["deny", "allow", "require"]);
const ORGANIZATION_BEHAVIOR: Type = OneOf(&["no_prompt", "pre_login_prompt", "post_login_prompt"]);
const COMPLIANCE: Type = OneOf(&[
    "none",
    "fapi1_adv_pkj_par",
    "fapi1_adv_mtls_par",
    "fapi2_sp_pkj_mtls",
    "fapi2_sp_mtls_mtls",
]);
const REDIRECTION: Type = OneOf(&["allow_always", "open_redirect_protection"]);

const fn row(name: &'static str, kind: Type, create: Null, update: Null) -> Property {
    Property {
        name,
        kind,
        create,
        update,
    }
}

#[rustfmt::skip]
const PROPERTIES: [Property; 56] = [
    row("name", Type::Name, Refused, Refused),
    row("description", Text { min: 0, max: 140 }, Refused, Refused),
    row("logo_uri", TEXT, Refused, Refused),
    row("callbacks", TEXTS, Refused, Refused),
    row("oidc_logout", Object, Refused, Refused),
    row("oidc_backchannel_logout", Object, Refused, Refused),
    row("session_transfer", Object, Allowed, Allowed),
    row("allowed_origins", TEXTS, Refused, Refused),
    row("web_origins", TEXTS, Refused, Refused),
    row("client_aliases", NON_EMPTY_TEXTS, Refused, Refused),
    row("allowed_clients", NON_EMPTY_TEXTS, Refused, Refused),
    row("allowed_logout_urls", TEXTS, Refused, Refused),
    row("grant_types", NON_EMPTY_TEXTS, Refused, Refused),
    row("token_endpoint_auth_method", AUTH_METHODS, Refused, Allowed),
    row("is_token_endpoint_ip_header_trusted", Bool, Refused, Refused),
    row("app_type", OneOf(&APP_TYPES), Refused, Refused),
    row("is_first_party", Bool, Refused, Refused),
    row("oidc_conformant", Bool, Refused, Refused),
    row("jwt_configuration", Object, Refused, Refused),
    row("encryption_key", Object, Allowed, Allowed),
    row("sso", Bool, Refused, Refused),
    row("cross_origin_authentication", Bool, Refused, Refused),
    row("cross_origin_loc", TEXT, Refused, Allowed),
    row("sso_disabled", Bool, Refused, Refused),
    row("custom_login_page_on", Bool, Refused, Refused),
    row("custom_login_page", Page, Refused, Refused),
    row("custom_login_page_preview", Page, Refused, Refused),
    row("form_template", Page, Refused, Refused),
    row("addons", Object, Refused, Refused),
    row("client_metadata", Object, Refused, Refused),
    row("mobile", Object, Refused, Refused),
    row("initiate_login_uri", TEXT, Refused, Refused),
    row("native_social_login", Object, Refused, Allowed),
    row("fedcm_login", Object, Refused, Allowed),
    row("refresh_token", Object, Allowed, Allowed),
    row("default_organization", Object, Allowed, Allowed),
    row("organization_usage", ORGANIZATION_USAGE, Refused, Allowed),
    row("organization_require_behavior", ORGANIZATION_BEHAVIOR, Refused, Allowed),
    row("organization_discovery_methods", DISCOVERY, Refused, Allowed),
    row("client_authentication_methods", Object, Refused, Allowed),
    row("require_pushed_authorization_requests", Bool, Refused, Refused),
    row("require_proof_of_possession", Bool, Refused, Refused),
    row("signed_request_object", Object, Refused, Refused),
    row("token_vault_privileged_access", Object, Refused, Refused),
    row("compliance_level", COMPLIANCE, Allowed, Allowed),
    row("skip_non_verifiable_callback_uri_confirmation_prompt", Bool, Refused, Allowed),
    row("token_exchange", Object, Refused, Allowed),
    row("par_request_expiry", Integer { min: 10, max: 600 }, Allowed, Allowed),
    row("token_quota", Object, Refused, Allowed),
    row("resource_server_identifier", Text { min: 1, max: 600 }, Refused, Unknown),
    row("third_party_security_mode", OneOf(&["strict", "permissive"]), Refused, Refused),
    row("redirection_policy", REDIRECTION, Refused, Refused),
    row("express_configuration", Object, Refused, Allowed),
    row("my_organization_configuration", Object, Refused, Allowed),
    row("async_approval_notification_channels", CHANNELS, Refused, Allowed),
    row("client_secret", Text { min: 1, max: ANY }, Unknown, Refused),
];
