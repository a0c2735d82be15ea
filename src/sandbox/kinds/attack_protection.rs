//! Attack protection: five parts, of each of which a tenant has one.

use std::sync::LazyLock;

use serde_json::json;

use crate::sandbox::kind::{Fields, Kind};
use crate::sandbox::merge::{Rules, remove};
use crate::sandbox::shapes::{Operation, Shapes};

const SCOPE: &str = "attack_protection";

macro_rules! part {
    ($name:ident, $path:literal, $shapes:literal, { $($field:ident: $value:expr),* }) => {
        pub(in crate::sandbox) static $name: Kind = {
            static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::read(include_str!($shapes)));
            Kind { $($field: $value,)* ..Kind::row($path, $path, SCOPE, &SHAPES) }
        };
    };
}

part!(BOT_DETECTION, "attack-protection/bot-detection", "bot_detection.shapes", {
    defaults: |_, _| json!({
        "challenge_password_policy": "never",
        "challenge_passwordless_policy": "never",
        "challenge_password_reset_policy": "never",
        "allowlist": [],
        "bot_detection_level": "medium",
        "monitoring_mode_enabled": false
    })
});

part!(
    BREACHED_PASSWORD_DETECTION,
    "attack-protection/breached-password-detection",
    "breached_password_detection.shapes",
    {
        rules: Rules {
            merged: &[("stage", 2)],
            sets: &["shields", "admin_notification_frequency", "stage.*.shields"],
            ..Rules::NONE
        },
        defaults: |_, _| json!({
            "enabled": false,
            "shields": [],
            "admin_notification_frequency": [],
            "method": "standard",
            "stage": {
                "pre-user-registration": { "shields": [] },
                "pre-change-password": { "shields": [] }
            }
        })
    }
);

part!(BRUTE_FORCE_PROTECTION, "attack-protection/brute-force-protection", "brute_force_protection.shapes", {
    rules: Rules { sets: &["shields"], ..Rules::NONE },
    defaults: |_, _| json!({
        "enabled": true,
        "shields": ["block", "user_notification"],
        "mode": "count_per_identifier_and_ip",
        "allowlist": [],
        "max_attempts": 10
    })
});

part!(CAPTCHA, "attack-protection/captcha", "captcha.shapes", {
    defaults: |_, _| json!({ "active_provider_id": "auth_challenge", "auth_challenge": { "fail_open": false } }),
    derive: without_secrets
});

part!(SUSPICIOUS_IP_THROTTLING, "attack-protection/suspicious-ip-throttling", "suspicious_ip_throttling.shapes", {
    rules: Rules {
        merged: &[("stage", 2)],
        sets: &["shields"],
        ..Rules::NONE
    },
    defaults: |_, _| json!({
        "enabled": true,
        "shields": ["admin_notification", "block"],
        "allowlist": [],
        "stage": {
            "pre-login": { "max_attempts": 100, "rate": 864000 },
            "pre-user-registration": { "max_attempts": 50, "rate": 1200 },
            "pre-custom-token-exchange": { "max_attempts": 10, "rate": 600000 }
        }
    })
});

/// The keys to the captcha's providers are taken and never given back.
fn without_secrets(captcha: &mut Fields, _: &Fields, _: Operation) {
    let providers: Vec<String> = captcha.keys().cloned().collect();
    for provider in providers {
        for secret in ["secret", "api_key"] {
            remove(captcha, &format!("{provider}.{secret}"));
        }
    }
}
