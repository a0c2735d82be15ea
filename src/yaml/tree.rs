//! What the reader makes of a text: values, and the byte offsets at which each of them and its punctuation stands.

use serde_json::Value;

/// The value of a map.
type Object = serde_json::Map<String, Value>;

/// A value, from `start` to `end`. One that is left out stands right after its `:` or `-`, with nothing in between.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Kind {
    /// Null, a boolean, a number or text.
    Scalar(Scalar),
    /// A list.
    List(List),
    /// A map.
    Map(Map),
}

/// A scalar.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) value: Value,
    /// Where the header (`|`, `>-`, …) of a block scalar ends.
    pub(super) header_end: Option<usize>,
}

/// How a list or map is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Line by line.
    Block,
    /// In brackets.
    Flow,
    /// `[key: value]`: a map without brackets as an entry of a list in brackets.
    Pair,
}

/// A list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) style: Style,
    pub(super) items: Vec<Item>,
}

/// An entry of a list.
#[derive(Debug)]
pub(super) struct Item {
    /// Where it starts, with its `-` if it has one.
    pub(super) start: usize,
    pub(super) node: Node,
}

/// A map.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) style: Style,
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it starts, with its `?` if it has one.
    pub(super) start: usize,
    pub(super) key: String,
    pub(super) key_start: usize,
    /// Right after its `:`.
    pub(super) after: usize,
    pub(super) node: Node,
}

impl Node {
    /// The value; the offsets of the keys and the entries of lists in it go to `offsets`, in the order of the text.
    fn into_value(self, offsets: &mut Vec<usize>) -> Value {
        match self.kind {
            Kind::Scalar(scalar) => scalar.value,
            Kind::List(list) => {
                let entries = list.items.into_iter().map(|item| {
                    offsets.push(item.node.start);
                    item.node.into_value(offsets)
                });
                entries.collect()
            }
            Kind::Map(map) => Value::Object(map.into_object(offsets)),
        }
    }

    /// A copy of the value alone.
    pub(super) fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.value.clone(),
            Kind::List(list) => list.items.iter().map(|item| item.node.value()).collect(),
            Kind::Map(map) => map
                .entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.value()))
                .collect(),
        }
    }

    /// Calls `see` with the extent of every scalar in it, keys included.
    pub(super) fn scalars(&self, see: &mut impl FnMut(usize, usize)) {
        match &self.kind {
            Kind::Scalar(_) => see(self.start, self.end),
            Kind::List(list) => list.items.iter().for_each(|item| item.node.scalars(see)),
            Kind::Map(map) => {
                for entry in &map.entries {
                    see(entry.key_start, entry.after);
                    entry.node.scalars(see);
                }
            }
        }
    }
}

impl Map {
    /// The value; the offsets of the keys and the entries of lists in it go to `offsets`, in the order of the text.
    pub(super) fn into_object(self, offsets: &mut Vec<usize>) -> Object {
        let entries = self.entries.into_iter().map(|entry| {
            offsets.push(entry.key_start);
            (entry.key, entry.node.into_value(offsets))
        });
        entries.collect()
    }
}
