//! `--max-rate`: so many requests a second and no more, whatever the tenant allows. The rest is left to others.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::waits::Waits;

/// Lets requests through one after the other, each so long after the one before it. There is no burst: what was not used is gone.
#[derive(Debug)]
pub(super) struct MaxRate {
    interval: Duration,
    /// The earliest time of the next request.
    next: Mutex<Option<Instant>>,
}

impl MaxRate {
    /// So many requests a second.
    pub(super) fn new(per_second: f64) -> MaxRate {
        // A day between two requests is as good as any longer time.
        let seconds = (1.0 / per_second).clamp(0.0, 86_400.0);
        MaxRate {
            interval: Duration::from_secs_f64(if seconds.is_nan() { 0.0 } else { seconds }),
            next: Mutex::default(),
        }
    }

    /// Waits until a request may be sent, and says so where that takes long.
    pub(super) async fn turn(&self, waits: &Waits) {
        let wait = self.take(Instant::now());
        if !wait.is_zero() {
            waits.say(wait, "--max-rate");
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes the next time at which a request may be sent: how long that is from `now`.
    fn take(&self, now: Instant) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + self.interval);
        at - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_its_time_and_none_is_saved_up() {
        let rate = MaxRate::new(4.0);
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let waits = [0, 0, 0, 600, 10_000, 10_000];
        let waits = waits.map(|now| rate.take(after(now)).as_millis());
        assert_eq!(waits, [0, 250, 500, 150, 0, 250]);
    }
}
