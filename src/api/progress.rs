//! The progress of work that takes long: the code that does the work reports it, and the terminal shows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::seconds;

/// The progress of work that takes long. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_shown: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What is being done, how many are done, and of how many.
    doing: Option<(String, usize, Option<usize>)>,
    /// When the first piece of the work began.
    since: Option<Instant>,
    /// Until when the work waits, and why.
    waiting: Option<(Instant, String)>,
}

impl Progress {
    /// A progress that a terminal shows. What it says need not be printed as well.
    pub fn shown() -> Progress {
        Progress(Arc::new(Shared {
            is_shown: true,
            state: Mutex::default(),
        }))
    }

    /// Whether a terminal shows it.
    pub fn is_shown(&self) -> bool {
        self.0.is_shown
    }

    /// A piece of work begins, such as `reading clients`; `of` is how many there are, as soon as that is known.
    pub fn begin(&self, what: impl Into<String>, of: Option<usize>) {
        let mut state = self.state();
        state.doing = Some((what.into(), 0, of));
        state.since.get_or_insert_with(Instant::now);
        state.waiting = None;
    }

    /// So many more are done.
    pub fn advance(&self, by: usize) {
        let mut state = self.state();
        if let Some((_, done, _)) = &mut state.doing {
            *done += by;
        }
        state.waiting = None;
    }

    /// The work waits until then. False where the wait is not shown: no terminal shows progress, or no work has begun.
    pub(super) fn wait(&self, until: Instant, why: &str) -> bool {
        let mut state = self.state();
        state.waiting = Some((until, why.to_owned()));
        self.is_shown() && state.doing.is_some()
    }

    /// The wait is over before its time.
    pub fn end_wait(&self) {
        self.state().waiting = None;
    }

    /// All work is done.
    pub fn end(&self) {
        *self.state() = State::default();
    }

    /// What there is to show at `now`, and for how long it has been going on.
    pub fn line(&self, now: Instant) -> Option<(String, Duration)> {
        let state = self.state();
        let (what, done, of) = state.doing.as_ref()?;
        let mut line = match (*done, *of) {
            (done, Some(of)) => format!("{what}: {done} of {of}"),
            (0, None) => what.clone(),
            (done, None) => format!("{what}: {done}"),
        };
        if let Some((until, why)) = &state.waiting
            && let Some(left) = until.checked_duration_since(now)
        {
            line.push_str(&format!("; waiting {}: {why}", seconds(left)));
        }
        let since = state.since.unwrap_or(now);
        Some((line, now.saturating_duration_since(since)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_to_show() {
        let progress = Progress::default();
        let start = Instant::now();
        let line = |progress: &Progress| progress.line(start).map(|(line, _)| line);
        assert_eq!(line(&progress), None);
        progress.begin("reading clients", None);
        assert_eq!(line(&progress).unwrap(), "reading clients");
        progress.begin("reading clients", Some(250));
        progress.advance(100);
        progress.wait(start + Duration::from_secs(3), "the tenant's rate limit");
        assert_eq!(
            line(&progress).unwrap(),
            "reading clients: 100 of 250; waiting 3.0 s: the tenant's rate limit"
        );
        progress.end_wait();
        assert_eq!(line(&progress).unwrap(), "reading clients: 100 of 250");
        progress.wait(start + Duration::from_secs(3), "the tenant's rate limit");
        progress.advance(100);
        assert_eq!(line(&progress).unwrap(), "reading clients: 200 of 250");
        let later = progress.line(start + Duration::from_secs(60)).unwrap().1;
        assert!(later > Duration::from_secs(50));
        progress.end();
        assert_eq!(line(&progress), None);
    }
}
