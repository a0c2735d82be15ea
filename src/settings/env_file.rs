//! Reads our variables from one .env file. dotenvy decodes the values; since it takes some common mistakes for values
//! (`KEY="abc";` becomes `abc;`, `pa$$word` becomes `pa`), each line goes through a strict scan first, which has to come
//! to the same value, so that a line either means what it seems to mean or is an error.

use std::io::{self, Read};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::error::{LineProblem, SettingsError};
use super::origin::Variable;
use crate::opening;

/// No .env file that a person wrote is larger, in bytes.
const MAX_SIZE: u64 = 1_000_000;

/// One of our variables, as a file gives it.
pub(super) struct Assignment {
    pub variable: &'static str,
    pub value: SecretString,
    /// From 1.
    pub line: usize,
}

/// Reads the file at `path`, which errors call `shown`. `None` when there is no such file.
pub(super) fn read(path: &Path, shown: &Path) -> Result<Option<Vec<Assignment>>, SettingsError> {
    let unreadable = |source| SettingsError::Unreadable {
        path: shown.to_owned(),
        source,
    };
    let file = match opening::open_own(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(SettingsError::TooLarge {
            path: shown.to_owned(),
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| SettingsError::NotUtf8 {
        path: shown.to_owned(),
    })?;
    parse(&text, shown).map(Some)
}

/// Our variables in a file's text, each once. Everything else in it is left alone.
pub(super) fn parse(text: &str, shown: &Path) -> Result<Vec<Assignment>, SettingsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n");
    let mut lines = (1..).zip(text.split(['\n', '\r']));
    let mut entries: Vec<Assignment> = Vec::new();

    while let Some((line, content)) = lines.next() {
        let problem = |variable, problem| SettingsError::Line {
            path: shown.to_owned(),
            line,
            variable,
            problem,
        };
        match Head::of(content) {
            Head::Nothing => {}
            Head::Unclear(variable) => return Err(problem(variable, LineProblem::Form)),
            Head::Other(rest) => {
                let Some(mut open) = open_quote(rest) else {
                    continue;
                };
                for (inner, content) in lines.by_ref() {
                    // A quote that somebody forgot to close would hide the setting, so that is an error.
                    if let Head::Ours(variable, _) = Head::of(content) {
                        return Err(SettingsError::Line {
                            path: shown.to_owned(),
                            line: inner,
                            variable,
                            problem: LineProblem::Swallowed { opened: line },
                        });
                    }
                    match still_open(content, open) {
                        Some(quote) => open = quote,
                        None => break,
                    }
                }
            }
            Head::Ours(variable, rest) => {
                let value = value(variable, rest).map_err(|reason| problem(variable, reason))?;
                match entries.iter().find(|entry| entry.variable == variable) {
                    None => entries.push(Assignment {
                        variable,
                        value,
                        line,
                    }),
                    Some(first) if first.value.expose_secret() == value.expose_secret() => {}
                    Some(first) => {
                        return Err(SettingsError::Repeated {
                            path: shown.to_owned(),
                            variable,
                            first: first.line,
                            second: line,
                        });
                    }
                }
            }
        }
    }
    Ok(entries)
}

/// What the part of a line before its value says, and the rest after the `=`.
enum Head<'a> {
    Nothing,
    Ours(&'static str, &'a str),
    Other(&'a str),
    /// No assignment, though it mentions one of our variables.
    Unclear(&'static str),
}

impl<'a> Head<'a> {
    fn of(line: &'a str) -> Self {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Self::Nothing;
        }
        // `export` may be a key itself: `export=1`.
        let assignment = line
            .strip_prefix("export")
            .filter(|rest| rest.starts_with(char::is_whitespace))
            .and_then(assignment)
            .or_else(|| assignment(line));
        match assignment {
            Some((key, rest)) => match Variable::find(key) {
                Some(variable) => Self::Ours(variable, rest),
                None => Self::Other(rest),
            },
            None => line
                .split(|c| !is_key(c))
                .find_map(Variable::find)
                .map_or(Self::Nothing, Self::Unclear),
        }
    }
}

/// `KEY = rest` as key and rest.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let (key, rest) = text.split_once('=')?;
    let key = key.trim();
    (!key.is_empty() && key.chars().all(is_key)).then_some((key, rest))
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// The quote that another variable's value begins with and that its line leaves open.
fn open_quote(rest: &str) -> Option<char> {
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| is_quote(*c))?;
    still_open(&rest[1..], quote)
}

