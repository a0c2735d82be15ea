//! The shapes of request bodies: which properties there are at every depth, of what type and within what bounds. Read from the
//! `.shapes` files, of which `clients.shapes` says how they are written.

use std::net::IpAddr;

/// Which request a body belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Update,
    /// It has no body.
    Delete,
}

/// The shapes of a kind's bodies.
#[derive(Debug)]
pub(super) struct Shapes {
    create: Shape,
    update: Shape,
}

impl Shapes {
    /// Reads a `.shapes` file.
    pub(super) fn read(text: &'static str) -> Shapes {
        Shapes {
            create: read(text, 'c'),
            update: read(text, 'u'),
        }
    }

    /// The shape of a body.
    pub(super) fn of(&self, operation: Operation) -> &Shape {
        match operation {
            Operation::Create => &self.create,
            Operation::Update | Operation::Delete => &self.update,
        }
    }
}

/// What a value may be: any of these.
#[derive(Debug, Default)]
pub(super) struct Shape(pub Vec<Rule>);

/// One thing that a value may be.
#[derive(Debug, Default)]
pub(super) struct Rule {
    pub of: Type,
    pub takes_null: bool,
    pub min: Option<usize>,
    pub max: Option<usize>,
    pub choices: Vec<&'static str>,
    pub like: Option<Pattern>,
    /// An object that takes properties it has no shape for.
    pub is_open: bool,
    pub properties: Vec<Property>,
    pub entries: Shape,
}

/// A property of an object.
#[derive(Debug)]
pub(super) struct Property {
    pub name: &'static str,
    pub is_required: bool,
    pub shape: Shape,
}

/// The type of a value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    #[default]
    Object,
    List,
    Text,
    Bool,
    Integer,
    Number,
    Any,
}

/// A pattern that texts have to match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern {
    /// As the API names it in a refusal.
    pub expression: &'static str,
    pub matches: fn(&str) -> bool,
}

impl Rule {
    /// The property of that name, or the one that stands for any.
    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        let called = |name: &str| {
            self.properties
                .iter()
                .find(|property| property.name == name)
        };
        called(name).or_else(|| called("*"))
    }
}

impl Type {
    /// As the API names it in a refusal.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Object => "object",
            Type::List => "array",
            Type::Text => "string",
            Type::Bool => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::Any => "anything",
        }
    }

    fn named(word: &str) -> Option<Type> {
        Some(match word {
            "object" => Type::Object,
            "list" => Type::List,
            "text" => Type::Text,
            "bool" => Type::Bool,
            "int" => Type::Integer,
            "number" => Type::Number,
            "any" => Type::Any,
            _ => return None,
        })
    }
}

/// The shape that the lines for one operation describe. A line that is none describes nothing; the tests see to it.
fn read(text: &'static str, operation: char) -> Shape {
    let mut root = Shape::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((operations, rest)) = line.split_once(' ') else {
            continue;
        };
        let mut words = rest.split_whitespace();
        if let (Some(path), Some(word)) = (words.next(), words.next())
            && operations.contains(operation)
            && let Some(rule) = rule(word, words)
        {
            let is_required = path.ends_with('!');
            let path = path.trim_end_matches('!');
            place(&mut root, path, is_required).0.push(rule);
        }
    }
    root
}

fn rule(word: &'static str, mut words: impl Iterator<Item = &'static str>) -> Option<Rule> {
    let mut rule = Rule {
        of: Type::named(word.trim_end_matches('?'))?,
        takes_null: word.ends_with('?'),
        ..Rule::default()
    };
    while let Some(word) = words.next() {
        match word {
            "open" => rule.is_open = true,
            "like" => rule.like = Some(pattern(words.next()?)?),
            "of" => rule.choices = words.by_ref().collect(),
            bounds => {
                let (min, max) = bounds.split_once("..")?;
                rule.min = min.parse().ok();
                rule.max = max.parse().ok();
            }
        }
    }
    Some(rule)
}

