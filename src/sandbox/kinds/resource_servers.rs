//! Resource servers, which people call APIs.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::sandbox::answer::Refusal;
use crate::sandbox::kind::{Collection, Fields, Filter, Form, Kind, Occasion, Paging, Write};
use crate::sandbox::merge;
use crate::sandbox::random::derived_id;
use crate::sandbox::secrets::made_up;
use crate::sandbox::shapes::{Operation, Shapes};

static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::read(include_str!("resource_servers.shapes")));

pub(in crate::sandbox) static KIND: Kind = Kind {
    form: Form::Many(Collection {
        id: "id",
        example: "6894adff31e56f3d4b1be230",
        also_by: Some("identifier"),
        list: "resource_servers",
        paging: Paging::Offset(1),
        selects_fields: true,
        filters: &[Filter::Each("identifiers", "identifier")],
        unique: Some((
            &["identifier"],
            "A resource server with the same identifier already exists",
        )),
        missing: (
            "The resource server does not exist",
            "inexistent_resource_server",
        ),
        statuses: (201, 204),
        misses_deleted: false,
        takes_along: &[("client-grants", "audience", "identifier")],
    }),
    secrets: &["signing_secret"],
    defaults,
    check,
    derive,
    answer,
    ..Kind::row(
        "resource-servers",
        "resource-servers",
        "resource_servers",
        &SHAPES,
    )
};

/// What may be sent to an API of Auth0's own.
const OF_SYSTEM_APIS: [&str; 6] = [
    "authorization_policy",
    "proof_of_possession",
    "skip_consent_for_verifiable_first_party_clients",
    "subject_type_authorization",
    "token_lifetime",
    "token_lifetime_for_web",
];

fn defaults(_: &str, _: &Fields) -> Value {
    json!({
        "signing_alg": "RS256",
        "allow_offline_access": false,
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "skip_consent_for_verifiable_first_party_clients": false,
        "subject_type_authorization": {
            "user": { "policy": "allow_all" },
            "client": { "policy": "require_client_grant" }
        }
    })
}

fn check(write: &Write<'_>) -> Result<(), Refusal> {
    let is_system = |old: &&Fields| old.get("is_system") == Some(&Value::Bool(true));
    if write.old.filter(is_system).is_none() {
        return Ok(());
    }
    if write.operation == Operation::Delete {
        return Err(Refusal::bad_request(
            "operation_not_supported",
            "A system resource server cannot be deleted",
        ));
    }
    let names = write.sent.keys().map(String::as_str);
    let refused: Vec<&str> = names
        .filter(|name| !OF_SYSTEM_APIS.contains(name))
        .collect();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(Refusal::unknown_properties(&refused)),
    }
}

/// The key that tokens are encrypted with is taken and not given back, but for its name.
fn derive(api: &mut Fields, _: &Fields, _: Operation) {
    let key = api
        .get_mut("token_encryption")
        .and_then(|encryption| encryption.get_mut("encryption_key")?.as_object_mut());
    if let Some(key) = key
        && let Some(pem) = key.shift_remove("pem")
    {
        key.entry("kid")
            .or_insert_with(|| derived_id(&pem.to_string()).into());
    }
}

/// With the secret that signs the tokens, where it is no key of the tenant's.
fn answer(api: &Fields, _: Occasion) -> Fields {
    let mut answer = api.clone();
    if answer.get("signing_alg") != Some(&json!("HS256")) {
        merge::remove(&mut answer, "signing_secret");
    } else if !answer.contains_key("signing_secret") {
        let id = KIND.id(api).unwrap_or_default();
        answer.insert("signing_secret".to_owned(), made_up("signing", id).into());
    }
    answer
}
