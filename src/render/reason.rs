//! Why a push does not send something, in words that follow the name of the file.

use super::line;
use crate::create::{New, Refusal};
use crate::kinds::{Kind, Sending};
use crate::push_plan::{HeldBack, NotMade, Reason};

/// Why no push sends a field.
pub(super) fn never_sent(kind: &Kind, field: &str) -> String {
    match kind.row(field).map(|row| row.sending) {
        Some(Sending::Never(reason)) => reason.to_owned(),
        Some(Sending::Derived(from)) => {
            format!("the tenant derives it from `{from}`, which is the one to edit")
        }
        _ => "nobody knows whether an update takes it".to_owned(),
    }
}

/// The reason, in the words of the end of a sentence.
pub(crate) fn reason(held_back: &HeldBack) -> String {
    let one = held_back.resource.id.kind().singular;
    let fields = held_back
        .resource
        .fields
        .iter()
        .map(|field| field.field.to_string());
    let fields = line(&fields.collect::<Vec<_>>().join(", "));
    match &held_back.reason {
        Reason::Conflict => "the selection has a conflict".to_owned(),
        Reason::Gone => format!("the tenant has no {one} with this id"),
        Reason::LeftOut => {
            let sort = held_back.resource.id.kind().left_out.unwrap_or_default();
            format!("it is the {sort} {one}, which is not under version control: remove its file")
        }
        Reason::Unmanaged => {
            let kind = held_back.resource.id.kind();
            let names = held_back.resource.fields.iter();
            let mut names: Vec<&str> = names.map(|field| field.field.name()).collect();
            // Of several keys, it is one field that is managed.
            names.dedup();
            let names = line(&names.join(", "));
            format!(
                "{fields}: push does not send it; `manage: {{{kind}: [{names}]}}` in tenantry.yaml has it sent"
            )
        }
        Reason::NotUpdatable => {
            let kind = held_back.resource.id.kind();
            let mut reasons = held_back.resource.fields.iter();
            let reasons = reasons
                .next()
                .map(|field| never_sent(kind, field.field.name()));
            format!(
                "{fields}: push never sends it: {}",
                reasons.unwrap_or_default()
            )
        }
        Reason::CannotRemove(key) => {
            format!(
                "{fields}: `{}` can't be taken away from the tenant",
                line(key)
            )
        }
        Reason::MayLockOut => format!(
            "{fields}: the token does not say which client it was issued to, and this one would lose its access: change it in the \
             dashboard, or push with that client's credentials"
        ),
        Reason::LocksOut => format!(
            "{fields}: the {one} is the one whose credentials are in use, which would lose its access: change it in the dashboard"
        ),
        Reason::NotIncluded => "the tenant's plan does not include it".to_owned(),
        Reason::Unread => "it could not be read".to_owned(),
        Reason::Limited(why) => format!("{fields}: {why}"),
        Reason::WaitsFor(file) => format!(
            "{fields}: {}, which the tenant does not have yet: `tenantry push --create` makes it",
            refers_to(file)
        ),
        Reason::New | Reason::CannotMake(_) => "it is not made".to_owned(),
        Reason::NotChosen => "not chosen".to_owned(),
        Reason::NotConfirmed => "not confirmed".to_owned(),
        Reason::ChangedSinceQuestion => "the tenant changed since the question".to_owned(),
        Reason::NoFile => format!(
            "there is no file with this {}",
            held_back.resource.id.kind().id_name()
        ),
        Reason::FileChanged(fields) => {
            format!(
                "{} in the file is not what the plan says",
                line(&fields.join(", "))
            )
        }
        Reason::NoEdit(field) => format!(
            "{} in the file says what it said before, and the plan has it as an edit",
            line(field)
        ),
        Reason::TenantChanged(field) => format!("{} changed on the tenant", line(field)),
        Reason::GoneSince => format!("the {one} is gone from the tenant"),
        Reason::ThereByNow => format!("the tenant has the {one} by now"),
        Reason::RestOfPlan => "held back with the rest of the plan".to_owned(),
        Reason::MadeByPush => format!("the push made the {one}, and undo deletes nothing"),
        Reason::NothingBefore(None) => {
            format!("{fields}: it had no value before, and no update takes one away")
        }
        Reason::NothingBefore(Some(widens)) => {
            format!("{fields}: it had no value before, and {widens}")
        }
        Reason::Refused(problem) => {
            format!(
                "{fields}: no update takes the value before: {}",
                line(problem)
            )
        }
    }
}

fn refers_to(file: &str) -> String {
    format!("it refers to {}", line(file))
}

/// Why a resource is not made, in the words of the end of a sentence.
pub(crate) fn why_not_made(not_made: &NotMade) -> String {
    let NotMade { new, reason } = not_made;
    match reason {
        Reason::New => "the tenant does not have it: `tenantry push --create` makes it".to_owned(),
        Reason::CannotMake(refusal) => refused(new, refusal),
        Reason::WaitsFor(file) => format!("{}, which is not made", refers_to(file)),
        Reason::Conflict => "the selection has a conflict".to_owned(),
        Reason::NotChosen => "not chosen".to_owned(),
        Reason::NotConfirmed => "not confirmed".to_owned(),
        Reason::ChangedSinceQuestion => "the tenant changed since the question".to_owned(),
        Reason::NoFile => "its file is gone".to_owned(),
        Reason::FileChanged(fields) => {
            format!(
                "the file says something else now: {}",
                line(&fields.join(", "))
            )
        }
        Reason::Unread => "what the tenant has of this kind could not be read".to_owned(),
        Reason::RestOfPlan => "something else in the plan is held back".to_owned(),
        _ => "it is held back".to_owned(),
    }
}

/// Why a resource can't be made.
pub(super) fn refused(new: &New, refusal: &Refusal) -> String {
    let kind = new.kind;
    let (one, id_field) = (kind.singular, kind.id_name());
    match refusal {
        Refusal::Without(field) => format!("the API makes no {one} without `{field}`"),
        Refusal::IsThere(ids) => match ids.as_slice() {
            [id] => format!(
                "the tenant has one already, {id}: to take it over, write `{id_field}: {id}` as the first line of the file",
                id = line(id.as_str())
            ),
            ids => {
                let ids: Vec<String> = ids.iter().map(|id| line(id.as_str())).collect();
                format!(
                    "the tenant has several already, {}: to take one over, write its id as `{id_field}` into the first line of the file",
                    ids.join(", ")
                )
            }
        },
        Refusal::Twice(file) => format!("{} would make the same {one}", line(file)),
        Refusal::HasFile(id, file) => format!(
            "the tenant has one already, {}, and its file is {}",
            line(id.as_str()),
            line(file)
        ),
        Refusal::TwoFiles(file) => format!("{}, and two files are named so", refers_to(file)),
        Refusal::NoSuchFile(file) => format!("{}, and there is no such file", refers_to(file)),
    }
}