/// The place in the tree that a path leads to, which is made.
fn place<'s>(shape: &'s mut Shape, path: &'static str, is_required: bool) -> &'s mut Shape {
    let (step, rest) = match path {
        "." | "" => return shape,
        path if path.starts_with("[]") => ("[]", &path[2..]),
        path => {
            let path = path.trim_start_matches('.');
            path.split_at(path.find(['.', '[']).unwrap_or(path.len()))
        }
    };
    let of = if step == "[]" {
        Type::List
    } else {
        Type::Object
    };
    let at = shape.0.iter().position(|rule| rule.of == of);
    let at = at.unwrap_or_else(|| {
        shape.0.push(Rule {
            of,
            ..Rule::default()
        });
        shape.0.len() - 1
    });
    let rule = &mut shape.0[at];
    if step == "[]" {
        return place(&mut rule.entries, rest, is_required);
    }
    let known = rule
        .properties
        .iter()
        .position(|property| property.name == step);
    let at = known.unwrap_or_else(|| {
        rule.properties.push(Property {
            name: step,
            is_required,
            shape: Shape::default(),
        });
        rule.properties.len() - 1
    });
    place(&mut rule.properties[at].shape, rest, is_required)
}

fn pattern(name: &str) -> Option<Pattern> {
    Some(match name {
        "name" => Pattern {
            expression: "^[^<>]+$",
            matches: |text| !text.is_empty() && !text.contains(['<', '>']),
        },
        "address" => Pattern {
            expression: "ipv4, ipv6 or cidr",
            matches: is_address,
        },
        "country" => Pattern {
            expression: "^[A-Z]{2}$",
            matches: |text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()),
        },
        "blob-account" => Pattern {
            expression: "^([a-z0-9]){3,24}$",
            matches: |text| (3..=24).contains(&text.len()) && text.bytes().all(is_small),
        },
        "blob-key" => Pattern {
            expression: "^([A-Za-z0-9+/]){86}==$",
            matches: |text| {
                let is_one = |b: u8| b.is_ascii_alphanumeric() || b"+/".contains(&b);
                let key = text.strip_suffix("==");
                key.is_some_and(|key| key.len() == 86 && key.bytes().all(is_one))
            },
        },
        "blob-container" => Pattern {
            expression: "^([a-z0-9]){1}([a-z0-9-]){2,62}$",
            matches: |text| {
                (3..=63).contains(&text.len())
                    && !text.starts_with('-')
                    && text.bytes().all(|b| is_small(b) || b == b'-')
            },
        },
        "blob" => Pattern {
            expression: "^(.){1,1024}$",
            matches: |text| (1..=1024).contains(&text.chars().count()) && !text.contains('\n'),
        },
        "kid" => Pattern {
            expression: "^([0-9a-zA-Z-_]{10,64})$",
            matches: |text| {
                let is_one = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
                (10..=64).contains(&text.len()) && text.bytes().all(is_one)
            },
        },
        _ => return None,
    })
}

/// Whether a text is an IP address, or a range of them.
fn is_address(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn is_small(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many rules there are in a shape and below it.
    fn count(shape: &Shape) -> usize {
        let rules = shape.0.iter();
        rules
            .map(|rule| {
                let below = rule
                    .properties
                    .iter()
                    .map(|property| count(&property.shape));
                1 + below.sum::<usize>() + count(&rule.entries)
            })
            .sum()
    }

    #[test]
    fn addresses_and_ranges_of_them() {
        let taken = ["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"];
        let refused = ["", "text", "10.0.0", "10.0.0.1/33", "10.0.0.1/", "::1/129"];
        assert!(taken.into_iter().all(is_address));
        assert!(!refused.into_iter().any(is_address));
    }

    #[test]
    fn every_line_says_something() {
        for text in [
            include_str!("kinds/bot_detection.shapes"),
            include_str!("kinds/breached_password_detection.shapes"),
            include_str!("kinds/brute_force_protection.shapes"),
            include_str!("kinds/captcha.shapes"),
            include_str!("kinds/client_grants.shapes"),
            include_str!("kinds/clients.shapes"),
            include_str!("kinds/log_streams.shapes"),
            include_str!("kinds/resource_servers.shapes"),
            include_str!("kinds/role_permissions.shapes"),
            include_str!("kinds/roles.shapes"),
            include_str!("kinds/suspicious_ip_throttling.shapes"),
            include_str!("kinds/tenant_settings.shapes"),
        ] {
            let shapes = Shapes::read(text);
            for (operation, mark) in [(Operation::Create, 'c'), (Operation::Update, 'u')] {
                let lines = text.lines().filter(|line| {
                    let operations = line.split(' ').next();
                    operations
                        .is_some_and(|operations| operations != "#" && operations.contains(mark))
                });
                assert_eq!(count(shapes.of(operation)), lines.count());
            }
        }
    }
}
