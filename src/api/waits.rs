//! Says that requests have to wait. Many requests wait for the same reason at the same time: that is said once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Progress;
use super::error::seconds;

/// A wait that is no longer than this is not worth a message. A message also covers waits that end at most this much later.
const SILENT: Duration = Duration::from_secs(1);

/// Remembers the last wait that was said.
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

    /// Says that there is a wait, and why, unless it is short or covered by what was said before.
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
