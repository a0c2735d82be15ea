//! The tenant's settings: one file at the root of the tenant directory.

use serde_json::{Value, json};

use crate::acme::{held_back, path, pulled, pushed, reads, said, say};

const FILE: &str = "tenant-settings";

#[test]
fn flags_are_sent_key_by_key_and_read_again() {
    let bed = pulled();
    let mut flags = said(&bed, FILE)["flags"].clone();
    flags["enable_sso"] = json!(false);
    flags["enable_pipeline2"] = json!(true);
    say(&bed, FILE, "flags", flags.clone());
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH tenants/settings {"flags":{"enable_pipeline2":true,"enable_sso":false}}"#]
    );
    // Once to compare, and once because the answer to the update shows what is not served.
    assert_eq!(reads(&bed), "2 tenants/settings");
    assert_eq!(said(&bed, FILE)["flags"], flags);
    for hidden in [
        "enforce_client_authentication_on_passwordless_start",
        "cannot_change_enforce",
    ] {
        assert!(!bed.read(&path(FILE)).contains(hidden), "{hidden}");
        assert!(!bed.read("tenant/tenant.lock").contains(hidden), "{hidden}");
    }
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

#[test]
fn a_flag_that_is_taken_out_is_held_back_and_the_others_go() {
    let bed = pulled();
    let mut flags = said(&bed, FILE)["flags"].clone();
    flags.as_object_mut().unwrap().shift_remove("enable_sso");
    flags["enable_pipeline2"] = json!(true);
    say(&bed, FILE, "flags", flags);
    assert_eq!(
        pushed(&bed, 1),
        [r#"PATCH tenants/settings {"flags":{"enable_pipeline2":true}}"#]
    );
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(1);
    let held = &run.json()["results"][0];
    assert_eq!(held["status"], "held_back");
    assert_eq!(held["fields"][0]["key"], "enable_sso");
}

/// A flag that drifted on the dashboard is no part of an edit of another one.
#[test]
fn two_flags_are_nobody_s_conflict() {
    let bed = pulled();
    let mut flags = said(&bed, FILE)["flags"].clone();
    let mut live = bed.sandbox.resource("tenant-settings", "").unwrap()["flags"].clone();
    live["enable_sso"] = json!(false);
    bed.sandbox
        .edit_resource("tenant-settings", "", "flags", Some(live));
    flags["enable_pipeline2"] = json!(true);
    say(&bed, FILE, "flags", flags);
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH tenants/settings {"flags":{"enable_pipeline2":true}}"#]
    );
    bed.run(["pull"]).exits(0);
    assert_eq!(said(&bed, FILE)["flags"]["enable_sso"], false);
    assert_eq!(said(&bed, FILE)["flags"]["enable_pipeline2"], true);
}

/// Flags that the tenant serves and that no update takes are in nobody's way, and are no field to set.
#[test]
fn a_served_flag_that_no_update_takes_is_refused_only_where_it_would_be_sent() {
    let bed = pulled();
    bed.run(["check"]).exits(0);
    let mut flags: Value = said(&bed, FILE)["flags"].clone();
    flags["universal_login"] = json!(false);
    say(&bed, FILE, "flags", flags);
    bed.run(["check"]).exits(1);
    assert_eq!(pushed(&bed, 2), [""; 0]);
}

/// Lifetimes are served in hours with fractions, which no update takes; what was served stays as it is.
#[test]
fn lifetimes_are_hours() {
    let bed = pulled();
    assert_eq!(
        said(&bed, FILE)["session_lifetime"],
        json!(3.0166666666666666)
    );
    say(&bed, FILE, "friendly_name", json!("ACME"));
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH tenants/settings {"friendly_name":"ACME"}"#]
    );
    say(&bed, FILE, "session_lifetime", json!(1.5));
    bed.run(["check"]).exits(1);
    assert_eq!(pushed(&bed, 2), [""; 0]);
    say(&bed, FILE, "session_lifetime", json!(2));
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH tenants/settings {"session_lifetime":2}"#]
    );
    say(&bed, FILE, "session_lifetime_in_minutes", json!(90));
    insta::assert_snapshot!(held_back(&bed), @"tenant-settings.yaml: session_lifetime_in_minutes: push never sends it: the tenant serves it in hours: the field without `_in_minutes` is the one to write");
}

/// A page is merged by the tenant: a part that is left out would stay.
#[test]
fn a_part_that_is_taken_out_of_a_page_is_not_silently_kept() {
    let bed = pulled();
    say(
        &bed,
        FILE,
        "error_page",
        json!({"html": "", "show_log_link": false}),
    );
    insta::assert_snapshot!(held_back(&bed), @"tenant-settings.yaml: error_page: `url` can't be taken away from the tenant");
    let cleared = bed.read(&path(FILE)).replace(
        r#""error_page":{"html":"","show_log_link":false}"#,
        r#""error_page":null"#,
    );
    bed.write(&path(FILE), &cleared);
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH tenants/settings {"error_page":null}"#]
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

#[test]
fn a_redirection_that_is_emptied_is_gone() {
    let bed = pulled();
    say(
        &bed,
        FILE,
        "default_redirection_uri",
        json!("https://acme.example/start"),
    );
    pushed(&bed, 0);
    say(&bed, FILE, "default_redirection_uri", json!(""));
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH tenants/settings {"default_redirection_uri":""}"#]
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

/// The file is the one that there is: another name for it is no other settings.
#[test]
fn the_file_has_one_place() {
    let bed = pulled();
    bed.rename("tenant/tenant-settings.yaml", "tenant/settings.yaml");
    let run = bed.run(["diff"]);
    assert!(run.code == 1, "{run}");
    bed.rename("tenant/settings.yaml", "tenant/tenant-settings.yaml");
    let json = serde_json::to_string(&said(&bed, FILE)).unwrap();
    bed.remove("tenant/tenant-settings.yaml");
    bed.write("tenant/tenant-settings.json", &json);
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}
