//! A plan → what a push sends and what it holds back, and why. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::create::{Made, New, Refusal, in_order};
use crate::kinds::{CannotRemove, Field, Limit, Merge, When, clients};
use crate::plan::{Change, FieldPlan, Plan, PlanField, ResourcePlan, State};
use crate::resource::{ListChange, Patch, Resource, ResourceId};

/// What the tool works by, and must not change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Own<'a> {
    /// The id of the client whose credentials are in use. Where nobody knows it, as with a ready token that can't be read, it may be
    /// any.
    pub client: Option<&'a str>,
    /// The identifier of the Management API.
    pub management_api: Option<&'a str>,
}

impl Own<'_> {
    /// Whether the credentials in use may be this client's.
    fn may_be_client(self, id: &str) -> bool {
        self.client.is_none_or(|own| own == id)
    }

    /// What keeps a resource from being changed.
    fn limits(self, live: &Resource) -> Vec<&'static Limit> {
        let is_so = |when: &When| {
            when.is_so(live.fields(), self.management_api, |id| {
                self.may_be_client(id)
            })
        };
        let limits = live.id().kind().limits.iter();
        limits
            .filter(|limit| limit.when.iter().all(is_so))
            .collect()
    }
}

/// What a push is going to do.
#[derive(Debug, Clone, PartialEq)]
pub struct PushPlan {
    /// The plan that it is made of.
    pub plan: Plan,
    /// What is sent, a resource each.
    pub updates: Vec<Update>,
    /// What is made, in this order.
    pub creates: Vec<New>,
    /// Updates that name files in the place of ids, and that are sent once these have some.
    pub later: Vec<Update>,
    /// What is held back.
    pub held_back: Vec<HeldBack>,
    /// What is not made.
    pub not_made: Vec<NotMade>,
}

/// One resource's update, due.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The resource.
    pub id: ResourceId,
    /// Its name, for the report.
    pub name: String,
    /// Its file, for the report.
    pub file: Option<String>,
    /// The edits that it sends.
    pub fields: Vec<FieldPlan>,
    /// What to send.
    pub patch: Patch,
}

/// What a plan has of one resource and a push does not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The resource, with the fields that are held back.
    pub resource: ResourcePlan,
    /// Why they are.
    pub reason: Reason,
}

/// A resource that a push does not make.
#[derive(Debug, Clone, PartialEq)]
pub struct NotMade {
    /// What it would have been.
    pub new: New,
    /// Why it is not made.
    pub reason: Reason,
}

