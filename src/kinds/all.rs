//! The list of all kinds, and what is found by name in it.

use std::cmp::Ordering;

use super::kind::Kind;
use super::{
    attack_protection, client_grants, clients, log_streams, resource_servers, roles,
    tenant_settings,
};

/// Every kind, in the order in which they are read, shown and locked.
pub static KINDS: [&Kind; 11] = [
    &clients::KIND,
    &resource_servers::KIND,
    &client_grants::KIND,
    &roles::KIND,
    &tenant_settings::KIND,
    &attack_protection::BOT_DETECTION,
    &attack_protection::BREACHED_PASSWORD_DETECTION,
    &attack_protection::BRUTE_FORCE_PROTECTION,
    &attack_protection::CAPTCHA,
    &attack_protection::SUSPICIOUS_IP_THROTTLING,
    &log_streams::KIND,
];

impl Kind {
    /// The kinds of that name: several, where what belongs together has one name.
    pub fn all_named(name: &str) -> impl Iterator<Item = &'static Kind> + '_ {
        KINDS.into_iter().filter(move |kind| kind.name == name)
    }

    /// A kind of that name.
    pub fn named(name: &str) -> Option<&'static Kind> {
        Kind::all_named(name).next()
    }

    /// The kind of that name that may have a resource of that id.
    pub fn of(name: &str, id: &str) -> Option<&'static Kind> {
        Kind::all_named(name).find(|kind| kind.only().is_none_or(|only| only == id))
    }

    /// The names of all kinds, each once.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        let names = KINDS.iter().map(|kind| kind.name).enumerate();
        names.filter_map(|(at, name)| {
            let is_first = KINDS.iter().position(|kind| kind.name == name) == Some(at);
            is_first.then_some(name)
        })
    }

    /// The folders in which a tenant directory has files of some kind.
    pub fn folders() -> impl Iterator<Item = &'static str> {
        KINDS
            .iter()
            .map(|kind| kind.folder())
            .filter(|folder| !folder.is_empty())
    }
}

/// As they stand in [`KINDS`].
impl Ord for Kind {
    fn cmp(&self, other: &Kind) -> Ordering {
        if std::ptr::eq(self, other) {
            return Ordering::Equal;
        }
        let place = |kind: &Kind| KINDS.iter().position(|known| *known == kind);
        place(self).cmp(&place(other))
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Kind) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
