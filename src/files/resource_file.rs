//! One resource's file: whose it is, what it says, and which of its values the API would refuse.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::document::{Document, Format, ParseError};
use super::position::Position;
use crate::closest::slip;
use crate::composed::composed;
use crate::json::Step;
use crate::kinds::{Creation, Field, InvalidValue, Kind, with_article};
use crate::resource::ResourceId;
use crate::schema;

/// A resource's file.
#[derive(Debug, Clone)]
pub struct ResourceFile {
    /// Its path relative to the tenant directory, with `/`: `clients/web-app.yaml`.
    pub file: String,
    /// Its name without the extension, which ties it to its counterpart in other tenants.
    pub stem: String,
    /// Its format.
    pub format: Format,
    /// Its text as it stood when it was read.
    pub text: String,
    /// How many of its fields stand above the line that says what push does not send; None where no such line divides it, or where
    /// a secret was left out of the fields.
    pub above_not_sent: Option<usize>,
    /// Whether its text names files where `fields` has the ids of their resources.
    pub names_files: bool,
    /// Its fields, the id among them, less any secrets. Shared with the live resource where that says the same.
    pub fields: Arc<Map<String, Value>>,
}

/// The file of a resource that is still to be made: it has no id.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// The kind of what is to be made.
    pub kind: &'static Kind,
    /// The file.
    pub file: ResourceFile,
}

impl NewFile {
    /// What people call what is to be made, or else its file.
    pub fn name(&self) -> &str {
        let name = self.kind.label_in(&self.file.fields);
        name.unwrap_or(&self.file.stem)
    }
}

/// A file that was read.
#[derive(Debug)]
pub struct ReadFile {
    /// The resource that it is for; None where that is still to be made.
    pub id: Option<ResourceId>,
    /// The file.
    pub file: ResourceFile,
    /// Whether a secret stands in it.
    pub has_secret: bool,
}

/// Whether a path relative to the tenant directory can be that of a file of this kind.
pub fn is_resource_file(kind: &Kind, path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let is_only = |stem| utf8(path.file_stem()) == Some(stem);
    !hidden
        && path.parent() == Some(Path::new(kind.folder()))
        && format_of(path).is_some()
        && kind.only_stem().is_none_or(is_only)
}

/// Reads a resource's file, at this path relative to the tenant directory. Values that the API would refuse are no error: the file
/// can be looked at all the same, and they may be what the tenant has.
///
/// # Errors
/// It is no resource's file, or its content is not what it has to be.
pub fn parse(kind: &'static Kind, path: &Path, bytes: Vec<u8>) -> Result<ReadFile, ParseError> {
    let (Some(format), Some(name), Some(stem)) = (
        format_of(path),
        utf8(path.file_name()),
        utf8(path.file_stem()),
    ) else {
        return Err(ParseError {
            position: Position::START,
            message: "the file's name is not UTF-8".to_owned(),
            hint: Some("rename it".to_owned()),
        });
    };
    let document = Document::parse(&bytes, format)?;
    let id = id_in(kind, &document)?;
    let above_not_sent = document.above_not_sent();
    let mut fields = document.into_fields();
    let has_secret = kind.strip_secrets(&mut fields);
    let file = ResourceFile {
        file: match kind.folder() {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        },
        stem: composed(stem).into_owned(),
        format,
        above_not_sent: above_not_sent.filter(|_| !has_secret),
        names_files: false,
        fields: Arc::new(fields),
        // Parsing found it to be UTF-8.
        text: String::from_utf8(bytes).unwrap_or_default(),
    };
    Ok(ReadFile {
        id,
        file,
        has_secret,
    })
}

impl ResourceFile {
    /// Whether a field that leads a file stands below the line that says what push does not send, or another one above it.
    pub fn is_out_of_order(&self, leading: &[&str]) -> bool {
        self.above_not_sent.is_some_and(|above| {
            let mut fields = self.fields.keys().enumerate();
            fields.any(|(at, field)| (at < above) != leading.contains(&field.as_str()))
        })
    }

    /// What is wrong with a value that the API would refuse; None if it would take the value, or the file has none. `there` is what
    /// the tenant has, as far as is known.
    pub fn invalid(&self, field: Field, there: Option<&Value>) -> Option<ParseError> {
        let value = field.new_part(field.of(&self.fields)?, there);
        let invalid = field.validate(&value).err()?;
        let document = Document::parse(self.text.as_bytes(), self.format).ok()?;
        Some(problem(&document, &invalid))
    }
}

