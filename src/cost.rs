//! What a run costs, before it begins: how many requests, and how long the tenant's limit makes them take. Pure.

use std::fmt;
use std::time::Duration;

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

impl Cost {
    /// What so many requests cost.
    pub fn of(requests: usize, allowed: Allowed) -> Cost {
        let count = requests as f64;
        // The first request need not wait for the one before it.
        let own = allowed.max_rate.map(|rate| ((count - 1.0) / rate, rate));
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
                // Nobody waits for 366 years, and a rate of almost nothing would say so.
                let seconds = Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(Duration::MAX);
                let time = match seconds.as_secs() {
                    seconds @ 0..90 => format!("{seconds} s"),
                    seconds => format!("{} min", seconds.div_ceil(60)),
                };
                write!(f, ", about {time} at {} a second", rounded(rate))
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

/// A rate with as many digits as say something.
fn rounded(rate: f64) -> String {
    let digits = match rate {
        rate if rate >= 10.0 || (rate - rate.round()).abs() < 0.05 => 0,
        rate if rate >= 0.1 => 1,
        _ => 3,
    };
    format!("{rate:.digits$}")
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
        insta::assert_snapshot!(costs.join("\n"), @"");
    }
}
