//! The language of `if:`, in GitHub's spelling and in GitLab's: `==`, `!=`, `!`, `&&`, `||` and brackets over names and texts.
//! Its values are texts, of which the empty one is false.

use std::iter::Peekable;
use std::vec::IntoIter;

/// What a name stands for.
pub type Names<'a> = &'a dyn Fn(&str) -> String;

/// Whether a condition holds.
pub fn holds(condition: &str, names: Names<'_>) -> bool {
    !value(condition, names).is_empty()
}

/// What an expression comes to.
pub fn value(expression: &str, names: Names<'_>) -> String {
    let mut reader = Reader {
        tokens: tokens(expression).into_iter().peekable(),
        names,
    };
    let value = reader.any();
    assert_eq!(reader.tokens.next(), None, "left over in {expression}");
    value
}

/// A text with each `${{ … }}` in it worked out.
pub fn filled(text: &str, names: Names<'_>) -> String {
    let mut parts = text.split("${{");
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").unwrap();
        filled.push_str(&value(expression, names));
        filled.push_str(rest);
    }
    filled
}

#[derive(Debug, PartialEq)]
enum Token {
    Text(String),
    Name(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let signs = ["==", "!=", "&&", "||", "!", "(", ")"];
        let length = if let Some(sign) = signs.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            sign.len()
        } else if first == '\'' || first == '"' {
            let inside = rest[1..].split(first).next().unwrap();
            tokens.push(Token::Text(inside.to_owned()));
            inside.len() + 2
        } else {
            let end = |c: char| !(c.is_ascii_alphanumeric() || "_.-$".contains(c));
            let name = &rest[..rest.find(end).unwrap_or(rest.len())];
            assert!(!name.is_empty(), "what is {rest}?");
            // A function is a name with its brackets.
            let called = rest[name.len()..].starts_with("()");
            let length = name.len() + if called { 2 } else { 0 };
            tokens.push(Token::Name(rest[..length].to_owned()));
            length
        };
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Reader<'a> {
    tokens: Peekable<IntoIter<Token>>,
    names: Names<'a>,
}

impl Reader<'_> {
    fn takes(&mut self, sign: &'static str) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn any(&mut self) -> String {
        let mut value = self.all();
        while self.takes("||") {
            let other = self.all();
            value = if value.is_empty() { other } else { value };
        }
        value
    }

    fn all(&mut self) -> String {
        let mut value = self.comparison();
        while self.takes("&&") {
            let other = self.comparison();
            value = if value.is_empty() { value } else { other };
        }
        value
    }

    fn comparison(&mut self) -> String {
        let value = self.single();
        if self.takes("==") {
            return truth(value == self.single());
        }
        if self.takes("!=") {
            return truth(value != self.single());
        }
        value
    }

    fn single(&mut self) -> String {
        if self.takes("!") {
            return truth(self.single().is_empty());
        }
        if self.takes("(") {
            let value = self.any();
            assert!(self.takes(")"), "a bracket is open");
            return value;
        }
        match self.tokens.next() {
            Some(Token::Text(text)) => text,
            Some(Token::Name(name)) => (self.names)(&name),
            other => panic!("a value, not {other:?}"),
        }
    }
}

fn truth(is: bool) -> String {
    if is { "true" } else { "" }.to_owned()
}
