//! Room for answers in memory: a limit to the size of one, and to that of all that are under way together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The size of the largest answer that is read, in bytes. None of the API's comes near it.
pub(super) const LARGEST: usize = 16 * 1024 * 1024;
/// Up to this size an answer never waits for room. Pages of a hundred clients are smaller.
const SMALL: usize = 4 * 1024 * 1024;
/// What a JSON value takes in memory beside its text: a list of single digits takes many times its size.
const VALUE: usize = 64;

/// The room is enough for one large answer, so that several large ones are read one after the other.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// The room that an answer takes, until this is dropped. A small answer takes none.
#[derive(Debug, Default)]
pub(super) struct Taken(Option<OwnedSemaphorePermit>);

/// An answer that there is no room for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Default for Room {
    fn default() -> Self {
        Room(Arc::new(Semaphore::new(1)))
    }
}

impl Room {
    /// Waits until there is room for an answer of this size, of which a part may have been taken before.
    pub(super) async fn take(&self, taken: &mut Taken, size: usize) -> Result<(), TooLarge> {
        if size > LARGEST {
            return Err(TooLarge);
        }
        if size > SMALL && taken.0.is_none() {
            // The semaphore is never closed.
            taken.0 = Arc::clone(&self.0).acquire_owned().await.ok();
        }
        Ok(())
    }
}

/// Whether a body would take more memory as values than an answer may.
pub(super) fn is_too_many(body: &[u8]) -> bool {
    let values = body.iter().filter(|byte| b",[{".contains(byte)).count();
    body.len() + values * VALUE > 4 * LARGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn large_answers_wait_for_each_other_and_small_ones_for_nobody() {
        let room = Room::default();
        let (mut one, mut other, mut small) = Default::default();
        let take = |taken: &mut Taken, size| room.take(taken, size).now_or_never();
        assert_eq!(take(&mut one, SMALL), Some(Ok(())));
        assert_eq!(take(&mut one, SMALL + 1), Some(Ok(())));
        assert_eq!(take(&mut other, LARGEST), None);
        assert_eq!(take(&mut small, SMALL), Some(Ok(())));
        assert_eq!(take(&mut one, LARGEST), Some(Ok(())));
        assert_eq!(take(&mut one, LARGEST + 1), Some(Err(TooLarge)));
        drop(one);
        assert_eq!(take(&mut other, LARGEST), Some(Ok(())));
    }

    #[test]
    fn values_weigh_more_than_their_text() {
        assert!(!is_too_many(&vec![b'x'; LARGEST]));
        assert!(is_too_many(&b"0,".repeat(1024 * 1024)));
    }
}
