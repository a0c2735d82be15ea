//! What a push sent, and what was there before.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::BaseFrom;
use crate::kinds::FieldKey;
use crate::plan::Tenant;
use crate::push_plan::Update;
use crate::resource::{Resource, ResourceId};

/// What one run sent to a tenant: a push, or an undo, which is the last push for the next undo.
#[derive(Debug, Clone, PartialEq)]
pub struct SentPush {
    /// The tenant.
    pub tenant: Tenant,
    /// Where base came from: with a commit, the lock was left alone.
    pub base: BaseFrom,
    /// Whether it was an undo, and how far that came.
    pub by: SentBy,
    /// What was sent, a resource each.
    pub resources: Vec<SentResource>,
}

/// Which command sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentBy {
    /// A push that said what it did.
    Push,
    /// A push that was killed: the next one that sends something of it finishes it, and the two are one push for undo.
    UnfinishedPush,
    /// An undo that did all that it had to do.
    Undo,
    /// An undo that was killed or that failed before its end: the next one goes on with it.
    UnfinishedUndo,
}

/// What was sent to one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct SentResource {
    /// The resource.
    pub id: ResourceId,
    /// Its name then.
    pub name: String,
    /// Its file then.
    pub file: Option<String>,
    /// What is known of what became of it.
    pub became: Became,
    /// The fields that were sent.
    pub fields: Vec<SentField>,
}

/// What became of what was sent to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// Nobody knows: no answer came, or the run was killed before it could be noted. Live decides.
    Unknown,
    /// The tenant answered that it took it.
    Updated,
    /// It was not sent after all.
    NotSent,
    /// The run made the resource.
    Made,
}

/// One field that was sent. An absent value is None.
#[derive(Debug, Clone, PartialEq)]
pub struct SentField {
    /// The field, or the key of one.
    pub key: FieldKey,
    /// What the tenant had before.
    pub before: Option<Value>,
    /// What it was told to have.
    pub after: Option<Value>,
    /// What it answered, where that is something else.
    pub answered: Option<Option<Value>>,
    /// The same for the file, which leaves out what the tenant can only be told to empty.
    pub in_file: InFile,
    /// Of a key: whether one of the sides has no object at all that could have it.
    pub field_may_be_absent: bool,
}

/// What a file said of a field before something was sent, and what it says where that went well.
#[derive(Debug, Clone, PartialEq)]
pub struct InFile {
    /// Before.
    pub before: Option<Value>,
    /// After.
    pub after: Option<Value>,
}

impl SentResource {
    /// Takes in what an earlier push sent to it.
    fn go_on_from(&mut self, earlier: Vec<SentField>) {
        for field in earlier {
            let known = self.fields.iter_mut().find(|known| known.key == field.key);
            match known {
                None => self.fields.push(field),
                Some(known) if field.is_sent(known.before.as_ref()) => {
                    known.before = field.before;
                    known.in_file.before = field.in_file.before;
                    known.field_may_be_absent |= field.field_may_be_absent;
                }
                Some(_) => {}
            }
        }
    }
}

impl SentField {
    /// Whether the tenant says what was sent, or what it answered.
    pub fn is_sent(&self, live: Option<&Value>) -> bool {
        let answered = self.answered.as_ref();
        self.key.same(live, self.after.as_ref())
            || answered.is_some_and(|answered| self.key.same(live, answered.as_ref()))
    }
}

impl SentPush {
    /// This push with what an earlier one sent that was killed and that it finishes: what was there before is what was there before the
    /// first of the two. As it is, where it finishes none.
    pub fn finishing(mut self, earlier: SentPush) -> SentPush {
        let is_killed = earlier.by == SentBy::UnfinishedPush && self.by == SentBy::UnfinishedPush;
        let is_same = earlier.tenant.domain == self.tenant.domain && earlier.base == self.base;
        if !is_killed || !is_same || !self.sends_some_of(&earlier) {
            return self;
        }
        for one in earlier.resources {
            let known = self.resources.iter_mut().find(|known| known.id == one.id);
            match known {
                None => self.resources.push(SentResource {
                    became: match one.became {
                        Became::Made => Became::Made,
                        // What was noted of it is not noted again, and live tells, too.
                        _ => Became::Unknown,
                    },
                    ..one
                }),
                Some(known) => known.go_on_from(one.fields),
            }
        }
        self
    }

    /// Whether it sends something that an earlier push was about to send.
    fn sends_some_of(&self, earlier: &SentPush) -> bool {
        self.resources.iter().any(|one| {
            let mut before = earlier.resources.iter();
            let before = before.find(|before| before.id == one.id);
            let mut fields = before.into_iter().flat_map(|before| &before.fields);
            fields.any(|field| {
                let mut sent = one.fields.iter();
                sent.any(|sent| sent.key == field.key && sent.after == field.after)
            })
        })
    }

    /// What these updates are about to send. `live` are the resources as they were read; `in_file` tells what the file of a resource
    /// says of a field before and after, where that is not what the tenant says.
    pub fn of<'a>(
        (tenant, base, by): (Tenant, BaseFrom, SentBy),
        updates: impl Iterator<Item = &'a Update>,
        live: &BTreeMap<ResourceId, Resource>,
        in_file: impl Fn(&ResourceId, &FieldKey) -> Option<(InFile, bool)>,
    ) -> SentPush {
        let resource = |update: &Update| {
            let live = live.get(&update.id);
            let field = |key: &FieldKey, before: &Option<Value>, after: &Option<Value>| {
                let is_absent = live.is_none_or(|live| key.field.of(live.fields()).is_none());
                let (in_file, leaves_out) = in_file(&update.id, key).unwrap_or_else(|| {
                    let (before, after) = (before.clone(), after.clone());
                    (InFile { before, after }, false)
                });
                SentField {
                    key: key.clone(),
                    before: before.clone(),
                    after: after.clone(),
                    answered: None,
                    in_file,
                    field_may_be_absent: key.key.is_some() && (is_absent || leaves_out),
                }
            };
            let fields = update.fields.iter();
            let fields =
                fields.filter_map(|edit| Some(field(edit.field.key()?, &edit.live, &edit.local)));
            SentResource {
                id: update.id.clone(),
                name: update.name.clone(),
                file: update.file.clone(),
                became: Became::Unknown,
                fields: fields.collect(),
            }
        };
        SentPush {
            tenant,
            base,
            by,
            resources: updates.map(resource).collect(),
        }
    }
}
