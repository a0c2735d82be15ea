//! What may go wrong on purpose: which fault, on which requests, and when. Pure: requests are described, faults come out.

use std::time::Duration;

use super::random::Chance;

/// One thing that goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers that status (500, 503, …) and does nothing.
    StatusBefore(u16),
    /// Does what was asked, and answers that status all the same.
    StatusAfter(u16),
    /// Answers 429, with `retry-after` in seconds if there is to be one.
    TooManyRequests {
        /// Seconds; 0 asks for an immediate retry.
        retry_after: Option<u64>,
    },
    /// Closes the connection without an answer, and does nothing.
    CloseBefore,
    /// Does what was asked, and closes the connection without an answer.
    CloseAfter,
    /// Never answers, and does nothing.
    HangBefore,
    /// Does what was asked, and never answers.
    HangAfter,
    /// Never answers, and does what was asked only so much later, whether or not anybody still waits for it.
    HangMeanwhile(Duration),
    /// Closes the connection in the middle of the answer's body, whose full length was announced.
    CutBody,
    /// Does what was asked, and answers 200 with JSON that breaks off.
    InvalidJson,
    /// A proxy in between answers 502 with an HTML page; nothing is done.
    ProxyPage,
    /// A list's page lacks its last entry. Only requests for a list meet it.
    ShortPage,
    /// A list's page has its first entry once more in the place of its last. Only requests for a list meet it.
    RepeatedEntry,
    /// Every token issued so far stops working, this request's too.
    RevokeTokens,
}

/// A fault and the requests that meet it. By default: the next request to the API, once.
///
/// ```
/// # use tenantry::testing::{Fault, FaultRule};
/// // The second and third PATCH are carried out, but answered 503.
/// let rule = FaultRule::new(Fault::StatusAfter(503)).method("PATCH").nth(2).times(2);
/// ```
#[derive(Debug, Clone)]
pub struct FaultRule {
    fault: Fault,
    target: Target,
    method: Option<String>,
    path: Option<String>,
    first: u64,
    times: Option<u64>,
    percent: Option<(u8, Chance)>,
    seen: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Api,
    Token,
    Any,
}

impl FaultRule {
    /// That fault on the next request to the API.
    pub fn new(fault: Fault) -> FaultRule {
        FaultRule {
            fault,
            target: Target::Api,
            method: None,
            path: None,
            first: 1,
            times: Some(1),
            percent: None,
            seen: 0,
        }
    }

    /// Only requests of that method count.
    pub fn method(mut self, method: &str) -> FaultRule {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only requests whose path and query contain that text count.
    pub fn path(mut self, part: &str) -> FaultRule {
        self.path = Some(part.to_owned());
        self
    }

    /// Requests to the token endpoint count, and no others.
    pub fn token(mut self) -> FaultRule {
        self.target = Target::Token;
        self
    }

    /// Requests to the token endpoint count as well as those to the API.
    pub fn any(mut self) -> FaultRule {
        self.target = Target::Any;
        self
    }

    /// The first request to meet the fault, from 1, counted among those that the rule is about.
    pub fn nth(mut self, first: u64) -> FaultRule {
        self.first = first.max(1);
        self
    }

    /// How many requests in a row meet the fault.
    pub fn times(mut self, times: u64) -> FaultRule {
        self.times = Some(times);
        self
    }

    /// Every request from the first on meets the fault.
    pub fn always(mut self) -> FaultRule {
        self.times = None;
        self
    }

    /// That share of the requests meets the fault; which ones follows from the seed.
    pub fn percent(mut self, percent: u8, seed: u64) -> FaultRule {
        self.times = None;
        self.percent = Some((percent, Chance::new(seed)));
        self
    }

    fn concerns(&self, asked: &Asked<'_>) -> bool {
        let target = match self.target {
            Target::Api => !asked.is_token,
            Target::Token => asked.is_token,
            Target::Any => true,
        };
        let list = match self.fault {
            Fault::ShortPage | Fault::RepeatedEntry => asked.is_list,
            _ => true,
        };
        target
            && list
            && self
                .method
                .as_deref()
                .is_none_or(|method| method == asked.method)
            && self
                .path
                .as_deref()
                .is_none_or(|part| asked.path.contains(part))
    }

    fn meets(&mut self, asked: &Asked<'_>) -> bool {
        if !self.concerns(asked) {
            return false;
        }
        self.seen += 1;
        let in_window = self.seen >= self.first
            && self
                .times
                .is_none_or(|times| self.seen - self.first < times);
        in_window
            && match &mut self.percent {
                Some((percent, chance)) => chance.percent(*percent),
                None => true,
            }
    }

    fn is_over(&self) -> bool {
        self.times
            .is_some_and(|times| self.seen >= self.first - 1 + times)
    }
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> FaultRule {
        FaultRule::new(fault)
    }
}

/// A request, as far as faults are concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub method: &'a str,
    /// The path with its query.
    pub path: &'a str,
    pub is_token: bool,
    /// Whether it asks for the list of a kind.
    pub is_list: bool,
}

