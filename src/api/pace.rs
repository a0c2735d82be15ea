//! When the next request may be sent: at the pace of the tenant's rate limit, which every answer tells, and never faster. The
//! arithmetic is pure: it follows the server's token bucket from what the answers say of it. Around it is a gate where requests wait.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::waits::Waits;

/// How many requests are under way at once when no limit is in force.
const PLACES: usize = 16;
/// An answer may not impose a longer wait: a limit refills meanwhile, so one more try costs little.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A refusal shows that the measured rate is too high: it is multiplied by this.
const LOWERED: f64 = 0.7;
/// After a refusal, others probably use the limit too. They are left half of it for this many times the requests of a full bucket.
const SHARED: u64 = 3;
/// A measured rate may be far too low. Where it imposes a longer wait than this, one request is sent early to find out.
const PROBED_AFTER: Duration = Duration::from_secs(1);
/// The rate is not measured over a shorter time: requests that are sent together may be served in another order, which looks
/// like a refill.
const SHORTEST_MEASURE: Duration = Duration::from_millis(250);
/// A bucket of at most this many requests is small: it is full again after a wait or two.
const SMALL: u64 = 3;
/// A shorter wait would only keep the processor busy.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// How long to wait for one more request while the rate is not known and no answer tells when one is added.
const BLIND_WAIT: Duration = Duration::from_millis(250);

/// How many requests a second are added to a full bucket of this size, as far as that is documented: before it is measured, no
/// answer says so.
/// Source: <https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy/management-api-endpoint-rate-limits>.
fn documented_rate(size: u64) -> Option<f64> {
    match size {
        10 => Some(2.0),
        50 => Some(16.0),
        _ => None,
    }
}

/// What an answer says about the tenant's rate limit.
/// Source: <https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>, HTTP response
/// headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Requests that the full bucket holds.
    pub(super) limit: Option<u64>,
    /// Requests left in it.
    pub(super) remaining: Option<u64>,
    /// Time until one more is added.
    pub(super) reset: Option<Duration>,
    /// Time to wait after a refusal.
    pub(super) retry_after: Option<Duration>,
    /// Whether this was a refusal (429): it took nothing out of the bucket.
    pub(super) refused: bool,
}

impl Allowance {
    /// Reads the headers of an answer that came in at `now`.
    pub(super) fn of(headers: &HeaderMap, now: SystemTime, refused: bool) -> Allowance {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        // No limit comes near this, and sums of such numbers do not overflow.
        let count = |name: &str| number(name).map(|count| count.min(1_000_000));
        let wait = |seconds: u64| Duration::from_secs(seconds).min(LONGEST_WAIT);
        let until = |at: u64| {
            let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at));
            at.map_or(LONGEST_WAIT, |at| {
                at.duration_since(now).unwrap_or_default()
            })
        };
        Allowance {
            limit: count("x-ratelimit-limit"),
            remaining: count("x-ratelimit-remaining"),
            reset: number("x-ratelimit-reset").map(|at| until(at).min(LONGEST_WAIT)),
            retry_after: number(RETRY_AFTER.as_str()).map(wait),
            refused,
        }
    }

    /// How long a refusal asks to wait.
    pub(super) fn wait_after_refusal(&self) -> Option<Duration> {
        self.retry_after
            .or(self.reset)
            .filter(|wait| !wait.is_zero())
    }
}

/// The gate: requests of one rate limit wait here for their turn.
#[derive(Debug)]
pub(super) struct Pace {
    places: Semaphore,
    bucket: Mutex<Bucket>,
    changed: Notify,
}

/// Permission to send one request. Its holder reports the answer to it; dropped before that, the request counts as sent and
/// unanswered.
pub(super) struct Turn<'a> {
    pace: &'a Pace,
    number: u64,
    answered: bool,
    _place: SemaphorePermit<'a>,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            places: Semaphore::new(PLACES),
            bucket: Mutex::default(),
            changed: Notify::new(),
        }
    }
}

impl Pace {
    /// Waits until a request may be sent, and says so where that takes long.
    pub(super) async fn turn(&self, waits: &Waits) -> Turn<'_> {
        // The semaphore is never closed, so there is always a place in the end.
        let place = loop {
            if let Ok(place) = self.places.acquire().await {
                break place;
            }
        };
        loop {
            let changed = self.changed.notified();
            let ask = self.bucket().ask(Instant::now());
            match ask {
                Ask::Go(number) => {
                    return Turn {
                        pace: self,
                        number,
                        answered: false,
                        _place: place,
                    };
                }
                Ask::Wait(wait) => {
                    waits.say(wait, "the tenant's rate limit");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = changed => {}
                    }
                }
                Ask::WaitForAnswer => changed.await,
            }
        }
    }

    /// Lets no request through for a while.
    pub(super) fn hold(&self, wait: Duration) {
        self.bucket().hold(Instant::now() + wait);
    }

    /// How many requests may go at once right now, and how many a second may follow; None where no answer told of a limit yet.
    pub(super) fn allowed(&self) -> Option<(f64, Option<f64>)> {
        self.bucket().allowed(Instant::now())
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Takes note of what the answer says.
    pub(super) fn answered(mut self, allowance: &Allowance) {
        self.answered = true;
        self.pace
            .bucket()
            .answer(self.number, Instant::now(), allowance);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.pace.bucket().no_answer();
        }
        self.pace.changed.notify_waiters();
    }
}

