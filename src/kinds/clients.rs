//! Clients: the tenant's applications.
//! Source: <https://auth0.com/docs/api/management/v2/clients/patch-clients-by-id>, and what recorded updates did.

use std::sync::OnceLock;

use super::kind::{Collection, Creation, Kind, Label, Paging, Shape, Stays, Takes, When};
use super::risk::{Guard, Risk};
use super::row::Clear::{EmptyList, EmptyText, EmptyTextIsAbsent, Null};
use super::row::Merge::{Keys, Parts};
use super::row::Row;
use crate::schema::Schema;

/// What is known of clients.
pub static KIND: Kind = Kind {
    name: "clients",
    singular: "client",
    plural: "clients",
    shape: Shape::Many(Collection {
        id: "client_id",
        list_key: "clients",
        list_query: &[("is_global", "false")],
        paging: Paging::NumbersOrCheckpoints,
        selects_fields: true,
        missing_has_code: true,
        sub_list: None,
        creation: Creation::Takes(Takes {
            required: &["name"],
            also: &[],
            except: &[
                ("client_authentication_methods", CREDENTIALS),
                ("signed_request_object", CREDENTIALS),
                ("token_vault_privileged_access", CREDENTIALS),
            ],
            not_empty: &[
                "custom_login_page",
                "custom_login_page_preview",
                "form_template",
            ],
            key: &[("name", None)],
            defaults: &[
                (
                    "grant_types",
                    None,
                    "the tenant allows the implicit grant by default, and client_credentials to what is no native or single-page app",
                ),
                (
                    "jwt_configuration",
                    Some("alg"),
                    "the tenant signs with HS256 by default, by the client's secret",
                ),
            ],
            needs: &[
                "app_type",
                "compliance_level",
                "grant_types",
                "is_first_party",
                "jwt_configuration",
                "oidc_conformant",
                "organization_require_behavior",
                "organization_usage",
                "refresh_token",
                "require_proof_of_possession",
                "require_pushed_authorization_requests",
                "token_endpoint_auth_method",
            ],
            stays: &[
                Stays {
                    when: &[When::OwnClient("client_id")],
                    is_everywhere: true,
                    why: "tenantry works by it, and by another one in each tenant",
                },
                Stays {
                    when: &[When::Text("external_client_id")],
                    is_everywhere: false,
                    why: "the address of its metadata document registers it, in the dashboard",
                },
                Stays {
                    when: &[When::Text("resource_server_identifier")],
                    is_everywhere: false,
                    why: "it stands for an API, which no file can tie it to",
                },
            ],
            caution: Some(
                "people can log in to a new client through every connection at once, where the tenant enables them for new clients (`enable_client_connections`)",
            ),
            afterwards: Some(
                "the secret of a new client is in the dashboard, under Applications; it is neither shown nor written here",
            ),
        }),
    }),
    label: Label::Fields(&["name"]),
    type_field: Some("app_type"),
    rows: ROWS,
    secrets: &["client_secret", "signing_keys", "encryption_key"],
    nested_secrets: &[
        &["addons", "azure_blob", "storageAccessKey"],
        &["addons", "azure_sb", "sasKey"],
        &["addons", "firebase", "secret"],
        &["addons", "firebase", "private_key"],
        &["addons", "firebase", "private_key_id"],
        &["addons", "layer", "privateKey"],
        &["addons", "layer", "keyId"],
        &["addons", "sap_api", "servicePassword"],
        &["addons", "wams", "masterkey"],
    ],
    // The legacy global client, "All Applications".
    secret_urls: &[],
    left_out: Some("global"),
    limits: &[],
    reads_again: false,
    scope: "clients",
    turn: 1,
    schema: Schema::new(include_str!("schema/clients.json")),
    places: OnceLock::new(),
};

const CREDENTIALS: &str = "it names credentials by ids, which a new client does not have yet";
const SERVED_ONLY: &str = "the tenant sets it, and no update takes it";
const LOGINS_RETURN: Risk = Risk::Removed("logins that return to", "fail at once");
const LOGOUTS_RETURN: Risk = Risk::Removed("logouts that return to", "fail at once");
const PAGES_STOP: Risk = Risk::Removed("pages at", "can't log anybody in any more");
const AUTHENTICATION: Risk =
    Risk::Changed("whoever asks for tokens the other way is refused at once");