/// The faults that are yet to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<FaultRule>,
    trouble: Option<(u8, Chance)>,
}

impl Faults {
    /// Those rules, and that share of the API's answers failing at random (percent and seed).
    pub(super) fn new(rules: Vec<FaultRule>, trouble: Option<(u8, u64)>) -> Faults {
        Faults {
            rules,
            trouble: trouble.map(|(percent, seed)| (percent, Chance::new(seed))),
        }
    }

    /// Adds a rule.
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    /// Replaces every rule.
    pub(super) fn set(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules;
    }

    /// The fault that the request meets: the first rule's that says so, else one at random.
    pub(super) fn next(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let at = self.rules.iter_mut().position(|rule| rule.meets(asked));
        let fault = at.map(|at| self.rules[at].fault.clone());
        self.rules.retain(|rule| !rule.is_over());
        fault.or_else(|| self.at_random(asked))
    }

    fn at_random(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let (percent, chance) = self.trouble.as_mut()?;
        if asked.is_token || !chance.percent(*percent) {
            return None;
        }
        let status = if chance.percent(50) { 500 } else { 503 };
        Some(if chance.percent(50) {
            Fault::StatusBefore(status)
        } else {
            Fault::StatusAfter(status)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Asked<'_> = asked("POST", "/oauth/token");
    const LIST: Asked<'_> = asked("GET", "/api/v2/clients?page=0");
    const PATCH: Asked<'_> = asked("PATCH", "/api/v2/clients/a");

    const fn asked<'a>(method: &'a str, path: &'a str) -> Asked<'a> {
        Asked {
            method,
            path,
            is_token: path.len() == 12,
            is_list: path.len() == 22,
        }
    }

    fn fates(rule: FaultRule, requests: &[Asked<'_>]) -> String {
        let mut faults = Faults::new(vec![rule], None);
        requests
            .iter()
            .map(|asked| match faults.next(asked) {
                Some(_) => '!',
                None => '.',
            })
            .collect()
    }

    #[test]
    fn a_rule_counts_only_its_requests() {
        let fault = || FaultRule::new(Fault::CloseBefore);
        let traffic = [TOKEN, LIST, PATCH, PATCH, TOKEN, PATCH, LIST];
        assert_eq!(fates(fault(), &traffic), ".!.....");
        assert_eq!(fates(fault().token(), &traffic), "!......");
        assert_eq!(fates(fault().any().always(), &traffic), "!!!!!!!");
        assert_eq!(fates(fault().method("patch").nth(2), &traffic), "...!...");
        assert_eq!(
            fates(fault().method("PATCH").nth(2).times(2), &traffic),
            "...!.!."
        );
        assert_eq!(fates(fault().path("page=0").nth(2), &traffic), "......!");
        assert_eq!(
            fates(FaultRule::new(Fault::ShortPage).always(), &traffic),
            ".!....!"
        );
    }

    #[test]
    fn rules_wait_their_turn_and_run_out() {
        let mut faults = Faults::default();
        faults.add(Fault::CloseBefore.into());
        faults.add(Fault::ProxyPage.into());
        assert_eq!(faults.next(&LIST), Some(Fault::CloseBefore));
        assert_eq!(faults.next(&LIST), Some(Fault::ProxyPage));
        assert_eq!(faults.next(&LIST), None);
        assert!(faults.rules.is_empty());
    }

    #[test]
    fn random_trouble_is_repeatable_and_of_every_kind() {
        let run = || {
            let mut faults = Faults::new(Vec::new(), Some((30, 9)));
            (0..1_000).map(|_| faults.next(&PATCH)).collect::<Vec<_>>()
        };
        let met = run();
        assert_eq!(met, run());
        let failed = met.iter().flatten().count();
        assert!((250..350).contains(&failed), "{failed}");
        for fault in [
            Fault::StatusBefore(500),
            Fault::StatusBefore(503),
            Fault::StatusAfter(500),
            Fault::StatusAfter(503),
        ] {
            assert!(met.contains(&Some(fault)));
        }
    }
}
