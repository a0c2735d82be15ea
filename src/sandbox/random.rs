//! Chance: repeatable numbers for faults and order, and unguessable text for tokens and client ids.

use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Repeatable pseudo-random numbers (SplitMix64): the same seed gives the same sequence.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// The sequence of that seed.
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// The sequence's next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True in that many of a hundred cases.
    pub(super) fn percent(&mut self, percent: u8) -> bool {
        self.next() % 100 < u64::from(percent)
    }
}

/// Text of 32 characters of `[A-Za-z0-9]` that follows from `what`.
pub(super) fn derived_id(what: &str) -> String {
    derived_like(&"x".repeat(32), what)
}

/// An id that looks like the example and follows from `what`.
pub(super) fn derived_like(example: &str, what: &str) -> String {
    like(
        example,
        digest::digest(&digest::SHA256, what.as_bytes()).as_ref(),
    )
}

/// An id that looks like the example and that nobody can guess; None where the system has no randomness.
pub(super) fn fresh_like(example: &str) -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(like(example, &bytes))
}

/// Text of 32 characters of `[A-Za-z0-9]` that nobody can guess; None where the system has no randomness.
pub(super) fn fresh_id() -> Option<String> {
    fresh_like(&"x".repeat(32))
}

/// As long as the example, with the same prefix up to `_`, and in digits or hexadecimal digits if the rest of the example is.
fn like(example: &str, bytes: &[u8]) -> String {
    let (prefix, rest) = example.split_at(example.find('_').map_or(0, |at| at + 1));
    let is_hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    let alphabet = match () {
        () if rest.chars().all(|c| c.is_ascii_digit()) => &b"0123456789"[..],
        () if rest.chars().all(is_hex) => b"0123456789abcdef",
        () => ALPHABET,
    };
    let characters = bytes.iter().map(|byte| {
        let at = usize::from(*byte) % alphabet.len();
        char::from(alphabet[at])
    });
    let characters = characters.take(example.len()).skip(prefix.len());
    prefix.chars().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_repeats_itself_and_hits_its_share() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            (0..5).map(|_| chance.next()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        let mut chance = Chance::new(7);
        let hits = (0..10_000).filter(|_| chance.percent(20)).count();
        assert!((1_850..2_150).contains(&hits), "{hits} of 10,000");
    }

    #[test]
    fn ids_look_like_client_ids() {
        for id in [derived_id("web-app"), fresh_id().unwrap()] {
            assert_eq!(id.len(), 32);
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
        }
        let role = derived_like("rol_AbCdEfGhIjKlMnOp", "editor");
        assert!(role.starts_with("rol_") && role.len() == 20, "{role}");
        let stream = derived_like("lst_0000000000014569", "operations");
        assert!(stream[4..].bytes().all(|byte| byte.is_ascii_digit()));
        let api = derived_like("6894adff31e56f3d4b1be230", "billing");
        assert!(api.len() == 24 && !api.contains(|c: char| !c.is_ascii_hexdigit()));
        assert_eq!(derived_id("a"), derived_id("a"));
        assert_ne!(fresh_id(), fresh_id());
    }
}
