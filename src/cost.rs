//! What a run costs, before it begins: how many requests, and how long the tenant's limit makes them take. Pure.

use std::fmt;

/// What is known of how fast requests may go.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Allowed {
    /// How many may go at once right now; None where no limit is known.
    pub at_once: Option<f64>,
    /// How many a second may follow; None where nobody knows.
    pub per_second: Option<f64>,
    /// How many a second may go at most by the user's own wish.
    pub max_rate: Option<f64>,
}

/// What a run costs. It reads as `12 requests, about 6 s at 2 a second`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    requests: usize,
    wait: Wait,
}

/// How long the limit makes a run take.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wait {
    /// Not at all.
    None,
    /// So many seconds, at so many requests a second.
    Seconds(f64, f64),
    /// Nobody knows: so many requests go at once, and the others later.
    Unknown(f64),
}

/// A shorter wait is not worth a word.
const SHORT: f64 = 1.0;
/// A day between two requests is as good as any longer time.
const SLOWEST: f64 = 1.0 / 86_400.0;

impl Cost {
    /// What so many requests cost.
    pub fn of(requests: usize, allowed: Allowed) -> Cost {
        let count = requests as f64;
        // The first request need not wait for the one before it.
        let own = allowed.max_rate.map(|rate| rate.max(SLOWEST));
        let own = own.map(|rate| ((count - 1.0) / rate, rate));
        let left_over = allowed.at_once.map(|at_once| count - at_once.max(0.0));
        let tenants = match (left_over, allowed.per_second) {
            (Some(left_over), Some(rate)) => Some((left_over / rate, rate)),
            (Some(left_over), None) if left_over > 0.0 => {
                let slow = own.filter(|(seconds, _)| *seconds > SHORT);
                return Cost {
                    requests,
                    wait: match slow {
                        // The user's own rate is at least known.
                        Some((seconds, rate)) => Wait::Seconds(seconds, rate),
                        None => Wait::Unknown(count - left_over),
                    },
                };
            }
            _ => None,
        };
        let longest = own.into_iter().chain(tenants);
        let longest = longest.max_by(|one, other| one.0.total_cmp(&other.0));
        let wait = longest.filter(|(seconds, _)| *seconds > SHORT);
        Cost {
            requests,
            wait: wait.map_or(Wait::None, |(seconds, rate)| Wait::Seconds(seconds, rate)),
        }
    }

    /// Whether it takes so long that somebody who is not asked should know.
    pub fn is_worth_a_word(&self) -> bool {
        self.wait != Wait::None
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.requests;
        let many = if requests == 1 { "" } else { "s" };
        write!(f, "{requests} request{many}")?;
        match self.wait {
            Wait::None => Ok(()),
            Wait::Seconds(seconds, rate) => {
                write!(f, ", about {} at {}", time(seconds), per_time(rate))
            }
            Wait::Unknown(at_once) => {
                write!(
                    f,
                    ", of which the tenant's limit lets {at_once:.0} through at once"
                )
            }
        }
    }
}

/// So many seconds, in the unit that reads best.
fn time(seconds: f64) -> String {
    let (many, unit) = match seconds {
        seconds if seconds < 90.0 => (seconds, "s"),
        seconds if seconds < 5_400.0 => (seconds / 60.0, "min"),
        seconds => (seconds / 3_600.0, "h"),
    };
    format!("{:.0} {unit}", many.ceil())
}

/// So many a second, or an hour, with as many digits as say something.
fn per_time(rate: f64) -> String {
    let (rate, time) = match rate {
        rate if rate >= 0.1 => (rate, "a second"),
        rate => (rate * 3_600.0, "an hour"),
    };
    let is_whole = rate >= 10.0 || (rate - rate.round()).abs() < 0.05;
    match is_whole && rate >= 1.0 {
        true => format!("{rate:.0} {time}"),
        false => format!("{rate:.1} {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_costs() {
        let cost = |requests, at_once, per_second, max_rate| {
            let allowed = Allowed {
                at_once,
                per_second,
                max_rate,
            };
            Cost::of(requests, allowed).to_string()
        };
        let costs = [
            cost(1, None, None, None),
            cost(12, None, None, None),
            cost(12, Some(50.0), Some(16.0), None),
            cost(12, Some(0.0), Some(2.0), None),
            cost(100, Some(9.0), Some(1.97), None),
            cost(100, Some(-3.0), Some(1.66), None),
            cost(5000, Some(50.0), Some(16.4), None),
            cost(100, Some(9.0), None, None),
            cost(100, Some(9.0), None, Some(4.0)),
            cost(100, None, None, Some(0.5)),
            cost(100, Some(9.0), Some(2.0), Some(1.0)),
            cost(100, Some(9.0), Some(2.0), Some(100.0)),
            cost(3, None, None, Some(1e-300)),
            cost(0, Some(0.0), None, Some(1.0)),
        ];
        insta::assert_snapshot!(costs.join("\n"), @"
        1 request
        12 requests
        12 requests
        12 requests, about 6 s at 2 a second
        100 requests, about 47 s at 2 a second
        100 requests, about 61 s at 1.7 a second
        5000 requests, about 6 min at 16 a second
        100 requests, of which the tenant's limit lets 9 through at once
        100 requests, about 25 s at 4 a second
        100 requests, about 4 min at 0.5 a second
        100 requests, about 2 min at 1 a second
        100 requests, about 46 s at 2 a second
        3 requests, about 48 h at 0.0 an hour
        0 requests
        ");
    }
}
