//! The built-in tenant, of which every kind is managed, and what a test asks of it.

use serde_json::Value;

use crate::common::{Bed, Setup};

/// The client whose credentials the tests use: it is listed, and has a grant to the Management API.
pub const OWN: &str = "dP9wXk5VbT2nRz7JmQc4hLs8FyG3eMuH";

/// Every kind, and every field of it.
pub const ALL: &str = "manage: {clients: all, resource-servers: all, client-grants: all, roles: all, tenant-settings: all, \
                       attack-protection: all, log-streams: all}\n";

/// The parts of the attack protection.
pub const PARTS: [&str; 5] = [
    "bot-detection",
    "breached-password-detection",
    "brute-force-protection",
    "captcha",
    "suspicious-ip-throttling",
];

/// The tenant as it is before it starts.
pub fn tenant() -> Setup {
    Bed::new().sandbox(|sandbox| {
        sandbox
            .seed("acme")
            .credentials(OWN, "the-secret-of-deploy-and-ci")
    })
}

/// A bed with that tenant and this `tenantry.yaml`. Nothing is pulled yet.
pub fn managing(setup: Setup, project: &str) -> Bed {
    let bed = setup.start();
    bed.write("tenant/tenantry.yaml", project);
    bed
}

/// The tenant, pulled, with every kind managed.
pub fn pulled() -> Bed {
    pulled_as(tenant(), ALL)
}

/// The same of another tenant, or another `tenantry.yaml`.
pub fn pulled_as(setup: Setup, project: &str) -> Bed {
    let bed = managing(setup, project);
    bed.pull();
    bed
}

/// A file's path in the bed's folder.
pub fn path(file: &str) -> String {
    format!("tenant/{file}.yaml")
}

/// What a file says.
pub fn said(bed: &Bed, file: &str) -> Value {
    serde_yaml::from_str(&bed.read(&path(file))).unwrap()
}

/// Has a file say something else in one field; nothing at all for null, as there is no other way to leave a field out.
pub fn say(bed: &Bed, file: &str, field: &str, value: Value) {
    let mut fields = said(bed, file);
    let fields = fields.as_object_mut().unwrap();
    match value {
        Value::Null => fields.shift_remove(field),
        value => fields.insert(field.to_owned(), value),
    };
    // JSON is YAML.
    bed.write(&path(file), &Value::Object(fields.clone()).to_string());
}

/// What was sent to the tenant to change it: method, path and body, in the order of arrival.
pub fn writes(bed: &Bed) -> Vec<String> {
    let mut requests = bed.api_requests();
    requests.retain(|request| request.method != "GET");
    let requests = requests.into_iter().map(|request| {
        let path = request.path.strip_prefix("/api/v2/").unwrap();
        let body = request.body.unwrap_or_default();
        format!("{} {path} {body}", request.method)
    });
    requests.collect()
}

/// What was read of the tenant: each path with how often, in the order of the paths; without queries.
pub fn reads(bed: &Bed) -> String {
    let mut requests = bed.api_requests();
    requests.retain(|request| request.method == "GET");
    let mut paths = std::collections::BTreeMap::new();
    for request in requests {
        let path = request.path.split('?').next().unwrap();
        let path = path.strip_prefix("/api/v2/").unwrap().to_owned();
        *paths.entry(path).or_insert(0) += 1;
    }
    let lines: Vec<String> = paths
        .into_iter()
        .map(|(path, times)| format!("{times} {path}"))
        .collect();
    lines.join("\n")
}

/// Pushes, and answers what was sent.
#[track_caller]
pub fn pushed(bed: &Bed, code: i32) -> Vec<String> {
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(code);
    writes(bed)
}

/// What a push says that it holds back, and that it sends nothing.
#[track_caller]
pub fn held_back(bed: &Bed) -> String {
    assert_eq!(pushed(bed, 1), [""; 0]);
    let run = bed.run(["push", "--yes"]).exits(1);
    let lines = run.stdout.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("held back      "));
    lines.collect::<Vec<_>>().join("\n")
}
