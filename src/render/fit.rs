//! Text that fits the width of a terminal: what is too long for a line goes on below, a little to the right of where it began.

use textwrap::{Options, WordSplitter, WrapAlgorithm};

/// A terminal that is narrower is left to break lines itself.
const NARROWEST: usize = 30;

/// The text in lines of at most `width` columns, colours not counted. Only words that are longer are broken.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if width < NARROWEST {
        return text.to_owned();
    }
    let mut fitted = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let spaces = line.len() - line.trim_start_matches(' ').len();
        let indent = " ".repeat((spaces + 2).min(width / 2));
        let options = Options::new(width)
            .subsequent_indent(&indent)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            // A hyphen is part of a name.
            .word_splitter(WordSplitter::NoHyphenation);
        fitted.push_str(&textwrap::wrap(line, options).join("\n"));
        fitted.push_str(end);
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below() {
        let text = "clients/a-file-with-a-long-name.yaml  A b\n  description:\n    - \"one two three four five six seven\"\n\nend";
        insta::assert_snapshot!(fit(text, 30), @r#"
        clients/a-file-with-a-long-n
          ame.yaml  A b
          description:
            - "one two three four five
              six seven"

        end
        "#);
    }

    #[test]
    fn colours_take_no_room() {
        let text = "\u{1b}[32mone two three four five six\u{1b}[0m\n";
        assert_eq!(fit(text, 30), text);
        assert_eq!(
            fit("日本 日本 日本 日本 日本 日本 日本", 30),
            "日本 日本 日本 日本 日本 日本\n  日本"
        );
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = "NAME       CLIENT ID  \n  a  \n\n";
        assert_eq!(fit(text, 40), text.replace("  \n", "\n"));
        assert_eq!(
            fit("a long line for a tiny terminal", 5),
            "a long line for a tiny terminal"
        );
    }
}