/// The tenant's token bucket as far as the answers show it.
#[derive(Debug, Default)]
struct Bucket {
    /// What is known of the limit.
    limit: Limit,
    /// Requests sent; each is known by its number, from 1.
    sent: u64,
    /// Requests sent and not yet answered.
    in_flight: u64,
    /// The newest request with an answer. What an older one's answer says is out of date.
    newest: u64,
    /// How many requests were refused. They took nothing out of the bucket.
    refused: u64,
    /// The newest request when the rate was lowered.
    lowered: u64,
    /// No request is sent before this time.
    held_until: Option<Instant>,
    /// When measuring the refill began, and at which level: what was left then, and what had been taken out before.
    since: Option<(Instant, u64)>,
    /// Requests added per second, as measured; a lower bound.
    rate: Option<f64>,
    /// Requests that the full bucket holds.
    size: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy)]
enum Limit {
    /// No answer yet: one request goes ahead to find out.
    #[default]
    Unknown,
    /// The answers name no limit.
    None,
    /// The bucket held this many requests at that time. While the rate is not known, one more is expected after `next`.
    Left {
        requests: f64,
        at: Instant,
        next: Duration,
    },
}

#[derive(Debug, PartialEq)]
enum Ask {
    /// It may be sent, and has this number.
    Go(u64),
    Wait(Duration),
    WaitForAnswer,
}

impl Bucket {
    /// Asks whether one request may be sent. After `Go` it counts as sent.
    fn ask(&mut self, now: Instant) -> Ask {
        if let Some(until) = self.held_until {
            match until.checked_duration_since(now) {
                Some(wait) if !wait.is_zero() => return Ask::Wait(wait),
                _ => self.held_until = None,
            }
        }
        match self.limit {
            Limit::Unknown if self.in_flight > 0 => return Ask::WaitForAnswer,
            Limit::Unknown | Limit::None => {}
            Limit::Left { requests, at, next } => {
                let passed = now.saturating_duration_since(at);
                let probed_after = next.max(PROBED_AFTER);
                let left = match self.rate {
                    Some(rate) => {
                        let left = requests + rate * passed.as_secs_f64();
                        let finds_out = passed >= probed_after && self.in_flight == 0;
                        if finds_out { left.max(1.0) } else { left }
                    }
                    None if passed >= next => requests.max(0.0) + 1.0,
                    None => requests,
                };
                if left < 1.0 {
                    return match self.rate {
                        Some(rate) => {
                            let wait = ((1.0 - left) / rate).min(LONGEST_WAIT.as_secs_f64());
                            let mut wait = Duration::from_secs_f64(wait);
                            if self.in_flight == 0 {
                                wait = wait.min(probed_after.saturating_sub(passed));
                            }
                            Ask::Wait(wait.max(SHORTEST_WAIT))
                        }
                        None if self.in_flight > 0 => Ask::WaitForAnswer,
                        None => Ask::Wait(next - passed.min(next)),
                    };
                }
                self.limit = Limit::Left {
                    requests: left - 1.0,
                    at: now,
                    next,
                };
            }
        }
        self.in_flight += 1;
        self.sent += 1;
        Ask::Go(self.sent)
    }

    /// See [`Pace::allowed`].
    fn allowed(&self, now: Instant) -> Option<(f64, Option<f64>)> {
        let Limit::Left { requests, at, .. } = self.limit else {
            return None;
        };
        let rate = self.rate.or(self.size.and_then(documented_rate));
        let added = rate.unwrap_or(0.0) * now.saturating_duration_since(at).as_secs_f64();
        let full = self.size.map_or(f64::INFINITY, |size| size as f64);
        Some(((requests + added).min(full), rate))
    }

    fn hold(&mut self, until: Instant) {
        self.held_until = Some(self.held_until.map_or(until, |held| held.max(until)));
    }