/// Why a push does not send something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// File and tenant both changed, here or elsewhere in the selection.
    Conflict,
    /// The tenant does not have the resource.
    Gone,
    /// The resource is not under version control, such as the global client.
    LeftOut,
    /// The project does not manage the field.
    Unmanaged,
    /// No update takes the field.
    NotUpdatable,
    /// A part of the value was taken out of the file, and no update takes it out of the tenant.
    CannotRemove(String),
    /// The client is the one whose credentials are in use, and would lose its access.
    LocksOut,
    /// The same may be so: the token does not say which client it was issued to.
    MayLockOut,
    /// The tenant's plan does not include the kind.
    NotIncluded,
    /// The token's scope does not allow the kind to be read.
    Unread,
    /// Nobody may change these fields of the resource, for this reason.
    Limited(&'static str),
    /// Somebody who was asked about this resource said no.
    NotChosen,
    /// Somebody who was asked said no.
    NotConfirmed,
    /// The tenant changed while somebody was asked.
    ChangedSinceQuestion,
    /// A saved plan is about a resource that has no file.
    NoFile,
    /// The file says something else in these fields than a saved plan.
    FileChanged(Vec<String>),
    /// A saved plan has an edit of this field, and only the tenant changed it.
    NoEdit(String),
    /// This field changed on the tenant since a plan was saved.
    TenantChanged(String),
    /// The resource is gone from the tenant since a plan was saved.
    GoneSince,
    /// The tenant has the resource that a saved plan says it has not.
    ThereByNow,
    /// Something else in a saved plan is held back.
    RestOfPlan,
    /// The resource is still to be made, and nobody asked for that.
    New,
    /// The resource can't be made.
    CannotMake(Refusal),
    /// The value names this file in the place of an id, and that one has no id yet.
    WaitsFor(String),
    /// The push that is undone made the resource.
    MadeByPush,
    /// The tenant had no value before the push that is undone, and nothing takes one away; or what does opens access, which the
    /// sentence says.
    NothingBefore(Option<&'static str>),
    /// The tenant had a value before that no update takes, for this reason.
    Refused(String),
}

impl Reason {
    /// Whether the user just saw or chose it, so that it needs no line of its own.
    pub fn is_known(&self) -> bool {
        matches!(
            self,
            Reason::Conflict
                | Reason::NotChosen
                | Reason::NotConfirmed
                | Reason::ChangedSinceQuestion
        )
    }
}

impl PushPlan {
    /// A push that sends nothing.
    pub fn nothing(plan: Plan) -> PushPlan {
        PushPlan {
            plan,
            updates: Vec::new(),
            creates: Vec::new(),
            later: Vec::new(),
            held_back: Vec::new(),
            not_made: Vec::new(),
        }
    }

    /// Decides what is sent. `live` are the resources that were read, and `own` is what the tool works by. With `creates`, what is
    /// still to be made is made.
    pub fn decide(
        plan: Plan,
        live: &BTreeMap<ResourceId, Resource>,
        own: Own<'_>,
        creates: bool,
    ) -> PushPlan {
        let mut push = PushPlan::nothing(plan);
        push.decide_new(creates);
        for resource in &push.plan.resources.clone() {
            push.resource(resource, live.get(&resource.id), own);
        }
        push.updates.sort_by_key(|update| update.id.kind().turn);
        if push.has_conflict() {
            push.hold_back_everything(&Reason::Conflict);
        }
        push
    }

    /// Decides what is made. What refers to something that is not made is not made either.
    fn decide_new(&mut self, creates: bool) {
        let (mut due, mut left): (Vec<New>, Vec<NotMade>) = (Vec::new(), Vec::new());
        for new in self.plan.new.clone() {
            let reason = match (&new.refusal, creates) {
                (Some(refusal), _) => Reason::CannotMake(refusal.clone()),
                (None, false) => Reason::New,
                (None, true) => {
                    due.push(new);
                    continue;
                }
            };
            left.push(NotMade { new, reason });
        }
        loop {
            let missing = |new: &New| {
                let is_due = |file: &String| due.iter().any(|due| due.is_named(file));
                new.files().into_iter().find(|file| !is_due(file))
            };
            let Some((at, file)) = due
                .iter()
                .enumerate()
                .find_map(|(at, new)| Some((at, missing(new)?)))
            else {
                break;
            };
            let new = due.remove(at);
            let reason = Reason::WaitsFor(file);
            left.push(NotMade { new, reason });
        }
        self.creates = in_order(due);
        self.not_made = left;
    }

    fn resource(&mut self, resource: &ResourcePlan, live: Option<&Resource>, own: Own<'_>) {
        let mut hold_back = |fields: Vec<FieldPlan>, reason: Reason| {
            let resource = ResourcePlan {
                fields,
                ..resource.clone()
            };
            self.held_back.push(HeldBack { resource, reason });
        };
        let edits = resource.changed(Change::Edit).cloned();
        let edits: Vec<FieldPlan> = edits.collect();
        if resource.state == State::FileOnly {
            return hold_back(edits, Reason::Gone);
        }
        if live.is_some_and(Resource::is_left_out) && !edits.is_empty() {
            return hold_back(edits, Reason::LeftOut);
        }
        let limits = live.map(|live| own.limits(live)).unwrap_or_default();
        let (edits, limited): (Vec<_>, Vec<_>) = edits.into_iter().partition(|edit| {
            limits
                .iter()
                .all(|limit| limit.takes.contains(&edit.field.name()))
        });
        if let Some(limit) = limits.first().filter(|_| !limited.is_empty()) {
            hold_back(limited, Reason::Limited(limit.why));
        }
        let unsent = resource
            .fields
            .iter()
            .filter(|field| field.is_unsent_edit)
            .cloned();
        let (unmanaged, not_updatable): (Vec<_>, Vec<_>) =
            unsent.partition(|field| field.field.key().is_some());
        if !unmanaged.is_empty() {
            hold_back(unmanaged, Reason::Unmanaged);
        }
        // Each field says why no update takes it.
        let why = |field: &FieldPlan| {
            let row = resource.id.kind().row(field.field.name());
            row.map(|row| row.sending)
        };
        for fields in not_updatable.chunk_by(|one, next| why(one) == why(next)) {
            hold_back(fields.to_vec(), Reason::NotUpdatable);
        }
        let is_own =
            *resource.id.kind() == clients::KIND && own.may_be_client(resource.id.as_str());
        let (locking, edits): (Vec<_>, Vec<_>) = edits
            .into_iter()
            .partition(|field| is_own && locks_out(field));
        if !locking.is_empty() {
            let reason = match own.client {
                Some(_) => Reason::LocksOut,
                None => Reason::MayLockOut,
            };
            hold_back(locking, reason);
        }
        let (waiting, edits): (Vec<_>, Vec<_>) = edits
            .into_iter()
            .partition(|edit| edit.files().next().is_some());
        let mut waits = false;
        let mut edits = edits;
        for edit in waiting {
            let is_made = |file: &&str| self.creates.iter().any(|new| new.is_named(file));
            let unmade = edit.files().find(|file| !is_made(file));
            match unmade.map(str::to_owned) {
                Some(file) => hold_back(vec![edit], Reason::WaitsFor(file)),
                None => {
                    waits = true;
                    edits.push(edit);
                }
            }
        }
        let (update, kept) = Update::new(resource, edits);
        for (edit, key) in kept {
            hold_back(vec![edit], Reason::CannotRemove(key));
        }
        match waits {
            true => self.later.extend(update),
            false => self.updates.extend(update),
        }
    }

    /// Whether file and tenant both changed somewhere: then nothing is sent.
    pub fn has_conflict(&self) -> bool {
        self.plan.count(Change::Conflict) > 0
    }

    /// The resources that are to be updated.
    pub fn due(&self) -> BTreeSet<&ResourceId> {
        self.all_updates().map(|update| &update.id).collect()
    }

    /// How many fields are sent, and keys of fields.
    pub fn count_fields(&self) -> usize {
        self.all_updates().map(|update| update.fields.len()).sum()
    }

    /// What the updates do at once to who may log in where: file, field and sentence.
    pub fn risks(&self) -> impl Iterator<Item = (&Update, &PlanField, String)> {
        let edits = self.all_updates();
        let edits = edits.flat_map(|update| update.fields.iter().map(move |field| (update, field)));
        edits.filter_map(|(update, field)| Some((update, &field.field, field.risk()?)))
    }

    /// Holds back the update of this resource.
    pub fn hold_back(&mut self, id: &ResourceId, reason: Reason) {
        let is_meant = |update: &Update| update.id == *id;
        let mut left: Vec<Update> = self
            .updates
            .extract_if(.., |update| is_meant(update))
            .collect();
        left.extend(self.later.extract_if(.., |update| is_meant(update)));
        self.take_back(left, &reason);
    }

    /// Holds back everything that is due.
    pub fn hold_back_everything(&mut self, reason: &Reason) {
        for new in std::mem::take(&mut self.creates) {
            let reason = reason.clone();
            self.not_made.push(NotMade { new, reason });
        }
        let mut updates = std::mem::take(&mut self.updates);
        updates.append(&mut self.later);
        self.take_back(updates, reason);
    }

    /// Leaves this one unmade, and whatever refers to it.
    pub fn leave_unmade(&mut self, file: &str, reason: &Reason) {
        let mut left = vec![(file.to_owned(), reason.clone())];
        while let Some((file, reason)) = left.pop() {
            let (unmade, rest): (Vec<New>, Vec<New>) = std::mem::take(&mut self.creates)
                .into_iter()
                .partition(|new| new.file == file);
            self.creates = rest;
            for new in unmade {
                let named = new.as_reference();
                for other in self
                    .creates
                    .iter()
                    .filter(|other| other.files().contains(&named))
                {
                    left.push((other.file.clone(), Reason::WaitsFor(named.clone())));
                }
                let waits = |update: &Update| {
                    update
                        .fields
                        .iter()
                        .any(|edit| edit.files().any(|file| file == named))
                };
                let (waiting, later): (Vec<Update>, Vec<Update>) =
                    std::mem::take(&mut self.later).into_iter().partition(waits);
                self.later = later;
                self.take_back(waiting, &Reason::WaitsFor(named));
                let reason = reason.clone();
                self.not_made.push(NotMade { new, reason });
            }
        }
    }

    /// Whether nothing is due.
    pub fn is_nothing_due(&self) -> bool {
        self.updates.is_empty() && self.creates.is_empty() && self.later.is_empty()
    }

    /// Every update that is due, those that wait for ids too.
    pub fn all_updates(&self) -> impl Iterator<Item = &Update> {
        self.updates.iter().chain(&self.later)
    }

    /// Whether something is held back, or not made.
    pub fn holds_something_back(&self) -> bool {
        !self.held_back.is_empty() || !self.not_made.is_empty()
    }

    fn take_back(&mut self, updates: Vec<Update>, reason: &Reason) {
        let mut fields: BTreeMap<ResourceId, Vec<FieldPlan>> = BTreeMap::new();
        for update in updates {
            fields.insert(update.id, update.fields);
        }
        if *reason == Reason::Conflict {
            for resource in &self.plan.resources {
                for field in resource.changed(Change::Conflict) {
                    fields
                        .entry(resource.id.clone())
                        .or_default()
                        .push(field.clone());
                }
            }
        }
        for resource in &self.plan.resources {
            if let Some(mut fields) = fields.remove(&resource.id) {
                fields.sort_by(|one, other| one.field.cmp(&other.field));
                let resource = ResourcePlan {
                    fields,
                    ..resource.clone()
                };
                let reason = reason.clone();
                self.held_back.push(HeldBack { resource, reason });
            }
        }
    }
}

impl Update {
    /// The update that sends these edits, and those that can't be sent, each with the part that no update takes away.
    pub fn new(
        resource: &ResourcePlan,
        edits: Vec<FieldPlan>,
    ) -> (Option<Update>, Vec<(FieldPlan, String)>) {
        let (mut sent, mut kept) = (Vec::new(), Vec::new());
        let mut values: BTreeMap<Field, Value> = BTreeMap::new();
        let mut list = None;
        for edit in edits {
            if let Some(change) = list_change(&edit) {
                list = Some(change);
                sent.push(edit);
                continue;
            }
            match add(&mut values, &edit) {
                Ok(()) => sent.push(edit),
                Err(CannotRemove { key }) => kept.push((edit, key)),
            }
        }
        let update = Patch::of_valid(values, list).map(|patch| Update {
            id: resource.id.clone(),
            name: resource.name.clone(),
            file: resource.file.clone(),
            fields: sent,
            patch,
        });
        (update, kept)
    }

    /// The same update with ids in the place of files. None where one has no id.
    pub fn resolved(&self, made: &Made) -> Option<Update> {
        let edits = self.fields.iter().map(|edit| {
            let mut edit = edit.clone();
            if let Some(local) = &edit.local {
                edit.local = Some(made.resolved(self.id.kind(), edit.field.name(), local)?);
            }
            Some(edit)
        });
        let edits = edits.collect::<Option<Vec<_>>>()?;
        let resource = ResourcePlan {
            id: self.id.clone(),
            name: self.name.clone(),
            file: self.file.clone(),
            state: State::Changed,
            fields: Vec::new(),
        };
        let (update, _) = Update::new(&resource, edits);
        update
    }
}

impl FieldPlan {
    /// The files that the file's value names in the place of ids.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let reference = self.field.key().and_then(|key| key.field.row().refers_to);
        let files = reference.zip(self.local.as_ref());
        files
            .into_iter()
            .flat_map(|(reference, local)| reference.files_in(local))
    }
}