/// The fields, in file order.
const ROWS: &[Row] = &[
    // What people call the client. Two may have the same name.
    Row::default_field("name"),
    // What it is for.
    Row::default_field("description").clears(EmptyText),
    // Clients, and others by URL, that may delegate to it.
    Row::default_field("allowed_clients")
        .clears(EmptyList)
        .refers_to("clients", None, &[])
        .risks(&[Risk::Emptied(
            "an empty list lets every client of the tenant delegate",
        )]),
    // Settings of integrations. Reads return the secrets of some in clear.
    Row::never("addons", "it holds secrets"),
    // Where a logout may return to.
    Row::opt_in("allowed_logout_urls")
        .clears(EmptyList)
        .risks(&[LOGOUTS_RETURN, Risk::OpenUrl]),
    // Origins that may ask from a browser.
    Row::opt_in("allowed_origins")
        .clears(EmptyList)
        .risks(&[PAGES_STOP, Risk::OpenUrl]),
    // What sort of application it is, which decides what else it may be.
    Row::opt_in("app_type")
        .guarded(Guard::Value)
        .risks(&[Risk::Changed(
            "another type has other rules, and logins may break at once",
        )]),
    // How approvals in the background reach people.
    Row::opt_in("async_approval_notification_channels").clears(Null),
    // Where a login may return to. The first one is the default of SAML and of logins that the identity provider begins.
    Row::opt_in("callbacks")
        .clears(EmptyList)
        .risks(&[LOGINS_RETURN, Risk::OpenUrl]),
    // Audiences of SAML and WS-Federation.
    Row::opt_in("client_aliases").clears(EmptyList),
    // How it authenticates, by ids of credentials that only its tenant has.
    Row::opt_in("client_authentication_methods")
        .clears(Null)
        .risks(&[AUTHENTICATION])
        .guarded(Guard::Value)
        .needs("update:client_credentials")
        .tenants_own(),
    // Texts of its own, by key.
    Row::opt_in("client_metadata").merges(Keys),
    // The rules of which security profile it keeps.
    Row::opt_in("compliance_level")
        .guarded(Guard::Value)
        .clears(Null),
    Row::derived("cross_origin_auth", "cross_origin_authentication"),
    // Whether pages elsewhere may log people in.
    Row::opt_in("cross_origin_authentication").risks(&[Risk::Changed(
        "logins that are embedded in pages elsewhere begin or cease to work at once",
    )]),
    // The page that takes those logins over where third-party cookies are blocked.
    Row::opt_in("cross_origin_loc").clears(Null),
    // The login page's HTML.
    Row::opt_in("custom_login_page").clears(EmptyText),
    // Whether that page is in use.
    Row::opt_in("custom_login_page_on"),
    // The login page as its editor has it.
    Row::opt_in("custom_login_page_preview"),
    // The organization that machines act for.
    Row::opt_in("default_organization")
        .guarded(Guard::Value)
        .clears(Null)
        .tenants_own(),
    // Settings of Okta's express configuration.
    Row::opt_in("express_configuration")
        .clears(Null)
        .tenants_own(),
    // Logins by the browser's own accounts.
    Row::opt_in("fedcm_login").clears(Null),
    // HTML of the form that answers WS-Federation.
    Row::opt_in("form_template").clears(EmptyText),
    // The flows that give it tokens. One of before 2017 that is removed can't be added back.
    Row::opt_in("grant_types")
        .clears(EmptyList)
        .risks(&[Risk::Removed("logins and tokens by", "stop at once")])
        .guarded(Guard::Entry("client_credentials")),
    // Whether it takes identity assertions of other applications.
    Row::opt_in("identity_assertion_authorization_grant").clears(Null),
    // The application's own page that begins a login.
    Row::opt_in("initiate_login_uri").clears(EmptyTextIsAbsent),
    // Whether it is of the tenant's owner, so that nobody is asked for consent.
    Row::opt_in("is_first_party").risks(&[Risk::Changed(
        "who is asked for consent, and what the client may do, changes at once",
    )]),
    // Whether the forwarded address of the person counts where attacks are counted.
    Row::opt_in("is_token_endpoint_ip_header_trusted"),
    // The algorithm and lifetime of its ID tokens.
    Row::opt_in("jwt_configuration")
        .merges(Parts)
        .risks(&[Risk::KeyChanged(
            "alg",
            "whoever verifies its tokens by the old algorithm refuses them at once",
        )]),
    // Its logo's address.
    Row::opt_in("logo_uri").clears(EmptyText),
    // What is known of its mobile apps.
    Row::opt_in("mobile").merges(Parts),
    // Settings of the page where organizations manage themselves.
    Row::opt_in("my_organization_configuration")
        .clears(Null)
        .tenants_own(),
    // Which social accounts of the phone log in natively.
    Row::opt_in("native_social_login")
        .merges(Parts)
        .clears(Null),
    Row::derived("oidc_backchannel_logout", "oidc_logout"),
    // Whether it keeps to OpenID Connect to the letter.
    Row::opt_in("oidc_conformant").risks(&[Risk::Changed(
        "logins go another way at once, and the documentation knows no way back",
    )]),
    // Where it hears of logouts.
    Row::opt_in("oidc_logout"),
    // How people find their organization.
    Row::opt_in("organization_discovery_methods").clears(Null),
    // When people are asked for their organization.
    Row::opt_in("organization_require_behavior").clears(Null),
    // Whether people log in to an organization.
    Row::opt_in("organization_usage")
        .guarded(Guard::Value)
        .clears(Null),
    // Seconds for which a pushed request is good.
    Row::opt_in("par_request_expiry").clears(Null),
    // What keeps a third-party client from redirecting anywhere.
    Row::opt_in("redirection_policy"),
    // How its refresh tokens rotate and expire.
    Row::opt_in("refresh_token")
        .clears(Null)
        .refers_to(
            "resource-servers",
            Some("identifier"),
            &["policies", "audience"],
        )
        .risks(&[Risk::Cleared(
            "new refresh tokens are as the tenant has them by default, which may neither rotate nor expire",
        )]),
    // Whether its tokens are bound to it.
    Row::opt_in("require_proof_of_possession").guarded(Guard::Value),
    // Whether each login has to be pushed first.
    Row::opt_in("require_pushed_authorization_requests"),
    // How a native session goes on in a browser.
    Row::opt_in("session_transfer").merges(Parts).clears(Null),
    // How signed requests are verified, by ids of credentials that only its tenant has.
    Row::opt_in("signed_request_object")
        .merges(Parts)
        .clears(Null)
        .tenants_own(),
    // Whether a callback that can't be verified is asked about. Absent is the tenant's own setting.
    Row::opt_in("skip_non_verifiable_callback_uri_confirmation_prompt").clears(Null),
    // Whether Auth0 logs people in by itself in place of the identity provider, on old tenants.
    Row::opt_in("sso"),
    // Whether single sign-on is off.
    Row::opt_in("sso_disabled"),
    Row::never(
        "third_party_security_mode",
        "it is set when a client is made, and no update takes it",
    ),
    // How it authenticates where it asks for tokens.
    Row::opt_in("token_endpoint_auth_method")
        .clears(Null)
        .risks(&[AUTHENTICATION])
        .guarded(Guard::Value),
    // Which tokens of others it may exchange.
    Row::opt_in("token_exchange").clears(Null),
    // How many tokens it may ask for.
    Row::opt_in("token_quota")
        .guarded(Guard::Value)
        .clears(Null),
    // Its access to tokens of others, by ids of credentials that only its tenant has.
    Row::opt_in("token_vault_privileged_access")
        .clears(Null)
        .tenants_own(),
    // Origins from which a page may ask for tokens in the background.
    Row::opt_in("web_origins")
        .clears(EmptyList)
        .risks(&[PAGES_STOP, Risk::OpenUrl]),
    Row::never("callback_url_template", SERVED_ONLY),
    Row::never("config_route", SERVED_ONLY),
    Row::never("encrypted", SERVED_ONLY),
    Row::never("external_client_id", SERVED_ONLY),
    Row::never("external_metadata_created_by", SERVED_ONLY),
    Row::never("external_metadata_type", SERVED_ONLY),
    Row::never("global", SERVED_ONLY),
    Row::never("jwks_uri", SERVED_ONLY),
    Row::never("owners", SERVED_ONLY),
    Row::never("resource_server_identifier", SERVED_ONLY),
    Row::never("tenant", SERVED_ONLY),
];
