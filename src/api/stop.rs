//! A request to stop, as Ctrl-C makes one: what is under way is finished, and nothing more is started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether somebody asked for a stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    wished: AtomicBool,
    changed: Notify,
}

impl Stop {
    /// Asks for the stop.
    pub fn wish(&self) {
        self.0.wished.store(true, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Whether somebody asked for it.
    pub fn is_wished(&self) -> bool {
        self.0.wished.load(Ordering::SeqCst)
    }

    /// Waits until somebody asks for it.
    pub(super) async fn wished(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.is_wished() {
                return;
            }
            changed.await;
        }
    }
}
