//! The kinds whose schemas are tested, and where each says on purpose something else than the official document.

use serde_json::{Map, Value};

use crate::common::without_secrets;

/// A place, what is different there, and why.
pub type Difference = (&'static str, &'static str, &'static str);

/// One kind, and what its schema is held against.
pub struct Kind {
    /// Its name, as in files and recordings.
    pub name: &'static str,
    /// The schema's text.
    pub text: &'static str,
    /// The fields that stand before those that stand by name.
    pub first: &'static [&'static str],
    pub official: Option<Official>,
    /// Where the rules of an update differ from the official ones.
    pub differences: &'static [Difference],
    /// Where a file's fields are others than those that the official document has the API serve or an update take.
    pub served: &'static [Difference],
    /// The fields of which the API serves values that an update refuses, and what they are.
    pub served_otherwise: &'static [(&'static str, &'static str)],
    /// How many bodies and updates are recorded at least.
    pub recorded: (usize, usize),
    /// Fields of recorded updates that have no rules: secrets, which no push sends.
    pub without_rules: &'static [&'static str],
    /// A recorded body as a file is to have it.
    pub as_in_a_file: fn(&Map<String, Value>) -> Map<String, Value>,
    /// The fields that take in an update what no file may say.
    pub wider_in_updates: &'static [&'static str],
}

/// Where the official document says what an update takes and what the API serves.
pub struct Official {
    pub document: &'static str,
    pub updates: &'static [&'static str],
    pub serves: &'static str,
}

/// Every kind that has a schema.
pub static KINDS: [Kind; 11] = [
    CLIENTS,
    RESOURCE_SERVERS,
    CLIENT_GRANTS,
    ROLES,
    TENANT_SETTINGS,
    BREACHED_PASSWORD_DETECTION,
    BRUTE_FORCE_PROTECTION,
    SUSPICIOUS_IP_THROTTLING,
    BOT_DETECTION,
    CAPTCHA,
    LOG_STREAMS,
];

/// A kind whose schema agrees with the document in everything.
const fn kind(name: &'static str, text: &'static str, official: Option<Official>) -> Kind {
    Kind {
        name,
        text,
        first: &[],
        official,
        differences: &[],
        served: &[],
        served_otherwise: &[],
        recorded: (0, 0),
        without_rules: &[],
        as_in_a_file: Map::clone,
        wider_in_updates: &[],
    }
}

/// The part of the attack protection of which the document has these schemas.
const fn attack_protection(
    name: &'static str,
    text: &'static str,
    updates: &'static [&'static str],
    serves: &'static str,
) -> Kind {
    let document = "openapi/attack-protection.json";
    let official = Official {
        document,
        updates,
        serves,
    };
    kind(name, text, Some(official))
}