/// An invalid value as a problem at its place.
pub(super) fn problem(document: &Document<'_>, invalid: &InvalidValue) -> ParseError {
    let position = document.position_at(&steps(&invalid.path));
    document.problem(position, invalid.to_string(), &invalid.hint)
}

/// The way to a value in a document.
pub(super) fn steps(path: &[schema::Step]) -> Vec<Step<'_>> {
    path.iter()
        .map(|step| match step {
            schema::Step::Key(key) => Step::Key(key),
            schema::Step::Index(index) => Step::Index(*index),
        })
        .collect()
}

/// The format that a path's extension stands for.
pub(super) fn format_of(path: &Path) -> Option<Format> {
    Format::from_extension(utf8(path.extension())?)
}

/// The resource that a file is for; None where it is still to be made.
fn id_in(kind: &'static Kind, document: &Document<'_>) -> Result<Option<ResourceId>, ParseError> {
    let Some(name) = kind.id_field() else {
        return Ok(Some(ResourceId::new(kind, kind.only().unwrap_or_default())));
    };
    let (one, many) = (kind.singular, kind.plural);
    let (place, problem, hint) = match document.fields().get(name) {
        Some(Value::String(id)) => match ResourceId::new(kind, id) {
            id if id.is_addressable() => return Ok(Some(id)),
            id => {
                let problem = match id.as_str() {
                    "" => format!("`{name}` is empty"),
                    id => format!("`{}` can't be {}", id.escape_debug(), with_article(name)),
                };
                (
                    name,
                    problem,
                    format!("`tenantry list` shows the ids of the tenant's {many}"),
                )
            }
        },
        Some(Value::Null) => (
            name,
            format!("`{name}` says nothing"),
            format!(
                "leave the line out where the {one} is still to be made; `tenantry list` shows the ids of the tenant's {many}"
            ),
        ),
        Some(_) => (
            name,
            format!("`{name}` is not text"),
            "put it into quotes".to_owned(),
        ),
        None => {
            let mut keys = document.fields().keys();
            let meant = keys
                .find(|key| kind.row(key).is_none() && slip(key, std::iter::once(name)).is_some());
            match (meant, kind.creation()) {
                (Some(key), _) => (
                    key.as_str(),
                    format!("`{key}` is no field of {}", kind.one()),
                    format!("did you mean `{name}`?"),
                ),
                (None, Some(Creation::Cannot(why))) => (
                    name,
                    format!("there is no `{name}`"),
                    format!(
                        "a {one} can't be made from a file, since {why}: make it in the dashboard, and write the id here that \
                         `tenantry list` shows"
                    ),
                ),
                (None, _) => return Ok(None),
            }
        }
    };
    Err(document.problem(document.position(place), problem, &hint))
}

fn utf8(text: Option<&std::ffi::OsStr>) -> Option<&str> {
    text?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::rewrite;
    use crate::kinds::clients::KIND;

    /// What is out of order is what a rewriting moves.
    #[test]
    fn a_file_is_out_of_order_where_a_field_stands_on_the_wrong_side_of_the_line() {
        const LINE: &str = "# Push does not send what follows.";
        let leading = ["client_id", "name", "callbacks"];
        let texts = [
            format!("client_id: a\nname: A\n{LINE}\nx: [1, {{y: 2}}]\n"),
            format!("client_id: a\nname: A\n{LINE}\ncallbacks: [b]\n"),
            format!("client_id: a\ncallbacks: [b, c]\n{LINE}\nname: A\n"),
            format!("client_id: a\nsso: {{a: [b]}}\nname: A\n{LINE}"),
            "client_id: a\r\n# Read-only: push does not send what follows.\r\nname: A\r\n"
                .to_owned(),
            format!("client_id: a\nx: '{LINE}'\nname: A\n"),
            "client_id: a\nx: 1\nname: A\n".to_owned(),
            format!("client_id: a\nname: A\nclient_secret: b\n{LINE}\ncallbacks: []\n"),
        ];
        let out_of_order = texts.map(|text| {
            let read = parse(
                &KIND,
                Path::new("clients/a.yaml"),
                text.clone().into_bytes(),
            );
            let ReadFile {
                file, has_secret, ..
            } = read.unwrap();
            let rewritten = rewrite(&text, &file.fields, &leading, Format::Yaml);
            let is_out_of_order = file.is_out_of_order(&leading);
            assert_eq!(
                is_out_of_order || has_secret,
                rewritten.text != text,
                "{text}"
            );
            is_out_of_order
        });
        assert_eq!(
            out_of_order,
            [false, true, true, true, true, false, false, false]
        );
    }
}
