//! A row: what is known of one field.

use super::risk::{Guard, Risk};

/// What is known of one field.
#[derive(Debug)]
pub struct Row {
    /// Its name in the API and in files.
    pub name: &'static str,
    /// Whether a push may send it.
    pub sending: Sending,
    /// How an update changes it.
    pub merge: Merge,
    /// What takes its value away.
    pub clear: Clear,
    /// What it refers to.
    pub refers_to: Option<Reference>,
    /// What an edit of it may do at once.
    pub risks: &'static [Risk],
    /// What keeps the tool's own access, where the resource is what gives it.
    pub guard: Option<Guard>,
    /// A scope that an update of it needs beside that of its kind.
    pub scope: Option<&'static str>,
    /// Whether its value means something in one tenant only, without being a reference that could be translated.
    pub is_tenants_own: bool,
}

/// What the ids in a field are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The kind.
    pub kind: &'static str,
    /// The field of that kind that holds what is referred by; None for the id.
    pub by: Option<&'static str>,
    /// The way to the references below the field; a list on the way is no step.
    pub at: &'static [&'static str],
    /// What beside a reference names a part of what it refers to.
    pub part: Option<Part>,
}

/// A key beside a reference that names an entry of a list of what is referred to, or several of them: a permission names a scope of
/// its API, and a grant those that it grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The key beside the reference.
    pub key: &'static str,
    /// The list, a field of what is referred to.
    pub list: &'static str,
    /// The key of the list's entries that has the name.
    pub name: &'static str,
}

/// Whether a push may send a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// It may, unless the kind is not managed.
    Default,
    /// It may where `tenantry.yaml` says so.
    OptIn,
    /// Never, for this reason.
    Never(&'static str),
    /// Never: the tenant derives it from this other field, so that what the tenant makes of it is no difference either.
    Derived(&'static str),
}

/// How an update changes a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// What is sent takes the place of what was there.
    Whole,
    /// The same, and the order of the entries means nothing.
    Set,
    /// Keys of the object and of its parts that are not sent stay, and the order of lists in it means nothing. It is compared and sent
    /// whole, and a key
    /// that goes is sent as null.
    PartsOfSets,
    /// Keys of the object that are not sent stay. It is compared and sent whole, and a key that goes is sent as null.
    Parts,
    /// The same, and each key is compared and sent by itself.
    Keys,
    /// The same, and a key can't be taken away.
    Flags,
}

impl Merge {
    /// Whether each key of the object is compared and sent by itself.
    pub const fn is_by_key(self) -> bool {
        matches!(self, Merge::Keys | Merge::Flags)
    }

    /// How many levels of an object's keys stay where they are not sent.
    pub const fn depth(self) -> usize {
        match self {
            Merge::Whole | Merge::Set => 0,
            Merge::Parts | Merge::Keys | Merge::Flags => 1,
            Merge::PartsOfSets => 2,
        }
    }
}

/// What takes a field's value away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// null, and the tenant then serves no value.
    Null,
    /// An empty text, which the tenant keeps.
    EmptyText,
    /// An empty text, and the tenant then serves no value.
    EmptyTextIsAbsent,
    /// An empty list.
    EmptyList,
    /// An empty list, and the tenant then serves no value.
    EmptyListIsAbsent,
    /// Nothing does.
    Cannot,
}

impl Row {
    pub(super) const fn new(name: &'static str, sending: Sending) -> Row {
        Row {
            name,
            sending,
            merge: Merge::Whole,
            clear: Clear::Cannot,
            refers_to: None,
            risks: &[],
            guard: None,
            scope: None,
            is_tenants_own: false,
        }
    }

    pub(super) const fn default_field(name: &'static str) -> Row {
        Row::new(name, Sending::Default)
    }

    pub(super) const fn opt_in(name: &'static str) -> Row {
        Row::new(name, Sending::OptIn)
    }

    pub(super) const fn never(name: &'static str, reason: &'static str) -> Row {
        Row::new(name, Sending::Never(reason))
    }

    pub(super) const fn derived(name: &'static str, from: &'static str) -> Row {
        Row::new(name, Sending::Derived(from))
    }

    pub(super) const fn merges(self, merge: Merge) -> Row {
        Row { merge, ..self }
    }

    pub(super) const fn clears(self, clear: Clear) -> Row {
        Row { clear, ..self }
    }

    pub(super) const fn refers_to(
        self,
        kind: &'static str,
        by: Option<&'static str>,
        at: &'static [&'static str],
    ) -> Row {
        let part = None;
        let refers_to = Some(Reference { kind, by, at, part });
        Row { refers_to, ..self }
    }

    pub(super) const fn names(
        self,
        key: &'static str,
        list: &'static str,
        name: &'static str,
    ) -> Row {
        match self.refers_to {
            Some(reference) => {
                let part = Some(Part { key, list, name });
                let refers_to = Some(Reference { part, ..reference });
                Row { refers_to, ..self }
            }
            None => self,
        }
    }

    pub(super) const fn risks(self, risks: &'static [Risk]) -> Row {
        Row { risks, ..self }
    }

    pub(super) const fn guarded(self, guard: Guard) -> Row {
        let guard = Some(guard);
        Row { guard, ..self }
    }

    pub(super) const fn needs(self, scope: &'static str) -> Row {
        let scope = Some(scope);
        Row { scope, ..self }
    }

    pub(super) const fn tenants_own(self) -> Row {
        let is_tenants_own = true;
        Row {
            is_tenants_own,
            ..self
        }
    }

    /// Whether an empty text is a value of it, and refers to nothing.
    pub fn may_be_empty(&self) -> bool {
        matches!(self.clear, Clear::EmptyText | Clear::EmptyTextIsAbsent)
    }

    /// Whether an update takes it.
    pub(super) const fn is_updatable(&self) -> bool {
        matches!(self.sending, Sending::Default | Sending::OptIn)
    }
}

impl Row {
    /// What it refers to, where it says so by ids.
    pub fn reference_by_id(&self) -> Option<Reference> {
        self.refers_to.filter(|reference| reference.by.is_none())
    }

    /// What to write where somebody wrote null and the API does not take it.
    pub(super) fn instead_of_null(&self) -> String {
        let name = self.name;
        let widens = self.risks.iter().find_map(|risk| match risk {
            Risk::Emptied(sentence) => Some(sentence),
            _ => None,
        });
        if let Some(sentence) = widens {
            return format!("remove the line to leave it as it is; with `{name}: []`, {sentence}");
        }
        let leave = "remove the line to leave it as it is";
        if self.merge == Merge::Keys {
            return format!("write `{name}: {{}}` to remove every key, or {leave}");
        }
        match self.clear {
            Clear::EmptyText | Clear::EmptyTextIsAbsent => {
                format!("write `{name}: \"\"` to clear it, or {leave}")
            }
            Clear::EmptyList | Clear::EmptyListIsAbsent => {
                format!("write `{name}: []` to clear it, or {leave}")
            }
            Clear::Null | Clear::Cannot => leave.to_owned(),
        }
    }
}
