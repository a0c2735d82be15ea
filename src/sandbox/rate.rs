//! The rate limit: a token bucket with fractional refill. Pure: the caller says what time it is.

use std::time::Duration;

/// A token bucket. Times are since the Unix epoch.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    per_second: f64,
    burst: u32,
    tokens: f64,
    filled_at: Option<Duration>,
}

/// What the bucket says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the request may go on.
    pub allowed: bool,
    /// `x-ratelimit-limit`: the burst.
    pub limit: u32,
    /// `x-ratelimit-remaining`: the requests that would be allowed right now.
    pub remaining: u32,
    /// `x-ratelimit-reset`: unix seconds at which one more request is added.
    pub reset: u64,
    /// Whole seconds until one more request is added, at least 1.
    pub retry_after: u64,
}

impl Verdict {
    /// Where no limit was asked for: what a production tenant says that is not near its own.
    pub(super) fn far_from_any(now: Duration) -> Verdict {
        Verdict {
            allowed: true,
            limit: 50,
            remaining: 49,
            reset: now.as_secs() + 1,
            retry_after: 1,
        }
    }
}

impl Bucket {
    /// A full bucket of `burst` requests that gains `per_second` requests each second.
    pub(super) fn new(per_second: f64, burst: u32) -> Bucket {
        Bucket {
            per_second: per_second.max(0.0),
            burst: burst.max(1),
            tokens: f64::from(burst.max(1)),
            filled_at: None,
        }
    }

    /// Takes one request out of the bucket, if there is one.
    pub(super) fn take(&mut self, now: Duration) -> Verdict {
        let elapsed = now.saturating_sub(self.filled_at.unwrap_or(now));
        self.tokens =
            (self.tokens + elapsed.as_secs_f64() * self.per_second).min(f64::from(self.burst));
        self.filled_at = Some(now);
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        let missing = 1.0 - self.tokens.fract();
        // Without refill there is no such moment: an hour stands for "not soon".
        let wait = if self.per_second > 0.0 {
            (missing / self.per_second).min(3600.0)
        } else {
            3600.0
        };
        Verdict {
            allowed,
            limit: self.burst,
            remaining: self.tokens as u32,
            reset: (now.as_secs_f64() + wait).ceil() as u64,
            retry_after: (wait.ceil() as u64).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bucket: &mut Bucket, millis: u64) -> (bool, u32, u64, u64) {
        let verdict = bucket.take(Duration::from_millis(millis));
        assert_eq!(verdict.limit, 2);
        (
            verdict.allowed,
            verdict.remaining,
            verdict.reset,
            verdict.retry_after,
        )
    }

    #[test]
    fn it_allows_the_burst_and_then_the_rate() {
        let mut bucket = Bucket::new(0.5, 2);
        assert_eq!(at(&mut bucket, 10_000), (true, 1, 12, 2));
        assert_eq!(at(&mut bucket, 10_000), (true, 0, 12, 2));
        assert_eq!(at(&mut bucket, 11_000), (false, 0, 12, 1));
        assert_eq!(at(&mut bucket, 12_000), (true, 0, 14, 2));
        assert_eq!(at(&mut bucket, 13_999), (false, 0, 14, 1));
        // A long pause fills it to the burst and no further.
        assert_eq!(at(&mut bucket, 90_000), (true, 1, 92, 2));
    }

    #[test]
    fn a_clock_that_goes_back_adds_nothing() {
        let mut bucket = Bucket::new(1.0, 2);
        at(&mut bucket, 5_000);
        at(&mut bucket, 5_000);
        assert!(!bucket.take(Duration::from_secs(1)).allowed);
    }
}
