//! What the sandbox was asked: every request in arrival order, with what it answered.

use std::collections::VecDeque;

use serde_json::Value;

/// The oldest requests are forgotten past this many, so that a sandbox may serve for days.
const MOST: usize = 100_000;

/// A request that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The body: JSON as sent, a form as an object of texts, anything else as text; None where there was none.
    pub body: Option<Value>,
    /// The answer's status; 0 where there was no answer (or not yet).
    pub status: u16,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    requests: VecDeque<Request>,
    /// How many requests were forgotten; numbers handed out count them.
    forgotten: u64,
}

impl Journal {
    /// Notes a request, and returns its number.
    pub(super) fn push(&mut self, request: Request) -> u64 {
        if self.requests.len() == MOST {
            self.requests.pop_front();
            self.forgotten += 1;
        }
        self.requests.push_back(request);
        self.forgotten + self.requests.len() as u64 - 1
    }

    /// Notes the status that was answered to the request of that number.
    pub(super) fn answered(&mut self, number: u64, status: u16) {
        let entry = number
            .checked_sub(self.forgotten)
            .and_then(|at| self.requests.get_mut(usize::try_from(at).ok()?));
        if let Some(entry) = entry {
            entry.status = status;
        }
    }

    /// Every request that is remembered.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.iter().cloned().collect()
    }

    /// Forgets every request.
    pub(super) fn clear(&mut self) {
        self.forgotten += self.requests.len() as u64;
        self.requests.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_never_lands_on_another_request() {
        let request = |path: &str| Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            body: None,
            status: 0,
        };
        let mut journal = Journal::default();
        let early = journal.push(request("/early"));
        journal.clear();
        let late = journal.push(request("/late"));
        journal.answered(early, 500);
        assert_eq!(journal.requests(), [request("/late")]);
        journal.answered(late, 200);
        assert_eq!(journal.requests()[0].status, 200);
    }
}
