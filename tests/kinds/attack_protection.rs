//! The five parts of attack protection, a file each.

use serde_json::{Value, json};

use crate::acme::{
    ALL, PARTS, held_back, managing, path, pulled, pulled_as, pushed, reads, said, say, tenant,
};

const BREACHED: &str = "attack-protection/breached-password-detection";
const CAPTCHA: &str = "attack-protection/captcha";

#[test]
fn sets_in_another_order_are_no_difference() {
    let bed = pulled();
    let turned = |value: &Value| {
        Value::from(
            value
                .as_array()
                .unwrap()
                .iter()
                .rev()
                .cloned()
                .collect::<Vec<_>>(),
        )
    };
    let breached = said(&bed, BREACHED);
    say(
        &bed,
        BREACHED,
        "admin_notification_frequency",
        turned(&breached["admin_notification_frequency"]),
    );
    let mut stage = breached["stage"].clone();
    let shields = &mut stage["pre-user-registration"]["shields"];
    *shields = turned(shields);
    say(&bed, BREACHED, "stage", stage);
    for part in ["brute-force-protection", "suspicious-ip-throttling"] {
        let file = format!("attack-protection/{part}");
        let shields = turned(&said(&bed, &file)["shields"]);
        say(&bed, &file, "shields", shields);
    }
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    assert_eq!(pushed(&bed, 0), [""; 0]);
    let before = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&before);
}

/// What is not a set keeps its order.
#[test]
fn an_allowlist_is_a_list() {
    let bed = pulled();
    let file = "attack-protection/bot-detection";
    say(
        &bed,
        file,
        "allowlist",
        json!(["192.168.10.2/32", "203.0.113.9"]),
    );
    assert_eq!(
        pushed(&bed, 0),
        [
            r#"PATCH attack-protection/bot-detection {"allowlist":["192.168.10.2/32","203.0.113.9"]}"#
        ]
    );
}

/// The answer to an update has sets the other way round; what is written is what is read.
#[test]
fn an_edited_set_settles_at_once() {
    let bed = pulled();
    let frequency = json!(["weekly", "daily"]);
    say(
        &bed,
        BREACHED,
        "admin_notification_frequency",
        frequency.clone(),
    );
    let mut stage = said(&bed, BREACHED)["stage"].clone();
    stage["pre-change-password"]["shields"] = json!(["block", "admin_notification"]);
    say(&bed, BREACHED, "stage", stage);
    assert_eq!(pushed(&bed, 0).len(), 1);
    let run = bed.run(["diff"]).exits(0);
    assert_eq!(run.stdout, "no differences\n");
    let before = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&before);
    assert_eq!(
        said(&bed, BREACHED)["admin_notification_frequency"],
        frequency
    );
}

#[test]
fn a_captcha_s_provider_is_shown_and_never_sent() {
    let captcha = json!({
        "active_provider_id": "recaptcha_enterprise",
        "recaptcha_enterprise": {"site_key": "public", "api_key": "the-key-of-recaptcha", "project_id": "p"},
        "hcaptcha": {"site_key": "public", "secret": "the-secret-of-hcaptcha"}
    });
    let setup = tenant().sandbox(|sandbox| sandbox.resource(CAPTCHA, captcha));
    let bed = pulled_as(setup, ALL);
    let file = said(&bed, CAPTCHA);
    assert_eq!(
        file["recaptcha_enterprise"],
        json!({"site_key": "public", "project_id": "p"})
    );
    say(&bed, CAPTCHA, "hcaptcha", json!({"site_key": "other"}));
    say(&bed, CAPTCHA, "active_provider_id", json!("hcaptcha"));
    assert_eq!(
        pushed(&bed, 1),
        [r#"PATCH attack-protection/captcha {"active_provider_id":"hcaptcha"}"#]
    );
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(1);
    assert_eq!(run.json()["results"][0]["fields"][0]["field"], "hcaptcha");
    assert!(!run.to_string().contains("the-"), "{run}");
    for (file, text) in bed.files("tenant").into_iter().chain(bed.files("cache")) {
        assert!(
            !text.contains("the-key-of") && !text.contains("the-secret-of"),
            "{file}"
        );
    }
}

/// A part that is taken out of `stage` would stay on the tenant: nobody is told that it went.
#[test]
fn a_part_of_stage_that_is_taken_out_is_held_back() {
    let bed = pulled();
    say(
        &bed,
        BREACHED,
        "stage",
        json!({"pre-change-password": {"shields": ["block"]}}),
    );
    insta::assert_snapshot!(held_back(&bed), @"attack-protection/breached-password-detection.yaml: stage: `pre-user-registration` can't be taken away from the tenant");
}

#[test]
fn the_project_names_parts() {
    let manage = "manage: {clients: none, attack-protection: [brute-force-protection, captcha]}\n";
    let bed = managing(tenant(), manage);
    bed.run(["pull"]).exits(0);
    assert_eq!(
        reads(&bed),
        "1 attack-protection/brute-force-protection\n1 attack-protection/captcha"
    );
    let files: Vec<String> = bed.files("tenant/attack-protection").into_keys().collect();
    assert_eq!(
        files,
        [
            path("attack-protection/brute-force-protection"),
            path(CAPTCHA)
        ]
    );
    say(&bed, CAPTCHA, "active_provider_id", json!("auth_challenge"));
    assert_eq!(pushed(&bed, 0).len(), 1);
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {attack-protection: [brute-farce-protection]}\n",
    );
    bed.run(["pull"])
        .exits(2)
        .complains("brute-force-protection");
}

#[test]
fn each_part_has_its_own_schema() {
    let bed = pulled();
    for part in PARTS {
        let file = format!("attack-protection/{part}");
        let before = bed.read(&path(&file));
        for (field, value) in [
            ("enabled", json!("yes")),
            ("allowlist", json!(["not an address"])),
            ("max_attempts", json!(0)),
        ] {
            if said(&bed, &file).get(field).is_some() {
                say(&bed, &file, field, value);
                let run = bed.run_without_settings(["check"]).exits(1);
                assert!(run.stdout.contains(&format!("{part}.yaml:")), "{run}");
                bed.write(&path(&file), &before);
            }
        }
    }
    bed.run_without_settings(["check"]).exits(0);
}
