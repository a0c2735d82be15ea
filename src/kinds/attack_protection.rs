//! Attack protection: its five parts, each a kind by itself under one name.
//! Source: <https://auth0.com/docs/api/management/v2/attack-protection>, and what recorded updates did.

use std::sync::OnceLock;

use super::kind::{Kind, Label, Shape};
use super::risk::Risk;
use super::row::Clear::EmptyList;
use super::row::Merge::{Parts, PartsOfSets, Set};
use super::row::Row;
use crate::schema::Schema;

/// What all of the parts have in common.
macro_rules! part {
    ($name:literal, $rows:expr) => {
        Kind {
            name: "attack-protection",
            singular: "part of attack protection",
            plural: "parts of attack protection",
            shape: Shape::One {
                id: $name,
                path: &["attack-protection", $name],
                file: concat!("attack-protection/", $name),
            },
            label: Label::Always($name),
            type_field: None,
            rows: $rows,
            secrets: &["secret", "api_key"],
            nested_secrets: &[],
            secret_urls: &[],
            left_out: None,
            limits: &[],
            reads_again: true,
            scope: "attack_protection",
            turn: 4,
            schema: Schema::new(include_str!(concat!(
                "schema/attack-protection/",
                $name,
                ".json"
            ))),
            places: OnceLock::new(),
        }
    };
}

const OFF: Risk = Risk::Changed("whether the tenant is protected changes at once");
const FEWER: Risk = Risk::Removed("the protection by", "ends at once");
const OPEN: Risk = Risk::Added("whoever comes from", "is let through at once");
const MORE_ATTEMPTS: Risk = Risk::Raised("more attempts are let through at once");
const SECRETS: &str = "it needs a secret that is never served";

/// What is known of bot detection.
pub static BOT_DETECTION: Kind = part!(
    "bot-detection",
    &[
        // Addresses that are never challenged.
        Row::opt_in("allowlist").clears(EmptyList).risks(&[OPEN]),
        // How much is taken for a bot.
        Row::opt_in("bot_detection_level"),
        // When logins by password are challenged.
        Row::opt_in("challenge_password_policy").risks(&[OFF]),
        // When new passwords are.
        Row::opt_in("challenge_password_reset_policy").risks(&[OFF]),
        // When logins without a password are.
        Row::opt_in("challenge_passwordless_policy").risks(&[OFF]),
        // Whether it only watches.
        Row::opt_in("monitoring_mode_enabled").risks(&[OFF]),
    ]
);

/// What is known of the detection of breached passwords.
pub static BREACHED_PASSWORD_DETECTION: Kind = part!(
    "breached-password-detection",
    &[
        // When administrators hear of it.
        Row::opt_in("admin_notification_frequency")
            .merges(Set)
            .clears(EmptyList),
        // Whether it is on.
        Row::opt_in("enabled").risks(&[OFF]),
        // Which list of passwords it knows.
        Row::opt_in("method"),
        // What it does.
        Row::opt_in("shields")
            .merges(Set)
            .clears(EmptyList)
            .risks(&[FEWER]),
        // What it does where accounts are made and passwords changed.
        Row::opt_in("stage")
            .merges(PartsOfSets)
            .risks(&[Risk::Below("shields", &FEWER)]),
    ]
);

/// What is known of the protection against brute force.
pub static BRUTE_FORCE_PROTECTION: Kind = part!(
    "brute-force-protection",
    &[
        // Addresses that are never blocked.
        Row::opt_in("allowlist").clears(EmptyList).risks(&[OPEN]),
        // Whether it is on.
        Row::opt_in("enabled").risks(&[OFF]),
        // How many attempts are too many.
        Row::opt_in("max_attempts").risks(&[MORE_ATTEMPTS]),
        // Whether attempts are counted by account and address, or by account.
        Row::opt_in("mode"),
        // What it does.
        Row::opt_in("shields")
            .merges(Set)
            .clears(EmptyList)
            .risks(&[FEWER]),
        Row::never(
            "form_submission_behavior",
            "the tenant sets it, and some tenants refuse it"
        ),
    ]
);

/// What is known of captchas.
pub static CAPTCHA: Kind = part!(
    "captcha",
    &[
        // Which provider is in use.
        Row::opt_in("active_provider_id").risks(&[OFF]),
        Row::never("arkose", SECRETS),
        // How the tenant's own challenge fails.
        Row::opt_in("auth_challenge").merges(Parts),
        Row::never("friendly_captcha", SECRETS),
        Row::never("hcaptcha", SECRETS),
        Row::never("recaptcha_enterprise", SECRETS),
        Row::never("recaptcha_v2", SECRETS),
        // The tenant's own captcha.
        Row::opt_in("simple_captcha").merges(Parts),
    ]
);

/// What is known of the throttling of suspicious addresses.
pub static SUSPICIOUS_IP_THROTTLING: Kind = part!(
    "suspicious-ip-throttling",
    &[
        // Addresses that are never throttled.
        Row::opt_in("allowlist").clears(EmptyList).risks(&[OPEN]),
        // Whether it is on.
        Row::opt_in("enabled").risks(&[OFF]),
        // What it does.
        Row::opt_in("shields")
            .merges(Set)
            .clears(EmptyList)
            .risks(&[FEWER]),
        // How many attempts are too many, and how fast they are forgotten.
        Row::opt_in("stage")
            .merges(PartsOfSets)
            .risks(&[Risk::Below("max_attempts", &MORE_ATTEMPTS)]),
    ]
);
