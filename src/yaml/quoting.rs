//! How text is written: plain only where every YAML 1.1 and 1.2 parser reads that very text, otherwise in double quotes
//! with everything that can't be seen escaped, or as a literal block.

/// The longest key that may stand before its `:` on one line (YAML's limit is 1024 characters).
pub(super) const MAX_KEY: usize = 1000;

/// Words that some parser takes for null, a boolean or a number, in lower case.
const WORDS: [&str; 14] = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "none", "nan", "inf",
    "infinity",
];

/// The text as a scalar on one line: plain, or in double quotes. `flow`: for a place within brackets.
pub(super) fn scalar(text: &str, flow: bool) -> String {
    // Within brackets parsers differ more: on `:`, and on `-` after a blank.
    let in_doubt =
        |text: &str| text.contains([',', '[', ']', '{', '}', ':', '?', ' ']) || text.ends_with('-');
    if is_plain(text) && !(flow && in_doubt(text)) {
        text.to_owned()
    } else {
        double(text)
    }
}

/// Whether the text needs no quotes outside brackets.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let starts_plainly = first.is_ascii_alphanumeric()
        || matches!(first, '_' | '/' | '(' | '$')
        || (!first.is_ascii() && first.is_alphabetic());
    // What begins with a digit is text to every parser only if it has a character that no number, date or time has.
    let like_number = first.is_ascii_digit()
        && text.chars().all(|c| {
            c.is_ascii_hexdigit()
                || matches!(c, 'x' | 'X' | 'o' | 'O' | 't' | 'T' | 'z' | 'Z')
                || matches!(c, '_' | '.' | ':' | '+' | '-' | ' ' | ',')
        });
    starts_plainly
        && !like_number
        && text.chars().all(is_ordinary)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// The text in double quotes, on one line.
pub(super) fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_ordinary(c) => out.push(c),
            c => out.push_str(&match u32::from(c) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            }),
        }
    }
    out.push('"');
    out
}

/// The text in single quotes, where it can be.
pub(super) fn single(text: &str) -> Option<String> {
    text.chars()
        .all(is_ordinary)
        .then(|| format!("'{}'", text.replace('\'', "''")))
}

/// The header of the literal block that is exactly this text, where there is one that no parser or editor spoils.
pub(super) fn literal(text: &str) -> Option<&'static str> {
    let (lines, header) = match text.strip_suffix('\n') {
        Some(lines) => (lines, "|"),
        None => (text, "|-"),
    };
    let robust = text.contains('\n')
        && !lines.is_empty()
        && !lines.starts_with([' ', '\n'])
        && lines.split('\n').all(|line| {
            !line.ends_with([' ', '\t'])
                && !line.starts_with('\t')
                && line.chars().all(|c| c == '\t' || is_ordinary(c))
        })
        && !lines.ends_with('\n');
    robust.then_some(header)
}

/// Whether the character can be seen and stands for itself: not a control, a format or bidi character, an invisible or
/// unassigned one, or white space other than a blank.
fn is_ordinary(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{a0}' => false,
        // Unicode does not count these among the format characters, and yet they can't be seen.
        '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        // `escape_debug` knows what can be printed. It is asked about the second of two characters, since it escapes a combining
        // mark that comes first.
        c => {
            let mut text = String::from("a");
            text.push(c);
            text.escape_debug().nth(1) == Some(c)
        }
    }
}
