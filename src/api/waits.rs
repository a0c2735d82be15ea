//! Saying that something takes a while, once for everybody who waits for the same.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Progress;
use super::error::seconds;

/// A wait that is longer is said; and one that is said covers those that end about when it does.
const SILENT: Duration = Duration::from_secs(1);

/// The waits that were said.
#[derive(Debug)]
pub(super) struct Waits {
    progress: Progress,
    said: Mutex<Option<Instant>>,
}

impl Waits {
    pub(super) fn new(progress: Progress) -> Waits {
        Waits {
            progress,
            said: Mutex::default(),
        }
    }

    /// Says a wait, and why, unless it is short or as good as said.
    pub(super) fn say(&self, wait: Duration, why: &str) {
        if wait <= SILENT {
            return;
        }
        let until = Instant::now() + wait;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| until > said + SILENT) {
            *said = Some(until);
            if !self.progress.wait(until, why) {
                log::warn!("waiting {}: {why}", seconds(wait));
            }
        }
    }
}
