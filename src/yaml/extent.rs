//! Where things end in a YAML text that is known to be well-formed: blanks, quoted scalars, block scalars.

/// The first offset from `at` on that is neither white space nor in a comment.
pub(super) fn skip_blank(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'#' => {
                while bytes
                    .get(at)
                    .is_some_and(|byte| !matches!(byte, b'\n' | b'\r'))
                {
                    at += 1;
                }
            }
            _ => break,
        }
    }
    at
}

/// Where the quoted scalar that starts at `start` ends.
pub(super) fn quoted_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes.get(start).copied().unwrap_or_default();
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'\\' && quote == b'"' {
            at += 1;
        } else if *byte == quote {
            if quote == b'\'' && bytes.get(at + 1) == Some(&quote) {
                at += 1;
            } else {
                return at + 1;
            }
        }
        at += 1;
    }
    text.len()
}

/// Where the header of the block scalar that starts at `start` ends, and where its last line of text does (with `+`, its last blank
/// line). The parser says that it ends at `parsed_end`, which is somewhere in the white space behind.
pub(super) fn block_ends(
    text: &str,
    start: usize,
    parsed_end: usize,
    empty: bool,
) -> (usize, usize) {
    let rest = text.get(start..).unwrap_or_default();
    let header = rest
        .find(|c: char| !matches!(c, '|' | '>' | '+' | '-' | '0'..='9'))
        .unwrap_or(rest.len());
    let body = text.get(start..parsed_end).unwrap_or_default();
    let keep = rest
        .get(..header)
        .is_some_and(|header| header.contains('+'));
    let length = if empty {
        header
    } else if keep {
        body.trim_end_matches([' ', '\t'])
            .trim_end_matches('\n')
            .len()
    } else {
        body.trim_end().len()
    };
    (start + header, start + length.max(header))
}
