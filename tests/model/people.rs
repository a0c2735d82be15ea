//! What people may rely on, told by what they did, and not by what the lock says: when a branch was last in step with the tenant,
//! in each field, and with what value. Whatever a branch did since then arrives or is held back, and whatever somebody else did
//! since then is left alone. It knows nothing of serials, and must be able to show that the rule by which base is found is wrong.
//!
//! File and tenant come into step where a command ends with both saying the same. That is known to the lock in the working tree
//! from then on, to a commit of it, and to all that comes from the commit; it is forgotten with the working tree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::promise::{Change, Sides, three_way};
use crate::units::{UNITS, agree, had_any, same, there};

/// The times at which a field of a client was brought into step, as far as somebody knows of them.
pub type Known = BTreeMap<(String, &'static str), BTreeSet<usize>>;

/// A time at which a field was brought into step.
struct Step {
    value: Option<Value>,
    /// The earlier ones that were known then.
    earlier: BTreeSet<usize>,
}

/// Who knows of what.
#[derive(Default)]
pub struct People {
    steps: Vec<Step>,
    commits: BTreeMap<String, Known>,
    /// What is known to the lock in the working tree and not in HEAD.
    uncommitted: Known,
    stash: Vec<Known>,
}

/// Somebody's view of what happened, by client and field.
pub type Views = BTreeMap<(String, &'static str), View>;

/// What a person takes to have happened to a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View {
    /// Nobody on this branch ever brought the client into step: its file was written by hand.
    New,
    Happened(Change),
    /// The lock can't tell what people can; see [`People::is_unclear`].
    Unclear,
}

fn join(known: &mut Known, other: &Known) {
    for (field, steps) in other {
        known.entry(field.clone()).or_default().extend(steps);
    }
}

impl People {
    /// What is known where HEAD is there.
    fn known(&self, head: Option<&str>) -> Known {
        let mut known = self.uncommitted.clone();
        if let Some(head) = head {
            join(&mut known, &self.commits[head]);
        }
        known
    }

    /// HEAD is a new commit on top of others; the files and the lock are in it if it was made of the working tree.
    pub fn committed(&mut self, head: &str, on: &[String], working_tree: bool) {
        let mut known = match working_tree {
            true => std::mem::take(&mut self.uncommitted),
            false => Known::new(),
        };
        for parent in on {
            join(&mut known, &self.commits[parent]);
        }
        // The same commit, made once more: what is known to one is known to both.
        join(self.commits.entry(head.to_owned()).or_default(), &known);
    }

    pub fn is_known(&self, commit: &str) -> bool {
        self.commits.contains_key(commit)
    }

    /// The lock in the working tree is HEAD's again, or an older one.
    pub fn forget_uncommitted(&mut self) {
        self.uncommitted.clear();
    }

    pub fn stashed(&mut self) {
        self.stash.push(std::mem::take(&mut self.uncommitted));
    }

    /// The newest stash is taken back, or dropped.
    pub fn popped(&mut self, taken: bool) {
        let stash = self.stash.pop().unwrap_or_default();
        if taken {
            join(&mut self.uncommitted, &stash);
        }
    }

    pub fn has_stash(&self) -> bool {
        !self.stash.is_empty()
    }

    /// A new clone has what was committed.
    pub fn cloned(&mut self) {
        self.uncommitted.clear();
        self.stash.clear();
    }

    /// What happened to a field since file and tenant were last in step.
    pub fn view(&self, sides: &Sides, head: Option<&str>, id: &str, field: &'static str) -> View {
        let known = self.known(head);
        let Some(steps) = known.get(&(id.to_owned(), field)) else {
            return View::New;
        };
        let (local, live) = (sides.files[id].1.get(field), sides.live[id].get(field));
        if self.is_unclear(sides, steps, id, field) {
            return View::Unclear;
        }
        let mut said = self.said(head, id, field);
        // A file without metadata leaves out what it had, whichever keys that were.
        let had = |unit| {
            let said = self.said(head, id, unit);
            said.is_some_and(|said| there(said).is_some())
        };
        if had_any(field, had) && said == Some(None) {
            said = Some(Some(&Value::Null));
        }
        View::Happened(three_way(field, said, local, live))
    }

    /// What file and tenant said when they were last in step, if they ever were.
    pub fn said(
        &self,
        head: Option<&str>,
        id: &str,
        field: &'static str,
    ) -> Option<Option<&Value>> {
        let known = self.known(head);
        let last = known.get(&(id.to_owned(), field))?.last()?;
        Some(self.steps[*last].value.as_ref())
    }

    /// Whether the lock can't tell what people can, by the rule for the entries that count. These corners, and no others:
    ///
    /// 1. Git took the lock back, and the tenant says what it said before the last time that both were in step: somebody went back
    ///    to that on the dashboard. Push one, two and three, set two on the dashboard, revert both pushes: two is an entry that
    ///    counts, so that one is an edit, and is sent over the dashboard's two.
    /// 2. Branches were merged that brought the field into step with different values, and the tenant says neither what it was known
    ///    to say last, nor anything else that was there: it changed after a merge that chose one of two pushes. The lock's own
    ///    entry counts, so that the chosen value is no edit, and the change is drift in place of a conflict.
    /// 3. The same, and the tenant says what the one said that was pushed first: nobody can tell that from a merge that was
    ///    pushed last by the other branch.
    /// 4. The same, and the tenant says what was pushed last, but that branch pushed less often: its entry has a lower serial, and
    ///    does not count. What the merge chose is not sent, and what the tenant says is drift.
    /// 5. The same, and the tenant says what was pushed last, with `--overwrite-drift`: the entry of that push says in the field what it
    ///    said before, so that it did not bring the tenant there as far as the lock can tell. What the merge chose is drift.
    fn is_unclear(&self, sides: &Sides, steps: &BTreeSet<usize>, id: &str, field: &str) -> bool {
        let last = steps.last().unwrap();
        let value = |step: &usize| self.steps[*step].value.as_ref();
        let live = sides.live[id].get(field);
        let superseded = |step: &&usize| {
            let mut others = steps.iter();
            others.any(|other| self.steps[*other].earlier.contains(step))
        };
        // Two branches with different values were merged, and the field was not brought into step since.
        let merged = steps
            .iter()
            .filter(|step| !superseded(step))
            .any(|step| !same(value(step), value(last)));
        let counting = sides.counting(id);
        let counts = |value: Option<&Value>| {
            let mut counting = counting.iter();
            counting.any(|entry| {
                let base = entry.base.get(field);
                base.is_some_and(|base| same(base.as_ref(), value))
                    && sides.brought(id, entry, field)
            })
        };
        if merged {
            // Corners 2 and 3, 4 and 5.
            return !same(live, value(last)) || !counts(live);
        }
        // Corner 1.
        counting.len() > 1 && !same(live, value(last)) && counts(live)
    }

    /// A command was about these clients: where file and tenant say the same by now, or the field was sent, or nothing was known
    /// of the client, they are in step.
    pub fn came_into_step(&mut self, head: Option<&str>, told: &Told, about: &BTreeSet<&String>) {
        let known = self.known(head);
        for id in about {
            let (Some((_, local)), Some(live)) =
                (told.after.files.get(*id), told.after.live.get(*id))
            else {
                continue;
            };
            for field in UNITS {
                let key = ((*id).clone(), field);
                let earlier = known.get(&key).cloned().unwrap_or_default();
                let is = live.get(field);
                let agree = agree(field, local.get(field), is);
                let in_step = agree || told.sent(id, field) || earlier.is_empty();
                let last = earlier.last().map(|last| self.steps[*last].value.as_ref());
                // What says the same as before is no news, unless it was written down.
                let is_news = last.is_none_or(|last| !same(last, is)) || told.wrote(id);
                // Where people can't tell, what the command took for base is base from then on.
                let value = match told.decided(&key) {
                    Some(base) => base,
                    None if in_step && is_news && !told.forgot(id, field, is) => is.cloned(),
                    None => continue,
                };
                let step = self.steps.len();
                self.uncommitted.entry(key).or_default().insert(step);
                self.steps.push(Step { value, earlier });
            }
        }
    }
}

/// A command that was given: what was there before and after it.
pub struct Told<'a> {
    pub before: &'a Sides,
    pub after: &'a Sides,
    /// What people took to have happened before it.
    pub views: &'a Views,
    /// It ended in the middle: only what is in the lock is known of it.
    pub failed: bool,
}

impl Told<'_> {
    /// Whether the client's entry in the lock changed.
    pub fn wrote(&self, id: &str) -> bool {
        self.before.lock.get(id) != self.after.lock.get(id)
    }

    fn sent(&self, id: &str, field: &str) -> bool {
        !same(
            self.before.live[id].get(field),
            self.after.live[id].get(field),
        )
    }

    fn base(&self, id: &str, field: &str) -> Option<&Option<Value>> {
        self.after.lock.get(id)?.base.get(field)
    }

    /// Whether it ended before the value was in the lock.
    fn forgot(&self, id: &str, field: &str, value: Option<&Value>) -> bool {
        let base = self.base(id, field);
        self.failed && !base.is_some_and(|base| same(base.as_ref(), value))
    }

    /// What it took for base where people can't tell.
    fn decided(&self, (id, field): &(String, &'static str)) -> Option<Option<Value>> {
        let unclear = self.views.get(&(id.clone(), *field)) == Some(&View::Unclear);
        (unclear && self.wrote(id)).then(|| self.base(id, field).cloned())?
    }
}