    fn no_answer(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn answer(&mut self, number: u64, now: Instant, allowance: &Allowance) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.refused += u64::from(allowance.refused);
        let Some(remaining) = allowance.remaining else {
            if matches!(self.limit, Limit::Unknown) {
                self.limit = Limit::None;
            }
            return;
        };
        self.size = allowance.limit.or(self.size);
        if number < self.newest {
            return;
        }
        self.newest = number;
        if allowance.refused {
            // The rate was measured a little too high, or others use the limit too. The refusals of requests that were sent
            // before this one was known say nothing new.
            if number > self.lowered {
                self.rate = self.rate.map(|rate| rate * LOWERED);
                self.lowered = self.sent;
            }
        } else {
            self.measure(now, remaining, allowance.limit);
        }
        let window = SHARED * allowance.limit.unwrap_or(0);
        let is_shared = self.lowered > 0 && number <= self.lowered + window;
        let ours = if is_shared { 0.5 } else { 1.0 };
        self.limit = Limit::Left {
            // The requests that were sent after this one take from the same bucket.
            requests: remaining as f64 * ours - (self.sent - number) as f64,
            at: now,
            next: allowance
                .reset
                .filter(|wait| !wait.is_zero())
                .unwrap_or(BLIND_WAIT),
        };
    }