/// `quote` again, when `text` does not close it.
fn still_open(text: &str, quote: char) -> Option<char> {
    let mut escaped = false;
    for c in text.chars() {
        if escaped {
            escaped = false;
        } else if c == quote {
            return None;
        } else {
            escaped = c == '\\' && quote == '"';
        }
    }
    Some(quote)
}

fn is_quote(c: char) -> bool {
    matches!(c, '\'' | '"' | '`')
}

/// The value of one of our variables, from what follows its `=`.
fn value(variable: &str, rest: &str) -> Result<SecretString, LineProblem> {
    let (token, expected) = scan(rest)?;
    let decoded =
        decode(variable, token).filter(|(key, decoded)| key == variable && decoded == expected);
    match decoded {
        Some((_, value)) => Ok(value.into()),
        None => Err(LineProblem::Unreadable),
    }
}

/// Has dotenvy decode one value, written as `token`. Its errors are dropped, since they quote the line.
fn decode(variable: &str, token: &str) -> Option<(String, String)> {
    // dotenvy splits lines before it parses them. The splitter takes the end of 'abc\' for an escaped quote, the parser does
    // not. After a comment with one more quote, both see a closed value.
    let line = format!("{variable}={token} #'\n");
    dotenvy::from_read_iter(line.as_bytes()).next()?.ok()
}

/// Splits what follows the `=` into the value as it is written and the value it stands for.
fn scan(rest: &str) -> Result<(&str, &str), LineProblem> {
    let text = rest.trim();
    match text.chars().next() {
        None => Ok(("", "")),
        Some('#') if rest.starts_with(char::is_whitespace) => Ok(("", "")),
        Some(quote @ ('\'' | '"')) => quoted(text, quote),
        Some(_) => unquoted(text),
    }
}

fn quoted(text: &str, quote: char) -> Result<(&str, &str), LineProblem> {
    let Some(end) = text[1..].find(quote).map(|end| end + 1) else {
        return Err(LineProblem::Unclosed);
    };
    let (token, value, after) = (&text[..=end], &text[1..end], &text[end + 1..]);
    if quote == '"' {
        if value.contains('$') {
            return Err(LineProblem::Dollar);
        }
        if value.contains('\\') {
            return Err(LineProblem::Backslash);
        }
    }
    if is_end(after) {
        Ok((token, value))
    } else {
        Err(LineProblem::AfterQuote)
    }
}

fn unquoted(text: &str) -> Result<(&str, &str), LineProblem> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (token, after) = text.split_at(end);
    let (token, after_is_fine) = match token.strip_suffix(';') {
        Some(token) => (token, is_comment(after)),
        None => (token, is_end(after)),
    };
    for c in token.chars() {
        match c {
            ';' => return Err(LineProblem::Semicolon),
            '$' => return Err(LineProblem::Dollar),
            '\\' => return Err(LineProblem::Backslash),
            '#' => return Err(LineProblem::Hash),
            // Text that is copied from a document has typographic quotes.
            '\u{2018}'..='\u{201f}' => return Err(LineProblem::Quote),
            c if is_quote(c) => return Err(LineProblem::Quote),
            c if c.is_control() => return Err(LineProblem::Control),
            _ => {}
        }
    }
    if after_is_fine {
        Ok((token, token))
    } else {
        Err(LineProblem::Space)
    }
}

/// Whether a value may end before `after`: at most one `;`, then at most a comment.
fn is_end(after: &str) -> bool {
    is_comment(after) || after.trim_start().strip_prefix(';').is_some_and(is_comment)
}

