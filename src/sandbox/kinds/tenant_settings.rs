//! The tenant's settings.

use std::sync::LazyLock;

use serde_json::{Number, Value, json};

use crate::sandbox::answer::Refusal;
use crate::sandbox::kind::{Fields, Kind, Occasion, Write};
use crate::sandbox::merge::{Rules, remove};
use crate::sandbox::shapes::{Operation, Shapes};

static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::read(include_str!("tenant_settings.shapes")));

pub(in crate::sandbox) static KIND: Kind = Kind {
    rules: Rules {
        merged: &[
            ("change_password", 1),
            ("device_flow", 1),
            ("error_page", 1),
            ("flags", 1),
            ("guardian_mfa_page", 1),
            ("sessions", 1),
            ("universal_login", 2),
        ],
        emptied: &["default_redirection_uri"],
        sets: &[],
    },
    defaults,
    check,
    derive,
    answer,
    ..Kind::row(
        "tenant-settings",
        "tenants/settings",
        "tenant_settings",
        &SHAPES,
    )
};

/// Flags that are served, and that nobody may set.
const FIXED_FLAGS: [&str; 3] = [
    "allow_changing_enable_sso",
    "disable_impersonation",
    "enforce_client_authentication_on_passwordless_start",
];

/// What only the answer to a write has, by path.
const ONLY_WRITTEN: [&str; 3] = [
    "flags.cannot_change_enforce_client_authentication_on_passwordless_start",
    "flags.enforce_client_authentication_on_passwordless_start",
    "universal_login.identifier_first",
];

/// What only reading answers.
const ONLY_READ: &str = "sandbox_versions_available";

fn defaults(tenant: &str, _: &Fields) -> Value {
    json!({
        "allowed_logout_urls": [],
        "change_password": { "enabled": false, "html": "" },
        "enabled_locales": ["en"],
        "flags": {
            "allow_changing_enable_sso": false,
            "allow_legacy_delegation_grant_types": false,
            "allow_legacy_ro_grant_types": false,
            "cannot_change_enforce_client_authentication_on_passwordless_start": true,
            "change_pwd_flow_v1": false,
            "disable_clickjack_protection_headers": false,
            "disable_impersonation": true,
            "enable_apis_section": false,
            "enable_client_connections": true,
            "enable_dynamic_client_registration": false,
            "enable_pipeline2": false,
            "enable_public_signup_user_exists_error": true,
            "enable_sso": true,
            "enforce_client_authentication_on_passwordless_start": true,
            "revoke_refresh_token_grant": false,
            "use_scope_descriptions_for_consent": false
        },
        "friendly_name": tenant,
        "idle_session_lifetime": 72,
        "picture_url": "",
        "sandbox_version": "22",
        "session_lifetime": 168,
        "support_email": "",
        "support_url": "",
        "universal_login": {
            "colors": { "page_background": "#000000", "primary": "#635dff" },
            "identifier_first": true
        },
        "resource_parameter_profile": "audience",
        "client_id_metadata_document_supported": false,
        "session_cookie": { "mode": "persistent" },
        "sandbox_versions_available": ["22", "18", "12"]
    })
}

/// A lifetime is given in hours or in minutes, and some flags are nobody's to set.
fn check(write: &Write<'_>) -> Result<(), Refusal> {
    let flags = write.sent.get("flags").and_then(Value::as_object);
    let mut names = flags.into_iter().flatten().map(|(name, _)| name.as_str());
    if let Some(fixed) = names.find(|name| FIXED_FLAGS.contains(name)) {
        return Err(Refusal::bad_request(
            "invalid_body",
            &format!("You are not allowed to set flag {fixed}"),
        ));
    }
    let mut names = write.sent.keys();
    match names.find(|name| write.sent.contains_key(&format!("{name}_in_minutes"))) {
        None => Ok(()),
        Some(name) => Err(Refusal::bad_request(
            "invalid_body",
            &format!("Cannot set both {name} and {name}_in_minutes"),
        )),
    }
}

/// What was given in minutes is kept and served in hours.
fn derive(settings: &mut Fields, sent: &Fields, _: Operation) {
    for (name, minutes) in sent {
        let Some(hours) = name.strip_suffix("_in_minutes") else {
            continue;
        };
        settings.shift_remove(name);
        let Some(minutes) = minutes.as_u64() else {
            continue;
        };
        let value = match minutes % 60 {
            0 => Some(Number::from(minutes / 60)),
            _ => Number::from_f64(minutes as f64 / 60.0),
        };
        settings.extend(value.map(|value| (hours.to_owned(), value.into())));
    }
}

fn answer(settings: &Fields, occasion: Occasion) -> Fields {
    let mut answer = settings.clone();
    match occasion {
        Occasion::Write => remove(&mut answer, ONLY_READ),
        Occasion::Read => ONLY_WRITTEN
            .iter()
            .for_each(|path| remove(&mut answer, path)),
    }
    answer
}
