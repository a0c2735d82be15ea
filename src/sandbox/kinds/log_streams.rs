//! Log streams.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::sandbox::answer::Refusal;
use crate::sandbox::kind::{Collection, Fields, Form, Kind, Occasion, Paging, Write};
use crate::sandbox::merge::Rules;
use crate::sandbox::secrets::made_up;
use crate::sandbox::shapes::{Operation, Shapes};

static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::read(include_str!("log_streams.shapes")));

pub(in crate::sandbox) static KIND: Kind = Kind {
    form: Form::Many(Collection {
        id: "id",
        example: "lst_0000000000014569",
        also_by: None,
        list: "log_streams",
        paging: Paging::None,
        selects_fields: false,
        filters: &[],
        unique: None,
        missing: ("The log stream does not exist.", ""),
        statuses: (200, 204),
        misses_deleted: false,
        takes_along: &[],
    }),
    rules: Rules {
        emptied: &["filters"],
        ..Rules::NONE
    },
    secrets: &[
        "sink.httpAuthorization",
        "sink.httpCustomHeaders.*.value",
        "sink.splunkToken",
        "sink.datadogApiKey",
        "sink.segmentWriteKey",
        "sink.sumoSourceAddress",
        "sink.mixpanelServiceAccountPassword",
    ],
    defaults: |_, _| json!({ "status": "active" }),
    check,
    answer,
    ..Kind::row("log-streams", "log-streams", "log_streams", &SHAPES)
};

/// What the sinks of a type of streams have.
struct Sink {
    of: &'static str,
    needs: &'static [&'static str],
    takes: &'static [&'static str],
    /// The secret that it can't be without, and that the API answers in clear.
    secret: &'static str,
}

const SINKS: [Sink; 8] = [
    Sink {
        of: "http",
        needs: &["httpEndpoint"],
        takes: &[
            "httpAuthorization",
            "httpContentFormat",
            "httpContentType",
            "httpCustomHeaders",
        ],
        secret: "",
    },
    Sink {
        of: "eventbridge",
        needs: &["awsAccountId", "awsRegion"],
        takes: &["awsPartnerEventSource"],
        secret: "",
    },
    Sink {
        of: "eventgrid",
        needs: &["azureSubscriptionId", "azureResourceGroup", "azureRegion"],
        takes: &["azurePartnerTopic"],
        secret: "",
    },
    Sink {
        of: "datadog",
        needs: &["datadogRegion", "datadogApiKey"],
        takes: &[],
        secret: "datadogApiKey",
    },
    Sink {
        of: "segment",
        needs: &["segmentWriteKey"],
        takes: &[],
        secret: "segmentWriteKey",
    },
    Sink {
        of: "splunk",
        needs: &["splunkDomain", "splunkToken", "splunkPort", "splunkSecure"],
        takes: &[],
        secret: "splunkToken",
    },
    Sink {
        of: "sumo",
        needs: &["sumoSourceAddress"],
        takes: &[],
        secret: "sumoSourceAddress",
    },
    Sink {
        of: "mixpanel",
        needs: &[
            "mixpanelRegion",
            "mixpanelProjectId",
            "mixpanelServiceAccountUsername",
            "mixpanelServiceAccountPassword",
        ],
        takes: &[],
        secret: "",
    },
];

fn sink_of(stream: &Fields) -> Option<&'static Sink> {
    let of = stream.get("type")?.as_str()?;
    SINKS.iter().find(|sink| sink.of == of)
}

fn check(write: &Write<'_>) -> Result<(), Refusal> {
    let Some(Value::Object(sent)) = write.sent.get("sink") else {
        return Ok(());
    };
    let Some(sink) = sink_of(write.old.unwrap_or(write.sent)) else {
        return Ok(());
    };
    if write.operation == Operation::Update && sink.of.starts_with("event") {
        return Err(Refusal::bad_request(
            "invalid_body",
            &format!(
                "Updating the sink of a stream of type {} is not permitted",
                sink.of
            ),
        ));
    }
    let names = sent.keys().map(String::as_str);
    let unknown: Vec<&str> = names
        .filter(|name| !sink.needs.contains(name) && !sink.takes.contains(name))
        .collect();
    if !unknown.is_empty() {
        let problem = format!("Additional properties not allowed: {}", unknown.join(", "));
        return Err(Refusal::bad_property(&problem, "sink"));
    }
    match sink.needs.iter().find(|name| !sent.contains_key(**name)) {
        None => Ok(()),
        Some(name) => {
            let problem = format!("Missing required property: {name}");
            Err(Refusal::bad_property(&problem, "sink"))
        }
    }
}

/// With the sink's secrets, which the API answers in clear, except for one password.
fn answer(stream: &Fields, _: Occasion) -> Fields {
    let mut answer = stream.clone();
    let id = KIND.id(stream).unwrap_or_default();
    let (Some(sink), Some(Value::Object(fields))) = (sink_of(stream), answer.get_mut("sink"))
    else {
        return answer;
    };
    if !sink.secret.is_empty() {
        let secret = made_up(sink.secret, id);
        fields.entry(sink.secret).or_insert(secret.into());
    }
    if sink.of == "mixpanel" {
        fields.insert(
            "mixpanelServiceAccountPassword".to_owned(),
            "********".into(),
        );
    }
    if let Some(Value::Array(headers)) = fields.get_mut("httpCustomHeaders") {
        for header in headers.iter_mut().filter_map(Value::as_object_mut) {
            header
                .entry("value")
                .or_insert(made_up("header", id).into());
        }
    }
    answer
}
