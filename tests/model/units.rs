//! What is compared by itself: each managed field, and of metadata each key. The promise is told in these, so that a file, the tenant
//! and a base are each a map of them. It is written from the contract's words and shares no code with tenantry.

use serde_json::{Map, Value};

use crate::common::Fields;

/// What the stories' `tenantry.yaml` manages, beside the default fields.
pub const PROJECT: &str =
    "manage:\n  clients: [client_metadata, native_social_login, organization_usage, web_origins]\n";

/// The managed fields.
pub const FIELDS: [&str; 7] = [
    "name",
    "description",
    "allowed_clients",
    "native_social_login",
    "organization_usage",
    "web_origins",
    METADATA,
];

/// What is compared by itself.
pub const UNITS: [&str; 9] = [
    "name",
    "description",
    "allowed_clients",
    KEYS[0],
    KEYS[1],
    KEYS[2],
    "native_social_login",
    "organization_usage",
    "web_origins",
];

/// What the tenant derives from other fields is no difference.
pub const TWINS: [&str; 2] = ["cross_origin_auth", "oidc_backchannel_logout"];

const METADATA: &str = "client_metadata";

/// The keys of metadata that people use. The last one is in every value that they write.
const KEYS: [&str; 3] = [
    "client_metadata.a",
    "client_metadata.b",
    "client_metadata.k",
];

/// The field that a unit is, or is a key of.
pub fn field_of(unit: &str) -> &str {
    unit.split('.').next().unwrap()
}

fn is_key(unit: &str) -> bool {
    KEYS.contains(&unit)
}

/// A client's fields as units. A key that metadata does not have is null, which is how one says that a key goes; where there is no
/// metadata at all there is no key either. A part that is null is one that is not there.
pub fn units(fields: &Fields) -> Fields {
    let mut units = Fields::new();
    for (field, value) in fields {
        match value {
            Value::Object(keys) if field == METADATA => units.extend(keys_of(keys)),
            Value::Object(parts) if field == "native_social_login" => {
                let parts = parts.iter().filter(|(_, part)| !part.is_null());
                let parts = parts.map(|(name, part)| (name.clone(), part.clone()));
                units.insert(field.clone(), Value::Object(parts.collect()));
            }
            _ => {
                units.insert(field.clone(), value.clone());
            }
        }
    }
    units
}

fn keys_of(keys: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    KEYS.into_iter().map(|unit| {
        let key = unit.rsplit('.').next().unwrap();
        (unit.to_owned(), keys.get(key).cloned().unwrap_or_default())
    })
}

/// A client on the tenant as units: nothing is null there but a key that metadata does not have.
pub fn live_units(fields: &Fields) -> Fields {
    let mut units = units(fields);
    settle_live(&mut units);
    units
}

/// The units that an entry of a plan is about: that of its key, or of a whole field that one of the sides does not have.
pub fn entry_units(field: &str, key: Option<&str>) -> Vec<String> {
    match (field, key) {
        (METADATA, None) => KEYS.map(str::to_owned).to_vec(),
        (field, None) => vec![field.to_owned()],
        (field, Some(key)) => vec![format!("{field}.{key}")],
    }
}

/// The body of a PATCH as units: those that it names.
pub fn sent_units(body: &Fields) -> Fields {
    let mut units = Fields::new();
    for (field, value) in body {
        match value {
            Value::Object(keys) if field == METADATA => {
                let keys = keys
                    .iter()
                    .map(|(key, value)| (format!("{METADATA}.{key}"), value.clone()));
                units.extend(keys);
            }
            _ => {
                units.insert(field.clone(), value.clone());
            }
        }
    }
    units
}

/// What is sent of a unit, to a tenant that merges objects: a part that goes is null.
pub fn sent(unit: &str, local: &Value, live: Option<&Value>) -> Value {
    let mut sent = local.clone();
    if let ("native_social_login", Value::Object(sent), Some(Value::Object(live))) =
        (unit, &mut sent, live)
    {
        for part in live.keys() {
            sent.entry(part).or_insert(Value::Null);
        }
    }
    sent
}

/// Null is a value that is not there.
pub fn there(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Whether two values of one unit mean the same.
pub fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    there(one) == there(other)
}

/// The same of any field: nobody knows what else means the same in one that is not managed.
pub fn means_same(field: &str, one: Option<&Value>, other: Option<&Value>) -> bool {
    one == other || (UNITS.contains(&field) && same(one, other))
}

/// Whether file and tenant say the same. A file without metadata does not manage any, and a tenant that has some says something else.
pub fn agree(unit: &str, local: Option<&Value>, live: Option<&Value>) -> bool {
    same(local, live) && !(is_key(unit) && local.is_none() && live.is_some())
}

/// Puts the keys of metadata in order: all of them are there, or none is.
pub fn settle(units: &mut Fields) {
    if KEYS.iter().any(|key| there(units.get(*key)).is_some()) {
        for key in KEYS {
            units.entry(key).or_insert(Value::Null);
        }
    } else {
        units.retain(|unit, _| !is_key(unit));
    }
}

/// The same on the tenant, which has nothing else that is null.
pub fn settle_live(units: &mut Fields) {
    units.retain(|unit, value| is_key(unit) || !value.is_null() || !UNITS.contains(&unit.as_str()));
    settle(units);
}

/// The same for a base: where one key is unknown, all are.
pub fn settle_base(base: &mut crate::promise::Base) {
    if KEYS.iter().any(|key| !base.contains_key(*key)) {
        base.retain(|unit, _| !is_key(unit));
    }
    let is_there = KEYS.iter().any(|key| {
        base.get(*key)
            .is_some_and(|value| there(value.as_ref()).is_some())
    });
    for (_, value) in base.iter_mut().filter(|(unit, _)| is_key(unit)) {
        if there(value.as_ref()).is_none() {
            *value = is_there.then_some(Value::Null);
        }
    }
}

/// Whether a file that leaves a unit out leaves out what it had: a field, or any key of metadata.
pub fn had_any(unit: &str, had: impl Fn(&'static str) -> bool) -> bool {
    is_key(unit) && KEYS.into_iter().any(had)
}