const CLIENTS: Kind = Kind {
    first: &["name", "description", "allowed_clients"],
    recorded: (200, 20),
    without_rules: &["client_secret"],
    as_in_a_file: without_secrets,
    // A key of metadata that is null removes the key, which a file says by leaving it out.
    wider_in_updates: &["client_metadata"],
    served_otherwise: &[
        (
            "client_authentication_methods",
            "credentials with more than their ids, where they were just made",
        ),
        (
            "signed_request_object",
            "credentials with more than their ids, where they were just made",
        ),
    ],
    differences: &[
        (
            "addons",
            "takes null",
            "recorded: null removes every add-on",
        ),
        (
            "addons.azure_blob.storageAccessKey",
            "is left out",
            "a secret",
        ),
        ("addons.azure_sb.sasKey", "is left out", "a secret"),
        ("addons.firebase.private_key", "is left out", "a secret"),
        ("addons.firebase.private_key_id", "is left out", "a secret"),
        ("addons.firebase.secret", "is left out", "a secret"),
        (
            "addons.layer",
            "required",
            "its other required keys are secrets, which no file has",
        ),
        ("addons.layer.keyId", "is left out", "a secret"),
        ("addons.layer.privateKey", "is left out", "a secret"),
        ("addons.sap_api.servicePassword", "is left out", "a secret"),
        ("addons.wams.masterkey", "is left out", "a secret"),
        (
            "client_metadata",
            "additionalProperties",
            "the official description: text of at most 255 characters, and null removes a key",
        ),
        ("client_secret", "is left out", "a secret"),
        ("encryption_key", "is left out", "a secret"),
        (
            "identity_assertion_authorization_grant",
            "is added",
            "newer than the document, and recorded",
        ),
        (
            "name",
            "minLength",
            "the pattern says the same; this way it has words of its own",
        ),
        (
            "oidc_backchannel_logout",
            "is left out",
            "deprecated: oidc_logout takes its place, and the two must not be sent together",
        ),
        (
            "signed_request_object",
            "takes null",
            "recorded: null clears it",
        ),
        (
            "third_party_security_mode",
            "is left out",
            "an update of it is refused: it is set when the client is made",
        ),
    ],
    served: &[
        ("callback_url_template", "is added", "recorded"),
        (
            "config_route",
            "is added",
            "served, though no document has it",
        ),
        (
            "cross_origin_auth",
            "is added",
            "recorded: the deprecated twin of cross_origin_authentication",
        ),
        ("encrypted", "is added", "recorded"),
        ("owners", "is added", "recorded"),
        ("signing_keys", "is left out", "a secret"),
    ],
    ..kind(
        "clients",
        include_str!("../../src/kinds/schema/clients.json"),
        Some(Official {
            document: "clients-openapi.json",
            updates: &["UpdateClientRequestContent"],
            serves: "GetClientResponseContent",
        }),
    )
};

const RESOURCE_SERVERS: Kind = Kind {
    recorded: (30, 5),
    as_in_a_file: |api| {
        let mut api = api.clone();
        api.shift_remove("signing_secret");
        api
    },
    differences: &[
        (
            "name",
            "minLength",
            "the pattern says the same; this way it has words of its own",
        ),
        ("signing_secret", "is left out", "a secret"),
        (
            "token_encryption.format",
            "type",
            "the document has the choice and not its type",
        ),
        ("token_lifetime_for_web", "is added", "recorded"),
    ],
    served_otherwise: &[("token_encryption", "a key without its PEM")],
    ..kind(
        "resource-servers",
        include_str!("../../src/kinds/schema/resource-servers.json"),
        Some(Official {
            document: "openapi/resource-servers.json",
            updates: &["UpdateResourceServerRequestContent"],
            serves: "GetResourceServerResponseContent",
        }),
    )
};

const CLIENT_GRANTS: Kind = Kind {
    recorded: (50, 3),
    ..kind(
        "client-grants",
        include_str!("../../src/kinds/schema/client-grants.json"),
        Some(Official {
            document: "openapi/client-grants.json",
            updates: &["UpdateClientGrantRequestContent"],
            serves: "GetClientGrantResponseContent",
        }),
    )
};

const ROLES: Kind = Kind {
    recorded: (20, 6),
    // What the API derives from a permission's two keys is not repeated in a file.
    as_in_a_file: |role| {
        let mut role = role.clone();
        let permissions = role.get_mut("permissions").and_then(Value::as_array_mut);
        for permission in permissions.into_iter().flatten() {
            let permission = permission.as_object_mut().unwrap();
            permission.retain(|key, _| {
                ["permission_name", "resource_server_identifier"].contains(&key.as_str())
            });
        }
        role
    },
    differences: &[(
        "permissions",
        "minItems",
        "an empty list takes every permission away, which is as many requests as there are permissions",
    )],
    served: &[
        ("owner_id", "is added", "served, though no document has it"),
        ("type", "is added", "recorded"),
    ],
    ..kind(
        "roles",
        include_str!("../../src/kinds/schema/roles.json"),
        Some(Official {
            document: "openapi/roles.json",
            updates: &[
                "UpdateRoleRequestContent",
                "AddRolePermissionsRequestContent",
            ],
            serves: "GetRoleResponseContent",
        }),
    )
};

