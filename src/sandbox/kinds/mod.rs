//! What the tenant is made of: one file a kind, each a row of data. The server knows no kind but by this table.

use super::kind::{Action, Form, Kind};

pub(super) mod attack_protection;
pub(super) mod client_grants;
pub(super) mod clients;
pub(super) mod log_streams;
pub(super) mod resource_servers;
pub(super) mod roles;
pub(super) mod tenant_settings;

/// Every kind.
pub(super) static KINDS: [&Kind; 11] = [
    &clients::KIND,
    &resource_servers::KIND,
    &client_grants::KIND,
    &roles::KIND,
    &tenant_settings::KIND,
    &attack_protection::BOT_DETECTION,
    &attack_protection::BREACHED_PASSWORD_DETECTION,
    &attack_protection::BRUTE_FORCE_PROTECTION,
    &attack_protection::CAPTCHA,
    &attack_protection::SUSPICIOUS_IP_THROTTLING,
    &log_streams::KIND,
];

/// The scopes of everything that can be asked.
pub(super) fn scopes() -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for kind in KINDS {
        let actions = match kind.form {
            Form::Many(_) => &[Action::Read, Action::Update, Action::Create, Action::Delete][..],
            Form::One => &[Action::Read, Action::Update],
        };
        for action in actions {
            let scope = kind.scopes(*action).swap_remove(0);
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
    }
    scopes
}

/// The kind of that name.
pub(super) fn named(name: &str) -> Option<&'static Kind> {
    KINDS.into_iter().find(|kind| kind.name == name)
}

/// Whether a path is that of a kind's list.
pub(super) fn is_list(path: &str) -> bool {
    KINDS.iter().any(|kind| {
        matches!(kind.form, Form::Many(_)) && path.strip_prefix("/api/v2/") == Some(kind.path)
    })
}
