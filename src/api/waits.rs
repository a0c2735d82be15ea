//! Saying that something takes a while, once for everybody who waits for the same.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::seconds;

/// A wait that is longer is said; and one that is said covers those that end about when it does.
const SILENT: Duration = Duration::from_secs(1);

/// The waits that were said.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<Option<Instant>>);

impl Waits {
    /// Says a wait, and why, unless it is short or as good as said.
    pub(super) fn say(&self, wait: Duration, why: &str) {
        if wait <= SILENT {
            return;
        }
        let until = Instant::now() + wait;
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| until > said + SILENT) {
            *said = Some(until);
            log::warn!("waiting {}: {why}", seconds(wait));
        }
    }
}