/// Whether `after` is nothing, or white space and a comment.
fn is_comment(after: &str) -> bool {
    let text = after.trim_start();
    text.is_empty() || (text.starts_with('#') && text.len() < after.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each of our variables and its value, or the error's text, with `␀` for an empty value.
    fn show(text: &str) -> String {
        match parse(text, Path::new(".env")) {
            Ok(entries) => {
                let line = |entry: &Assignment| {
                    let value = entry.value.expose_secret();
                    let value = if value.is_empty() { "␀" } else { value };
                    format!("{}:{}={value}", entry.line, entry.variable)
                };
                entries.iter().map(line).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_usual_form_gives_the_value() {
        for line in [
            "CLIENT_ID=abc",
            "CLIENT_ID=abc;",
            "CLIENT_ID=abc ;",
            "CLIENT_ID=abc; # note",
            "CLIENT_ID=abc # note; 'or \"so",
            "CLIENT_ID = abc",
            "  export   CLIENT_ID=abc  ",
            "export\tCLIENT_ID = 'abc' ;",
            "CLIENT_ID=\"abc\"",
            "CLIENT_ID=\"abc\";",
            "CLIENT_ID=\"abc\" ;",
            "CLIENT_ID='abc'",
            "CLIENT_ID='abc';",
            "CLIENT_ID='abc' ; # note",
            "CLIENT_ID='abc'; # it's",
            "CLIENT_ID=\"abc\" # note",
            "CLIENT_ID=\u{a0}abc\u{a0}",
            "\u{feff}CLIENT_ID=abc",
            "CLIENT_ID=abc\r",
        ] {
            assert_eq!(show(line), "1:CLIENT_ID=abc", "{line}");
        }
        for line in [
            "CLIENT_ID=",
            "CLIENT_ID=;",
            "CLIENT_ID=\"\"",
            "CLIENT_ID='';",
            "CLIENT_ID= # yours",
        ] {
            assert_eq!(show(line), "1:CLIENT_ID=␀", "{line}");
        }
    }

    #[test]
    fn single_quotes_are_exact() {
        for value in [
            "a;", ";", "$a${b}", r"a\", r"\", r"a\\", "a #b", "\"a\"", " a ", "\t`",
        ] {
            for end in ["", ";", " ; # it's", " # \"note"] {
                assert_eq!(
                    show(&format!("CLIENT_SECRET='{value}'{end}")),
                    format!("1:CLIENT_SECRET={value}"),
                );
            }
        }
    }

    #[test]
    fn a_copied_file_with_semicolons_is_read() {
        insta::assert_snapshot!(
            show("CLIENT_DOMAIN=\"acme.eu.auth0.com\";\r\nCLIENT_ID=\"abc\";\r\nCLIENT_SECRET=\"s3\";\r\n"),
            @"1:CLIENT_DOMAIN=acme.eu.auth0.com 2:CLIENT_ID=abc 3:CLIENT_SECRET=s3"
        );
    }

    #[test]
    fn old_line_ends_are_lines_too() {
        insta::assert_snapshot!(show("# a\rCLIENT_ID=abc\rCLIENT_SECRET='s3'\r"), @"2:CLIENT_ID=abc 3:CLIENT_SECRET=s3");
    }

    #[test]
    fn other_variables_do_not_matter() {
        insta::assert_snapshot!(
            show("GREETING=it's nice\nPORT = $HOME;x\n???\nKEY=\"-----BEGIN\nabc \\\" = \n-----END\"\nCLIENT_ID=abc\nLAST='open\n"),
            @"7:CLIENT_ID=abc"
        );
        insta::assert_snapshot!(show("MY_CLIENT_ID\nURL=http://a/?CLIENT_ID=x\nexport=1\nCLIENT_ID_2=$x"), @"");
    }

    #[test]
    fn an_open_quote_does_not_swallow_a_setting() {
        insta::assert_snapshot!(show("NOTE=\"abc\n\nCLIENT_ID=abc\nLAST=\"\""), @".env:3: CLIENT_ID is inside a quoted value that begins on line 1 and is still open here");
    }

    #[test]
    fn the_same_value_twice_is_fine() {
        insta::assert_snapshot!(show("CLIENT_ID=abc\nCLIENT_ID='abc';"), @"1:CLIENT_ID=abc");
        insta::assert_snapshot!(show("CLIENT_ID=abc\n\nCLIENT_ID=abd"), @".env:3: CLIENT_ID has another value than on line 1");
        insta::assert_snapshot!(show("CLIENT_ID=abc\nCLIENT_ID="), @".env:2: CLIENT_ID has another value than on line 1");
    }

    #[test]
    fn doubtful_lines_are_errors() {
        let lines = [
            r##"CLIENT_SECRET=pa$$word"##,
            r##"CLIENT_SECRET="pa$word""##,
            r##"CLIENT_SECRET="pa\nword""##,
            r##"CLIENT_SECRET="pa\"word""##,
            r##"CLIENT_SECRET=pa\word"##,
            r##"CLIENT_SECRET="password"##,
            r##"CLIENT_SECRET='password;"##,
            r##"CLIENT_SECRET="password"x"##,
            r##"CLIENT_SECRET="password";;"##,
            r##"CLIENT_SECRET="password"# note"##,
            r##"CLIENT_SECRET="pass"'word'"##,
            r##"CLIENT_SECRET=pass word"##,
            r##"CLIENT_SECRET=pass;word"##,
            r##"CLIENT_SECRET=password;;"##,
            r##"CLIENT_SECRET=password;# note"##,
            r##"CLIENT_SECRET=pass#word"##,
            r##"CLIENT_SECRET=#password"##,
            r##"CLIENT_SECRET=pass"word""##,
            r##"CLIENT_SECRET=`password`"##,
            "CLIENT_SECRET=\u{201c}password\u{201d}",
            "CLIENT_SECRET=pass\0word",
            r##"CLIENT_SECRET: password"##,
            r##"set CLIENT_SECRET=password"##,
            r##""CLIENT_SECRET"="password""##,
        ];
        for line in lines {
            let shown = show(line);
            assert!(
                !shown.contains("word\"") && !shown.contains("pass"),
                "{shown}"
            );
        }
        insta::assert_snapshot!(
            lines.map(|line| format!("{}\n    {}", line.escape_debug(), show(line))).join("\n"),
            @r##"
        CLIENT_SECRET=pa$$word
            .env:1: CLIENT_SECRET has a `$` in its value, where some programs substitute another variable
        CLIENT_SECRET=\"pa$word\"
            .env:1: CLIENT_SECRET has a `$` in its value, where some programs substitute another variable
        CLIENT_SECRET=\"pa\\nword\"
            .env:1: CLIENT_SECRET has a `\` in its value, where some programs see an escape
        CLIENT_SECRET=\"pa\\\"word\"
            .env:1: CLIENT_SECRET has a `\` in its value, where some programs see an escape
        CLIENT_SECRET=pa\\word
            .env:1: CLIENT_SECRET has a `\` in its value, where some programs see an escape
        CLIENT_SECRET=\"password
            .env:1: CLIENT_SECRET has a value whose quote is not closed on its line
        CLIENT_SECRET=\'password;
            .env:1: CLIENT_SECRET has a value whose quote is not closed on its line
        CLIENT_SECRET=\"password\"x
            .env:1: CLIENT_SECRET has more text after the value's closing quote
        CLIENT_SECRET=\"password\";;
            .env:1: CLIENT_SECRET has more text after the value's closing quote
        CLIENT_SECRET=\"password\"# note
            .env:1: CLIENT_SECRET has more text after the value's closing quote
        CLIENT_SECRET=\"pass\"\'word\'
            .env:1: CLIENT_SECRET has more text after the value's closing quote
        CLIENT_SECRET=pass word
            .env:1: CLIENT_SECRET has white space in a value without quotes
        CLIENT_SECRET=pass;word
            .env:1: CLIENT_SECRET has a `;` inside a value without quotes
        CLIENT_SECRET=password;;
            .env:1: CLIENT_SECRET has a `;` inside a value without quotes
        CLIENT_SECRET=password;# note
            .env:1: CLIENT_SECRET has a `;` inside a value without quotes
        CLIENT_SECRET=pass#word
            .env:1: CLIENT_SECRET has a `#` in a value without quotes, where some programs begin a comment
        CLIENT_SECRET=#password
            .env:1: CLIENT_SECRET has a `#` in a value without quotes, where some programs begin a comment
        CLIENT_SECRET=pass\"word\"
            .env:1: CLIENT_SECRET has a quote in the middle of its value, or typographic quotes around it
        CLIENT_SECRET=`password`
            .env:1: CLIENT_SECRET has a quote in the middle of its value, or typographic quotes around it
        CLIENT_SECRET=“password”
            .env:1: CLIENT_SECRET has a quote in the middle of its value, or typographic quotes around it
        CLIENT_SECRET=pass\0word
            .env:1: CLIENT_SECRET has a control character in a value without quotes
        CLIENT_SECRET: password
            .env:1: CLIENT_SECRET is mentioned here, but the line is not of the form KEY=value
        set CLIENT_SECRET=password
            .env:1: CLIENT_SECRET is mentioned here, but the line is not of the form KEY=value
        \"CLIENT_SECRET\"=\"password\"
            .env:1: CLIENT_SECRET is mentioned here, but the line is not of the form KEY=value
        "##
        );
    }

    /// Whether `text` after a `=` may stand for `value`, said the other way round: by writing the value down in each
    /// form and looking for it.
    fn may_mean(text: &str, value: &str) -> bool {
        let forms = [
            format!("'{value}'"),
            format!("\"{value}\""),
            value.to_owned(),
        ];
        let is_plain = !value.contains(['$', '\\']);
        let is_bare = is_plain
            && !value.contains([';', '#', '"', '\'', '`'])
            && !value.contains(char::is_whitespace);
        let allowed = [
            !value.contains('\''),
            is_plain && !value.contains('"'),
            is_bare,
        ];
        forms.iter().zip(allowed).any(|(form, allowed)| {
            let rest = text.trim().strip_prefix(form.as_str());
            allowed
                && rest.is_some_and(|rest| {
                    let rest = rest.trim_start();
                    let rest = rest.strip_prefix(';').unwrap_or(rest).trim();
                    rest.is_empty() || rest.starts_with('#')
                })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_value_in_single_quotes_comes_back(
            value in "[^'\r\n]{0,40}",
            end in prop::sample::select(vec!["", ";", " ;", "; # it's", " # \"x"]),
        ) {
            let entries = parse(&format!("AUTH0_CLIENT_SECRET='{value}'{end}\n"), Path::new(".env")).unwrap();
            prop_assert_eq!(entries.len(), 1);
            prop_assert_eq!(entries[0].value.expose_secret(), value.as_str());
        }

        #[test]
        fn a_line_means_what_it_seems_to_or_fails(
            text in prop_oneof!["[ab$;#'\"\\\\ \t`{}=\u{a0}]{0,12}", "\\PC{0,20}"],
        ) {
            if let Ok(entries) = parse(&format!("CLIENT_ID={text}"), Path::new(".env")) {
                prop_assert_eq!(entries.len(), 1);
                prop_assert!(may_mean(&text, entries[0].value.expose_secret()));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(
            lines in prop::collection::vec(
                prop_oneof!["\\PC{0,12}", "(export )?(CLIENT_ID|NOTE|AUTH0_DOMAIN) ?= ?['\"]?[a-c;# \\\\$]{0,4}['\"]?;?"],
                0..8,
            ),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        ) {
            let text = lines.join(end);
            match parse(&text, Path::new(".env")) {
                Ok(entries) => for entry in entries {
                    prop_assert!(lines[entry.line - 1].contains(entry.variable));
                },
                Err(error) => prop_assert!(error.hint().is_some()),
            }
        }
    }
}
