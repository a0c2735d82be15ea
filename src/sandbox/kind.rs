//! What a kind is: a row of data, and how the server reads it. Whatever a kind does in a way of its own is a function in its row.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::merge::Rules;
use super::shapes::{Operation, Shapes};

/// The fields of one resource.
pub(super) type Fields = Map<String, Value>;

/// A sort of resource.
#[derive(Debug)]
pub(super) struct Kind {
    /// What the sandbox's owner and the state file call it.
    pub name: &'static str,
    /// Its path below `/api/v2/`.
    pub path: &'static str,
    /// The word of its scopes: `clients` in `read:clients`.
    pub scope: &'static str,
    /// Scopes that serve as well.
    pub other_scopes: &'static [(Action, &'static str)],
    /// Whether there are many of it or one.
    pub form: Form,
    /// What bodies may hold.
    pub shapes: &'static LazyLock<Shapes>,
    /// What a write does to what is there.
    pub rules: Rules,
    /// Where secrets stand in it, by path. The state file holds none of them.
    pub secrets: &'static [&'static str],
    /// What a new one has under what was sent; what there is one of starts as this.
    pub defaults: fn(tenant: &str, sent: &Fields) -> Value,
    /// Refuses a body that the shapes can't.
    pub check: fn(&Write<'_>) -> Result<(), Refusal>,
    /// Derives what follows from what was sent.
    pub derive: fn(&mut Fields, sent: &Fields, Operation),
    /// The answer for what is stored.
    pub answer: fn(&Fields, Occasion) -> Fields,
}

/// What is asked of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    List,
    Read,
    Create,
    Update,
    Delete,
}

/// What an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Read,
    Write,
}

/// Whether there are many of a kind or one.
#[derive(Debug)]
pub(super) enum Form {
    Many(Collection),
    One,
}

/// How many resources of a kind are told apart, listed, made and removed.
#[derive(Debug)]
pub(super) struct Collection {
    /// The field with the id.
    pub id: &'static str,
    /// An id, as new ones look.
    pub example: &'static str,
    /// Another field that a path may name one by.
    pub also_by: Option<&'static str>,
    /// What a list with something around it is called.
    pub list: &'static str,
    /// How its list is asked for.
    pub paging: Paging,
    /// Whether `fields` and `include_fields` are taken.
    pub selects_fields: bool,
    /// What its list can be narrowed to.
    pub filters: &'static [Filter],
    /// Fields that no two may share, and what is said of a second one.
    pub unique: Option<(&'static [&'static str], &'static str)>,
    /// What is said of one that is not there: message and error code.
    pub missing: (&'static str, &'static str),
    /// The status of the answer to a create, and to a delete.
    pub statuses: (u16, u16),
    /// Whether deleting one that is not there is refused.
    pub misses_deleted: bool,
    /// What goes with one that is deleted: a kind, its field, and the field here that it equals.
    pub takes_along: &'static [(&'static str, &'static str, &'static str)],
}

/// How a list comes in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// All at once.
    None,
    /// `page` and `per_page`, of which the least is given.
    Offset(usize),
    /// By offset, or with `from` and `take`.
    Both(usize),
}

/// What a list can be narrowed by: a parameter, and what it means.
#[derive(Debug)]
pub(super) enum Filter {
    /// The field of the same name is true, or not.
    Is(&'static str, &'static str),
    /// The field is the text.
    Equals(&'static str),
    /// The field is one of the texts, which commas part.
    AnyOf(&'static str),
    /// The field, named second, is one of the texts that the parameter gives, each by itself.
    Each(&'static str, &'static str),
    /// The field, named second, contains the text, whatever the case.
    Contains(&'static str, &'static str),
    /// It is taken, and narrows nothing here.
    Anything(&'static str),
}

/// A body that is to be written.
pub(super) struct Write<'a> {
    pub operation: Operation,
    /// What is there; none where it is to be made.
    pub old: Option<&'a Fields>,
    pub sent: &'a Fields,
    /// The other resources of the tenant.
    pub tenant: &'a dyn Neighbours,
}

/// The resources of a tenant, as far as another one's body depends on them.
pub(super) trait Neighbours {
    /// Whether there is one of that kind of which that is so.
    fn any(&self, kind: &str, is_it: &dyn Fn(&Fields) -> bool) -> bool;
}

impl Kind {
    /// A row of the table: what a kind is like unless it says otherwise.
    pub(super) const fn row(
        name: &'static str,
        path: &'static str,
        scope: &'static str,
        shapes: &'static LazyLock<Shapes>,
    ) -> Kind {
        Kind {
            name,
            path,
            scope,
            other_scopes: &[],
            form: Form::One,
            shapes,
            rules: Rules::NONE,
            secrets: &[],
            defaults: |_, _| Value::Object(Map::new()),
            check: |_| Ok(()),
            derive: |_, _, _| (),
            answer: |stored, _| stored.clone(),
        }
    }

    /// The scopes any of which the action needs.
    pub(super) fn scopes(&self, action: Action) -> Vec<String> {
        let verb = match action {
            Action::List | Action::Read => "read",
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        };
        let others = self.other_scopes.iter();
        let others = others.filter(|(also, _)| *also == action);
        let mut scopes = vec![format!("{verb}:{}", self.scope)];
        scopes.extend(others.map(|(_, scope)| (*scope).to_owned()));
        scopes
    }

    /// The id of one of this kind; an empty one where there is only one.
    pub(super) fn id<'a>(&self, fields: &'a Fields) -> Option<&'a str> {
        match &self.form {
            Form::Many(many) => fields.get(many.id).and_then(Value::as_str),
            Form::One => Some(""),
        }
    }

    /// How many of it are told apart, listed and so on, if there are many.
    pub(super) fn collection(&self) -> Option<&Collection> {
        match &self.form {
            Form::Many(many) => Some(many),
            Form::One => None,
        }
    }

    /// What is said of one that is not there.
    pub(super) fn no_such(&self) -> Refusal {
        let (message, code) = self.collection().map_or(("Not Found", ""), |m| m.missing);
        Refusal::api(404, message, code)
    }

    /// A new one with what was sent, and the rest as the API fills it in.
    pub(super) fn fresh(&self, tenant: &str, sent: Fields) -> Fields {
        let mut fields = match (self.defaults)(tenant, &sent) {
            Value::Object(defaults) => defaults,
            _ => Map::new(),
        };
        self.write(&mut fields, sent, Operation::Create);
        fields
    }

    /// Writes a body over what is there.
    pub(super) fn write(&self, fields: &mut Fields, sent: Fields, operation: Operation) {
        self.rules.apply(fields, sent.clone());
        (self.derive)(fields, &sent, operation);
    }
}
