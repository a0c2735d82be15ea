//! A line of a file with a caret below the place that an error is about.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::value::line;
use crate::files::Excerpt;

/// The line, its number, and the caret; ends in a line feed.
pub(crate) fn excerpt(excerpt: &Excerpt) -> String {
    // Escaped by parts, so that the caret stays below its place.
    let (before, after) = (line(&excerpt.before), line(&excerpt.after));
    let at = before.len();
    let width = after.chars().next().map_or(0, char::len_utf8);
    let snippet = Snippet::source(before + &after)
        .line_start(excerpt.line)
        .annotation(AnnotationKind::Primary.span(at..at + width));
    let shown = Renderer::styled().render(&[Group::with_level(Level::ERROR).element(snippet)]);
    format!("{}\n", shown.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: usize, before: &str, after: &str) -> String {
        let shown = excerpt(&Excerpt {
            line,
            before: before.to_owned(),
            after: after.to_owned(),
        });
        anstream::adapter::strip_str(&shown).to_string()
    }

    #[test]
    fn a_caret_stands_below_its_place() {
        insta::assert_snapshot!(plain(12, "name: 日本 ", "[x\u{1b}[2J"), @r"
           |
        12 | name: 日本 [x\u{1b}[2J
           |            ^
        ");
        insta::assert_snapshot!(plain(3, "\u{202e}a: b", ""), @r"
          |
        3 | \u{202e}a: b
          |             ^
        ");
        insta::assert_snapshot!(plain(3, "\t", "a: b"), @r"
          |
        3 | \u{9}a: b
          |      ^
        ");
    }
}
