//! The running tenant: everything that the server's thread and the sandbox's owner share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::faults::Faults;
use super::journal::Journal;
use super::rate::Bucket;
use super::store::Store;
use super::tokens::{Authority, Tokens};

/// A tenant that is being served.
#[derive(Debug)]
pub(super) struct Tenant {
    pub authority: Authority,
    pub port: u16,
    pub latency: Duration,
    pub page_cap: usize,
    /// Whether a 429 of the rate limit says `retry-after`.
    pub retry_after: bool,
    /// The kinds that the tenant's plan does not include.
    pub not_included: Vec<&'static str>,
    pub store: Mutex<Store>,
    pub tokens: Mutex<Tokens>,
    pub journal: Mutex<Journal>,
    pub faults: Mutex<Faults>,
    pub bucket: Mutex<Option<Bucket>>,
    /// How many connections were taken so far.
    pub connections: AtomicUsize,
}

impl Tenant {
    /// The address, without a slash at the end.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The resources.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    /// The tokens that were issued.
    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        locked(&self.tokens)
    }

    /// The requests that arrived.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        locked(&self.journal)
    }

    /// The faults that are yet to come.
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    /// The rate limit, if there is one.
    pub(super) fn bucket(&self) -> MutexGuard<'_, Option<Bucket>> {
        locked(&self.bucket)
    }
}

/// What the lock guards is whole also after a panic elsewhere: every change to it is one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
