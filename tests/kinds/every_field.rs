//! Each managed field of each kind is edited once, by itself: the tenant gets exactly that, and says it from then on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenantry::kinds::{KINDS, Kind, Merge};

use crate::acme::{pulled, pushed, said, say};

/// Another value for each field of a kind that an update takes, but for `permissions`, which are no part of a PATCH.
fn edits(kind: &Kind) -> (&'static str, &'static str, Value) {
    match kind.only().unwrap_or(kind.name) {
        "resource-servers" => (
            "resource-servers/orders-api",
            "resource-servers/64b0c0ffee00000000000002",
            json!({
                "allow_offline_access": false,
                "allow_online_access": true,
                "allow_online_access_with_ephemeral_sessions": true,
                "authorization_details": [{"type": "payment"}],
                "authorization_policy": {"policy_id": "pol_1"},
                "consent_policy": "transactional-authorization-with-mfa",
                "enforce_policies": false,
                "name": "Orders",
                "proof_of_possession": {"mechanism": "mtls", "required": true},
                "scopes": [{"value": "write:orders"}, {"value": "read:orders", "description": "See them"}],
                "signing_alg": "PS256",
                "skip_consent_for_verifiable_first_party_clients": false,
                "subject_type_authorization": {"client": {"policy": "deny_all"}, "user": {"policy": "deny_all"}},
                "token_dialect": "access_token",
                "token_lifetime": 60,
                "token_lifetime_for_web": 60
            }),
        ),
        "client-grants" => (
            "client-grants/billing-service--orders-api",
            "client-grants/cgr_biLLing0rders003",
            json!({
                "allow_any_organization": true,
                "authorization_details_types": ["payment"],
                "organization_usage": "allow",
                "scope": ["read:orders", "refund:orders"],
                "allow_all_scopes": false
            }),
        ),
        "roles" => (
            "roles/customer-care",
            "roles/rol_cUst0merCare0001",
            json!({"description": "Helps", "name": "Care"}),
        ),
        "tenant-settings" => (
            "tenant-settings",
            "tenants/settings",
            json!({
                "acr_values_supported": ["a"],
                "allowed_logout_urls": ["https://acme.example/bye", "https://acme.example/out"],
                "allow_organization_name_in_authentication_api": true,
                "authorization_response_iss_parameter_supported": true,
                "change_password": {"enabled": false, "html": "<p>\n"},
                "client_id_metadata_document_supported": true,
                "country_codes": {"list": ["DE"], "mode": "allow"},
                "customize_mfa_in_postlogin_action": true,
                "default_audience": "https://api.acme.example/orders",
                "default_directory": "Other",
                "default_redirection_uri": "https://acme.example/",
                "default_token_quota": {"clients": {"client_credentials": {"enforce": true, "per_day": 5}}},
                "device_flow": {"charset": "digits", "mask": "***"},
                "dynamic_client_registration_security_mode": "strict",
                "enable_ai_guide": false,
                "enabled_locales": ["de", "en"],
                "ephemeral_session_lifetime": 5,
                "error_page": {"html": "<p>", "show_log_link": true, "url": "https://acme.example/oops"},
                "flags": {"enable_sso": false},
                "friendly_name": "ACME",
                "guardian_mfa_page": {"enabled": true, "html": "<p>"},
                "idle_ephemeral_session_lifetime": 5,
                "idle_session_lifetime": 5,
                "include_session_metadata_in_tenant_logs": true,
                "legacy_sandbox_version": "12",
                "mtls": {"enable_endpoint_aliases": true},
                "oidc_logout": {"rp_logout_end_session_endpoint_discovery": true},
                "phone_consolidated_experience": true,
                "picture_url": "",
                "pushed_authorization_requests_supported": true,
                "resource_parameter_profile": "compatibility",
                "sandbox_version": "18",
                "security_headers": {"x_xss_protection": {"enabled": true}},
                "session_cookie": {"mode": "persistent"},
                "session_lifetime": 5,
                "sessions": {"oidc_logout_prompt_enabled": false},
                "skip_non_verifiable_callback_uri_confirmation_prompt": true,
                "support_email": "",
                "support_url": "https://acme.example/"
            }),
        ),
        "log-streams" => (
            "log-streams/operations",
            "log-streams/lst_0000000000014569",
            json!({
                "filters": [{"type": "category", "name": "auth.login.success"}],
                "isPriority": true,
                "name": "Ops",
                "pii_config": {"log_fields": ["email"], "method": "mask"}
            }),
        ),
        "bot-detection" => (
            "attack-protection/bot-detection",
            "attack-protection/bot-detection",
            json!({
                "allowlist": [],
                "bot_detection_level": "high",
                "challenge_password_policy": "always",
                "challenge_password_reset_policy": "always",
                "challenge_passwordless_policy": "always",
                "monitoring_mode_enabled": true
            }),
        ),
        "breached-password-detection" => (
            "attack-protection/breached-password-detection",
            "attack-protection/breached-password-detection",
            json!({
                "admin_notification_frequency": ["daily"],
                "enabled": false,
                "method": "enhanced",
                "shields": ["block", "user_notification"],
                "stage": {"pre-user-registration": {"shields": []}, "pre-change-password": {"shields": ["block"]}}
            }),
        ),
        "brute-force-protection" => (
            "attack-protection/brute-force-protection",
            "attack-protection/brute-force-protection",
            json!({
                "allowlist": ["203.0.113.7", "203.0.113.8"],
                "enabled": false,
                "max_attempts": 10,
                "mode": "count_per_identifier_and_ip",
                "shields": ["block"]
            }),
        ),
        "captcha" => (
            "attack-protection/captcha",
            "attack-protection/captcha",
            json!({"active_provider_id": "simple_captcha", "auth_challenge": {"fail_open": true}, "simple_captcha": {}}),
        ),
        "suspicious-ip-throttling" => (
            "attack-protection/suspicious-ip-throttling",
            "attack-protection/suspicious-ip-throttling",
            json!({
                "allowlist": ["203.0.113.7"],
                "enabled": false,
                "shields": ["block"],
                "stage": {
                    "pre-custom-token-exchange": {"max_attempts": 10, "rate": 600000},
                    "pre-login": {"max_attempts": 50, "rate": 864000},
                    "pre-user-registration": {"max_attempts": 50, "rate": 1200}
                }
            }),
        ),
        other => panic!("no edits of {other}"),
    }
}

#[test]
fn an_edited_field_is_sent_and_nothing_else() {
    let bed = pulled();
    for kind in KINDS.into_iter().filter(|kind| kind.name != "clients") {
        let (file, resource, edits) = edits(kind);
        let edits: BTreeMap<String, Value> = serde_json::from_value(edits).unwrap();
        for field in kind.fields().filter(|field| field.name() != "permissions") {
            let name = field.name();
            let new = edits
                .get(name)
                .unwrap_or_else(|| panic!("no edit of {kind} {name}"));
            let mut local = new.clone();
            if field.row().merge == Merge::Flags {
                // The other flags stay as they are.
                local = said(&bed, file)[name].clone();
                let flags = new.as_object().unwrap().clone();
                local.as_object_mut().unwrap().extend(flags);
            }
            assert_ne!(said(&bed, file)[name], local, "{file} {name}");
            say(&bed, file, name, local);
            let sent = json!({ name: new });
            assert_eq!(pushed(&bed, 0), [format!("PATCH {resource} {sent}")]);
        }
        let unknown = edits
            .keys()
            .find(|name| kind.field(name.as_str()).is_none());
        assert_eq!(unknown, None, "{kind}");
    }
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    let before = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&before);
}
