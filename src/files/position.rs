//! Places in a text: lines and columns for people, from the byte offsets that readers tell.

use std::fmt;

/// A place in a file. Line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The first character of a file.
    pub const START: Position = Position { line: 1, column: 1 };

    /// The position of a byte offset in a text; that of its end for one past it.
    pub(super) fn of(offset: usize, text: &str) -> Position {
        Position::START.moved(text, 0, offset)
    }

    /// This position, which is that of the offset `from` in the text, moved on to the offset `to`. LF, CR LF and CR end a line.
    fn moved(mut self, text: &str, from: usize, to: usize) -> Position {
        let rest = text.get(from..).unwrap_or_default();
        let mut characters = rest.char_indices().peekable();
        while let Some((_, character)) = characters.next_if(|(at, _)| from + at < to) {
            let next = characters.peek().map(|(_, next)| *next);
            if character == '\n' || (character == '\r' && next != Some('\n')) {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How many bytes lie between two offsets of which the positions are kept.
const STRIDE: usize = 256;

/// The positions of many offsets of one text. Each costs the same few steps wherever it is, also in a text of one long line.
#[derive(Debug)]
pub(super) struct Positions {
    /// For every multiple of [`STRIDE`] the first character from there on: its offset and its position.
    kept: Vec<(usize, Position)>,
}

impl Positions {
    /// Walks over the text once.
    pub(super) fn of(text: &str) -> Positions {
        let mut kept = vec![(0, Position::START)];
        let strides = (STRIDE..=text.len()).step_by(STRIDE);
        let characters =
            strides.filter_map(|at| (at..at + 4).find(|at| text.is_char_boundary(*at)));
        for offset in characters {
            if let Some((before, position)) = kept.last() {
                kept.push((offset, position.moved(text, *before, offset)));
            }
        }
        Positions { kept }
    }

    /// The position of a byte offset in the text that this was made of.
    pub(super) fn at(&self, offset: usize, text: &str) -> Position {
        match self.kept.get(offset / STRIDE).or(self.kept.last()) {
            Some((before, position)) => position.moved(text, *before, offset),
            None => Position::START,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_break_ends_a_line_once() {
        let text = "é1\n\n3\r\n4\r5";
        let positions: Vec<String> = text
            .char_indices()
            .map(|(at, character)| format!("{character:?} {}", Position::of(at, text)))
            .collect();
        insta::assert_snapshot!(positions.join(", "), @r"'é' 1:1, '1' 1:2, '\n' 1:3, '\n' 2:1, '3' 3:1, '\r' 3:2, '\n' 3:3, '4' 4:1, '\r' 4:2, '5' 5:1");
        assert_eq!(Position::of(99, text).to_string(), "5:2");
    }

    #[test]
    fn positions_of_many_offsets_are_those_of_each() {
        let texts = ["é\r\n日本", "a", "🙂\r", "\n"].map(|part| part.repeat(400));
        for text in texts.into_iter().chain([String::new()]) {
            let positions = Positions::of(&text);
            let offsets = text.char_indices().map(|(at, _)| at);
            for at in offsets.chain([text.len(), text.len() + 999]) {
                assert_eq!(positions.at(at, &text), Position::of(at, &text), "{at}");
            }
        }
    }
}