    /// Measures the refill. What is left and what was taken out, less the same at an earlier time, is what was added since then.
    /// Only whole requests are seen, so the rate is a lower bound, and the longer the measure the closer. What it misses is not
    /// lost: it shows in the next answer's `remaining`.
    fn measure(&mut self, now: Instant, remaining: u64, limit: Option<u64>) {
        let level = remaining + self.newest - self.refused.min(self.newest);
        // To a full bucket nothing is added, so the bound is too low then, and measuring begins anew.
        let full = limit.is_some_and(|limit| remaining + 1 >= limit);
        let passed = |since| now.saturating_duration_since(since);
        if let Some((since, then)) = self
            .since
            .filter(|(since, _)| passed(*since) >= SHORTEST_MEASURE)
        {
            let passed = passed(since).as_secs_f64();
            // At the beginning a request may have been there in part, and have become whole since: one of those that were added
            // may be no full one, and is not counted. A small bucket would be full before the second one, so there it is.
            let small = limit.is_some_and(|limit| limit <= SMALL);
            let doubtful = u64::from(self.rate.is_some() && !small);
            let added = level.saturating_sub(then + doubtful);
            let rate = added as f64 / passed;
            match self.rate {
                _ if added == 0 => {}
                Some(before) if full => self.rate = Some(before.max(rate)),
                _ => self.rate = Some(rate),
            }
        }
        if full || self.since.is_none() {
            self.since = Some((now, level));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// How long a simulated run took, and how often it was refused. The simulation has a true token bucket, a latency, and a clock
    /// of its own.
    #[derive(Debug)]
    struct Run {
        seconds: f64,
        refusals: usize,
    }

    /// An answer on its way: when it arrives, and to which request; whether that was refused, what is left, and the reset.
    type Answer = Reverse<(Instant, u64, bool, u64, u64)>;

    /// A tenant as it is simulated.
    #[derive(Debug, Clone, Copy)]
    struct World {
        rate: f64,
        burst: u64,
        latency: Duration,
        /// What is in its bucket at the start.
        level: f64,
        /// The part of a second that its clock shows then.
        phase: f64,
    }

    /// One of the runs that share the tenant.
    struct One {
        bucket: Bucket,
        to_send: usize,
        done: usize,
        answers: BinaryHeap<Answer>,
        wake: Option<Instant>,
    }

    /// So many runs at once, each with so many requests: how long it took until all were done, and the refusals of all.
    fn simulate(runs: usize, requests: usize, world: World) -> Run {
        let World {
            rate,
            burst,
            latency,
            mut level,
            phase,
        } = world;
        let start = Instant::now();
        let (mut now, mut refilled, mut refusals) = (start, start, 0);
        let mut all: Vec<One> = std::iter::repeat_with(|| One {
            bucket: Bucket::default(),
            to_send: requests,
            done: 0,
            answers: BinaryHeap::new(),
            wake: None,
        })
        .take(runs)
        .collect();
        while all.iter().any(|one| one.done < requests) {
            let mut went = true;
            while std::mem::take(&mut went) {
                for one in &mut all {
                    one.wake = None;
                    if one.to_send == 0 || one.answers.len() >= PLACES {
                        continue;
                    }
                    let number = match one.bucket.ask(now) {
                        Ask::Go(number) => number,
                        Ask::Wait(wait) => {
                            one.wake = Some(now + wait);
                            continue;
                        }
                        Ask::WaitForAnswer => continue,
                    };
                    // The server decides half a latency later; here at once, and the answer takes the whole.
                    level = (level + rate * (now - refilled).as_secs_f64()).min(burst as f64);
                    refilled = now;
                    let refused = level < 1.0;
                    level -= if refused { 0.0 } else { 1.0 };
                    one.to_send -= 1;
                    let until_next = (1.0 - level.fract()) / rate;
                    let reset = ((now - start).as_secs_f64() + phase + until_next).ceil();
                    let answer = (now + latency, number, refused, level as u64, reset as u64);
                    one.answers.push(Reverse(answer));
                    went = true;
                }
            }
            let next = all.iter().flat_map(|one| {
                let answer = one.answers.peek().map(|Reverse((at, ..))| *at);
                one.wake.into_iter().chain(answer)
            });
            now = next.min().unwrap().max(now);
            for one in &mut all {
                while let Some(Reverse((at, number, refused, remaining, reset))) =
                    one.answers.peek().copied()
                    && at <= now
                {
                    one.answers.pop();
                    let clock = (now - start).as_secs_f64() + phase;
                    let allowance = Allowance {
                        limit: Some(burst),
                        remaining: Some(remaining),
                        reset: Some(Duration::from_secs_f64((reset as f64 - clock).max(0.0))),
                        retry_after: None,
                        refused,
                    };
                    one.bucket.answer(number, now, &allowance);
                    if refused {
                        refusals += 1;
                        one.to_send += 1;
                        let wait = allowance.wait_after_refusal().unwrap_or(BLIND_WAIT);
                        one.bucket.hold(now + wait);
                    } else {
                        one.done += 1;
                    }
                }
            }
        }
        Run {
            seconds: (now - start).as_secs_f64(),
            refusals,
        }
    }

    #[test]
    fn runs_take_what_the_limit_takes() {
        for (requests, rate, burst) in [
            (100, 2.0, 10),
            (60, 2.0, 2),
            (200, 16.0, 50),
            (60, 100.0 / 60.0, 5),
            (120, 2.5, 10),
        ] {
            for latency in [1, 5, 20, 60, 100].map(Duration::from_millis) {
                for (tenth, part) in
                    (0..10).flat_map(|tenth| [0.0, 0.3, 0.5, 0.8, 1.0].map(|part| (tenth, part)))
                {
                    let world = World {
                        rate,
                        burst,
                        latency,
                        level: part * burst as f64,
                        phase: f64::from(tenth) / 10.0,
                    };
                    let run = simulate(1, requests, world);
                    let floor = (requests as f64 - world.level) / rate;
                    assert!(
                        run.seconds <= floor * 1.08 + 1.0,
                        "{requests} in {world:?}: {run:?}, floor {floor:.1}"
                    );
                    assert!(run.refusals <= 4, "{requests} in {world:?}: {run:?}");
                }
            }
        }
    }

    /// The runs do not know of each other, and begin at the same moment, which is the worst case.
    #[test]
    fn runs_at_once_share_what_the_limit_allows_for() {
        for (runs, requests, rate, burst) in [
            (2, 100, 16.0, 50),
            (3, 100, 16.0, 50),
            (2, 50, 2.0, 10),
            (2, 30, 2.0, 2),
        ] {
            for latency in [10, 50, 100, 250].map(Duration::from_millis) {
                for tenth in 0..10 {
                    let world = World {
                        rate,
                        burst,
                        latency,
                        level: burst as f64,
                        phase: f64::from(tenth) / 10.0,
                    };
                    let run = simulate(runs, requests, world);
                    let floor = (runs as f64 * requests as f64 - burst as f64) / rate;
                    let what = format!("{runs} of {requests} in {world:?}: {run:?}, {floor:.1}");
                    assert!(run.seconds <= floor * 1.15 + 2.0, "{what}");
                    assert!(run.refusals <= runs * requests / 4, "{what}");
                }
            }
        }
    }

    #[test]
    fn the_first_request_goes_ahead_alone() {
        let mut bucket = Bucket::default();
        let now = Instant::now();
        assert_eq!(bucket.ask(now), Ask::Go(1));
        assert_eq!(bucket.ask(now), Ask::WaitForAnswer);
        bucket.answer(1, now, &Allowance::default());
        assert_eq!(
            [bucket.ask(now), bucket.ask(now), bucket.ask(now)],
            [Ask::Go(2), Ask::Go(3), Ask::Go(4)]
        );
    }

    #[test]
    fn what_the_headers_say_is_bounded() {
        let headers = HeaderMap::from_iter([
            (
                "x-ratelimit-remaining".parse().unwrap(),
                "0".parse().unwrap(),
            ),
            (
                "x-ratelimit-reset".parse().unwrap(),
                "99999999999".parse().unwrap(),
            ),
            (
                RETRY_AFTER,
                "Fri, 31 Dec 1999 23:59:59 GMT".parse().unwrap(),
            ),
        ]);
        let allowance = Allowance::of(&headers, SystemTime::UNIX_EPOCH, true);
        assert_eq!(allowance.wait_after_refusal(), Some(LONGEST_WAIT));
        assert_eq!(allowance.limit, None);
    }
}