const TENANT_SETTINGS: Kind = Kind {
    recorded: (40, 20),
    differences: &[
        (
            "country_codes.list[]",
            "maxLength",
            "the pattern says the same",
        ),
        (
            "country_codes.list[]",
            "minLength",
            "the pattern says the same",
        ),
        (
            "flags.use_scope_descriptions_for_consent",
            "is added",
            "recorded",
        ),
        ("universal_login", "is added", "recorded"),
    ],
    served_otherwise: &[
        ("ephemeral_session_lifetime", "fractions of hours"),
        ("flags", "flags that only Auth0 sets"),
        ("idle_ephemeral_session_lifetime", "fractions of hours"),
        ("session_lifetime", "fractions of hours"),
    ],
    ..kind(
        "tenant-settings",
        include_str!("../../src/kinds/schema/tenant-settings.json"),
        Some(Official {
            document: "openapi/tenant-settings.json",
            updates: &["UpdateTenantSettingsRequestContent"],
            serves: "GetTenantSettingsResponseContent",
        }),
    )
};

const BREACHED_PASSWORD_DETECTION: Kind = Kind {
    recorded: (7, 4),
    ..attack_protection(
        "attack-protection/breached-password-detection",
        include_str!("../../src/kinds/schema/attack-protection/breached-password-detection.json"),
        &["UpdateBreachedPasswordDetectionSettingsRequestContent"],
        "GetBreachedPasswordDetectionSettingsResponseContent",
    )
};

const BRUTE_FORCE_PROTECTION: Kind = Kind {
    recorded: (7, 4),
    served: &[(
        "form_submission_behavior",
        "is added",
        "served by some tenants, which refuse it in an update",
    )],
    ..attack_protection(
        "attack-protection/brute-force-protection",
        include_str!("../../src/kinds/schema/attack-protection/brute-force-protection.json"),
        &["UpdateBruteForceSettingsRequestContent"],
        "GetBruteForceSettingsResponseContent",
    )
};

const SUSPICIOUS_IP_THROTTLING: Kind = Kind {
    recorded: (8, 5),
    differences: &[("stage.pre-custom-token-exchange", "is added", "recorded")],
    ..attack_protection(
        "attack-protection/suspicious-ip-throttling",
        include_str!("../../src/kinds/schema/attack-protection/suspicious-ip-throttling.json"),
        &["UpdateSuspiciousIPThrottlingSettingsRequestContent"],
        "GetSuspiciousIPThrottlingSettingsResponseContent",
    )
};

const BOT_DETECTION: Kind = Kind {
    recorded: (6, 3),
    ..attack_protection(
        "attack-protection/bot-detection",
        include_str!("../../src/kinds/schema/attack-protection/bot-detection.json"),
        &["UpdateBotDetectionSettingsRequestContent"],
        "GetBotDetectionSettingsResponseContent",
    )
};

const CAPTCHA: Kind = Kind {
    recorded: (2, 1),
    differences: &[
        (
            "arkose",
            "required",
            "its other required key is a secret, which no file has",
        ),
        ("arkose.secret", "is left out", "a secret"),
        (
            "friendly_captcha",
            "required",
            "its other required key is a secret, which no file has",
        ),
        ("friendly_captcha.secret", "is left out", "a secret"),
        (
            "hcaptcha",
            "required",
            "its other required key is a secret, which no file has",
        ),
        ("hcaptcha.secret", "is left out", "a secret"),
        (
            "recaptcha_enterprise",
            "required",
            "its other required key is a secret, which no file has",
        ),
        ("recaptcha_enterprise.api_key", "is left out", "a secret"),
        (
            "recaptcha_v2",
            "required",
            "its other required key is a secret, which no file has",
        ),
        ("recaptcha_v2.secret", "is left out", "a secret"),
    ],
    ..attack_protection(
        "attack-protection/captcha",
        include_str!("../../src/kinds/schema/attack-protection/captcha.json"),
        &["UpdateAttackProtectionCaptchaRequestContent"],
        "GetAttackProtectionCaptchaResponseContent",
    )
};

// Neither the document nor a recording of it is at hand.
const LOG_STREAMS: Kind = kind(
    "log-streams",
    include_str!("../../src/kinds/schema/log-streams.json"),
    None,
);