/// What an edit changes in a list that has a path of its own; None where the field is no such list.
fn list_change(edit: &FieldPlan) -> Option<ListChange> {
    let field = edit.field.key()?.field;
    let list = field.kind().collection()?.sub_list.as_ref()?;
    if list.field != field.name() {
        return None;
    }
    let entries = |side: &Option<Value>| side.as_ref().and_then(Value::as_array).cloned();
    let (local, live) = (
        entries(&edit.local)?,
        entries(&edit.live).unwrap_or_default(),
    );
    let without = |list: &[Value], other: &[Value]| -> Vec<Value> {
        let mut left: Vec<Value> = Vec::new();
        for entry in list {
            if !other.contains(entry) && !left.contains(entry) {
                left.push(entry.clone());
            }
        }
        left
    };
    Some(ListChange {
        field,
        added: without(&local, &live),
        removed: without(&live, &local),
    })
}

/// Whether an edit takes the access from the client that has it.
fn locks_out(field: &FieldPlan) -> bool {
    let guard = field.field.key().and_then(|key| key.field.row().guard);
    guard.is_some_and(|guard| !guard.is_kept(field.local.as_ref()))
}

/// Adds what an edit sends.
fn add(values: &mut BTreeMap<Field, Value>, edit: &FieldPlan) -> Result<(), CannotRemove> {
    let Some(key) = edit.field.key() else {
        return Ok(());
    };
    match (&key.key, &edit.local) {
        (None, Some(local)) => {
            values.insert(key.field, key.field.sent(local, edit.live.as_ref())?);
        }
        // What the file leaves out is not managed.
        (None, None) => {}
        (Some(name), None) if key.field.row().merge == Merge::Flags => {
            return Err(CannotRemove { key: name.clone() });
        }
        (Some(name), local) => {
            let keys = values.entry(key.field).or_insert_with(|| Map::new().into());
            if let Value::Object(keys) = keys {
                keys.insert(name.clone(), local.clone().unwrap_or(Value::Null));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{BaseFrom, Prints, ResourceBase};
    use crate::kinds::clients::KIND;
    use crate::kinds::{Manage, Managed};
    use crate::plan::{Live, Sides, Tenant};
    use crate::three_way::BaseValues;
    use serde_json::json;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    /// What a push of one client sends, and what it holds back.
    fn decided(base: Value, local: Value, live: Value, own_client: Option<&str>) -> String {
        let managed = Managed::new(&BTreeMap::from([(&KIND, Manage::All)]));
        let (base, mut local) = (fields(base), fields(local));
        local.insert("client_id".to_owned(), json!("c1"));
        let mut live = fields(live);
        live.insert("client_id".to_owned(), json!("c1"));
        let live = Resource::new(&KIND, live).unwrap();
        let values = BaseValues::of(managed.fields(&KIND), &base);
        let unsent = Prints::of(base.iter().filter(|(name, _)| KIND.field(name).is_none()));
        let sides = Sides {
            id: live.id(),
            local: Some(("clients/a.yaml", &local)),
            base: Some(ResourceBase::certain(&values, Some(&unsent))),
            live: Live::Whole(&live),
        };
        let tenant = Tenant {
            name: None,
            domain: "d".to_owned(),
        };
        let plan = Plan::new(tenant, BaseFrom::Lock, &managed, [sides]);
        let own = Own {
            client: own_client,
            management_api: None,
        };
        let push = PushPlan::decide(plan, &BTreeMap::new(), own, false);
        let sent = push
            .updates
            .iter()
            .map(|update| json!(update.patch).to_string());
        let held = push.held_back.iter().map(|held| {
            let fields = held
                .resource
                .fields
                .iter()
                .map(|field| field.field.to_string());
            format!(
                "{}: {:?}",
                fields.collect::<Vec<_>>().join(", "),
                held.reason
            )
        });
        sent.chain(held).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_sent_and_what_is_held_back() {
        let cases = [
            (
                "an edit",
                json!({"name": "A"}),
                json!({"name": "B"}),
                json!({"name": "A"}),
            ),
            (
                "drift",
                json!({"name": "A"}),
                json!({"name": "A"}),
                json!({"name": "B"}),
            ),
            (
                "a conflict holds all back",
                json!({"name": "A", "app_type": "spa"}),
                json!({"name": "B", "app_type": "native"}),
                json!({"name": "C", "app_type": "spa"}),
            ),
            (
                "key by key",
                json!({"client_metadata": {"a": "1", "b": "1", "c": "1"}}),
                json!({"client_metadata": {"a": "2", "c": "1"}}),
                json!({"client_metadata": {"a": "1", "b": "1", "c": "9"}}),
            ),
            (
                "a part goes",
                json!({"session_transfer": {"can_create_session_transfer_token": true, "delegation": null}}),
                json!({"session_transfer": {}}),
                json!({"session_transfer": {"can_create_session_transfer_token": true}}),
            ),
            (
                "what is null is absent",
                json!({}),
                json!({"default_organization": null}),
                json!({}),
            ),
            (
                "a value is cleared",
                json!({"default_organization": {"a": 1}}),
                json!({"default_organization": null}),
                json!({"default_organization": {"a": 1}}),
            ),
            (
                "a field that no update takes",
                json!({"tenant": "a"}),
                json!({"tenant": "b"}),
                json!({"tenant": "a"}),
            ),
            (
                "one that the tenant changed",
                json!({"tenant": "a"}),
                json!({"tenant": "a"}),
                json!({"tenant": "b"}),
            ),
            (
                "a twin that the tenant derives",
                json!({}),
                json!({"oidc_backchannel_logout": {"a": 1}}),
                json!({}),
            ),
        ];
        let shown = cases.map(|(what, base, local, live)| {
            format!("{what}: {}", decided(base, local, live, Some("other")))
        });
        insta::assert_snapshot!(shown.join("\n"), @r#"
        an edit: {"name":"B"}
        drift: 
        a conflict holds all back: name, app_type: Conflict
        key by key: {"client_metadata":{"a":"2","b":null}}
        a part goes: session_transfer: CannotRemove("can_create_session_transfer_token")
        what is null is absent: 
        a value is cleared: {"default_organization":null}
        a field that no update takes: tenant: NotUpdatable
        one that the tenant changed: 
        a twin that the tenant derives: oidc_backchannel_logout: NotUpdatable
        "#);
    }

    #[test]
    fn the_client_whose_credentials_are_in_use_keeps_its_access() {
        let base = json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post", "name": "A"});
        let local =
            json!({"grant_types": ["implicit"], "token_endpoint_auth_method": "none", "name": "B"});
        let more = json!({"grant_types": ["client_credentials", "implicit"]});
        let shown = [
            decided(base.clone(), local.clone(), base.clone(), Some("c1")),
            decided(base.clone(), local.clone(), base.clone(), Some("c2")),
            decided(base.clone(), local, base.clone(), None),
            decided(base.clone(), more, base, Some("c1")),
            decided(
                json!({}),
                json!({"token_quota": {"a": 1}, "require_proof_of_possession": true, "app_type": "spa", "compliance_level": "none"}),
                json!({}),
                Some("c1"),
            ),
        ];
        insta::assert_snapshot!(shown.join("\n"), @r#"
        {"name":"B"}; grant_types, token_endpoint_auth_method: LocksOut
        {"name":"B","grant_types":["implicit"],"token_endpoint_auth_method":"none"}
        {"name":"B"}; grant_types, token_endpoint_auth_method: MayLockOut
        {"grant_types":["client_credentials","implicit"]}
        app_type, compliance_level, require_proof_of_possession, token_quota: LocksOut
        "#);
    }
}
