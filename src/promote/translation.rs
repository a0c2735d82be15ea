//! Says the references of one field in the other tenant's ids.

use serde_json::Value;

use super::promotion::BrokenReference;
use super::sides::{Counterpart, Member};
use super::way::Way;
use crate::kinds::{Kind, Reference, Row};
use crate::resource::ResourceId;

/// Says the references of one field in the other tenant's ids.
pub(super) struct Translation<'a> {
    way: &'a Way<'a>,
    file: Counterpart<'a>,
    row: &'static Row,
    pub(super) carried: Vec<BrokenReference>,
    pub(super) missing: Vec<BrokenReference>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(
        way: &'a Way<'a>,
        file: Counterpart<'a>,
        row: &'static Row,
    ) -> Translation<'a> {
        Translation {
            way,
            file,
            row,
            carried: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// What the other tenant's file is to say: its own value, or its own keys of it, or what the first one's says.
    pub(super) fn said(&mut self, own: Option<&Value>, value: Option<&Value>) -> Option<Value> {
        match (own, value) {
            (Some(Value::Object(own)), Some(Value::Object(value)))
                if self.row.merge.is_by_key() =>
            {
                let mut keys = value.clone();
                keys.extend(own.clone());
                Some(Value::Object(keys))
            }
            (Some(own), _) => Some(own.clone()),
            (None, value) => Some(self.value(value?)),
        }
    }

    fn value(&mut self, value: &Value) -> Value {
        match self.row.refers_to {
            Some(reference) => {
                reference.translated(value, &mut |text| self.reference(reference, text))
            }
            None => value.clone(),
        }
    }

    fn reference(&mut self, reference: Reference, text: &str) -> String {
        // An empty text refers to nothing.
        if text.is_empty() {
            return String::new();
        }
        match (reference.kind(), reference.by) {
            (Some(kind), None) => self.by_id(kind, reference, text),
            (Some(kind), Some(by)) => self.by_field(kind, by, text),
            (None, _) => text.to_owned(),
        }
    }

    /// What the other tenant has no id of yet is named by its file.
    fn by_id(&mut self, kind: &'static Kind, reference: Reference, text: &str) -> String {
        let Way { from, to, made, .. } = self.way;
        let known = match reference.stem_in(text) {
            Some(stem) => Some(Some(stem).filter(|stem| from.files.contains_key(&(kind, *stem)))),
            None => self.way.stem_of.get(&ResourceId::new(kind, text)).copied(),
        };
        let means = known.flatten();
        let counterpart = means.and_then(|stem| match to.files.get(&(kind, stem)) {
            Some(Member { id: Some(id), .. }) => Some(id.as_str().to_owned()),
            Some(_) => Some(reference.to_file(stem)),
            None => made
                .contains_key(&(kind, stem))
                .then(|| reference.to_file(stem)),
        });
        match (known, counterpart) {
            (_, Some(counterpart)) => return counterpart,
            (Some(_), None) => self.missing.push(self.entry(text, means)),
            (None, None) => self.carried.push(self.entry(text, None)),
        }
        text.to_owned()
    }

    /// What is known by a field of its own has a counterpart where a file of the same name has another value there; where it has
    /// none, it is the same text, but for the tenant's own domain.
    fn by_field(&mut self, kind: &'static Kind, by: &str, text: &str) -> String {
        let Way { from, to, made, .. } = self.way;
        let said = |member: &Member<'_>| {
            member
                .fields
                .get(by)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let mut here = from.files.iter().filter(|((of, _), _)| *of == kind);
        let means = here.find(|(_, member)| said(member).as_deref() == Some(text));
        let own = format!("https://{}/", from.domain);
        let path = text
            .strip_prefix(&own)
            .filter(|_| !from.domain.is_empty() && !to.domain.is_empty());
        let at_home = path.map(|path| format!("https://{}/{path}", to.domain));
        let Some(((_, stem), member)) = means else {
            return at_home.unwrap_or_else(|| {
                self.carried.push(self.entry(text, None));
                text.to_owned()
            });
        };
        if let Some(counterpart) = to.files.get(&(kind, *stem)).and_then(said) {
            return counterpart;
        }
        // The file that is written of it says the same.
        if made.contains_key(&(kind, *stem)) {
            return text.to_owned();
        }
        // What every tenant has by itself is there without a file, too.
        match at_home.filter(|_| matches!(self.way.stays(kind, member), Some((true, _)))) {
            Some(at_home) => at_home,
            None => {
                self.missing.push(self.entry(text, Some(stem)));
                text.to_owned()
            }
        }
    }

    fn entry(&self, text: &str, means: Option<&str>) -> BrokenReference {
        BrokenReference {
            kind: self.file.0,
            stem: self.file.1.to_owned(),
            field: self.row.name,
            entry: text.to_owned(),
            means: means.map(str::to_owned),
        }
    }
}
