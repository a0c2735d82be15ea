//! Names as they are compared: to people, `é` is one letter, whether a file system keeps it as one or as an `e` with an accent.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// The text with its accents encoded as Unicode composes them (NFC), which is how most keyboards type them.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => ComposingNormalizerBorrowed::new_nfc().normalize(text),
    }
}
