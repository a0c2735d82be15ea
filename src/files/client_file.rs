//! One client's file: whose it is, what it says, and which of its values the API would refuse.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::CLIENTS;
use super::document::{Document, Format, ParseError};
use super::position::Position;
use crate::client::{CLIENT_ID, ClientId, Field, strip_secrets};
use crate::json::Step;

/// A client's file.
#[derive(Debug, Clone)]
pub struct ClientFile {
    /// Its path relative to the tenant directory, with `/`: `clients/web-app.yaml`.
    pub file: String,
    /// Its name without the extension, which ties it to its counterpart in other tenants.
    pub stem: String,
    /// Its format.
    pub format: Format,
    /// Its text as it stood when it was read.
    pub text: String,
    /// Its fields, `client_id` among them, less any secrets. Shared with the live client where that says the same.
    pub fields: Arc<Map<String, Value>>,
}

/// A file that was read.
#[derive(Debug)]
pub struct ReadFile {
    /// The client that it is for.
    pub id: ClientId,
    /// The file.
    pub file: ClientFile,
    /// Whether a secret stands in it.
    pub has_secret: bool,
}

/// Whether a path relative to the tenant directory can be that of a client's file.
pub fn is_client_file(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.parent() == Some(Path::new(CLIENTS)) && format_of(path).is_some()
}

/// Reads a client's file, at this path relative to the tenant directory. Values that the API would refuse are no error: the file
/// can be looked at all the same, and they may be what the tenant has.
///
/// # Errors
/// It is no client's file, or its content is not what it has to be.
pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<ReadFile, ParseError> {
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
    let id = client_id(&document)?;
    let mut fields = document.into_fields();
    let has_secret = strip_secrets(&mut fields);
    let file = ClientFile {
        file: format!("{CLIENTS}/{name}"),
        stem: stem.to_owned(),
        format,
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

impl ClientFile {
    /// What is wrong with a value that the API would refuse; None if it would take the value, or the file has none.
    pub fn invalid(&self, field: Field) -> Option<ParseError> {
        let invalid = field.validate(field.of(&self.fields)?).err()?;
        let document = Document::parse(self.text.as_bytes(), self.format).ok()?;
        let entry = invalid.entry.map(Step::Index);
        let path = std::iter::once(Step::Key(invalid.field.name())).chain(entry);
        let position = document.position_at(&path.collect::<Vec<_>>());
        Some(document.problem(position, invalid.to_string(), &invalid.hint))
    }
}

/// The format that a path's extension stands for.
pub(super) fn format_of(path: &Path) -> Option<Format> {
    Format::from_extension(utf8(path.extension())?)
}

fn client_id(document: &Document<'_>) -> Result<ClientId, ParseError> {
    let (problem, hint) = match document.fields().get(CLIENT_ID) {
        Some(Value::String(id)) => match ClientId::from(id.as_str()) {
            id if id.is_addressable() => return Ok(id),
            id => {
                let problem = match id.as_str() {
                    "" => "`client_id` is empty".to_owned(),
                    id => format!("`{}` can't be a client_id", id.escape_debug()),
                };
                (
                    problem,
                    "`tenantry list` shows the ids of the tenant's clients",
                )
            }
        },
        Some(_) => ("`client_id` is not text".to_owned(), "put it into quotes"),
        None => (
            "there is no `client_id`".to_owned(),
            "it says which client of the tenant the file is for, and tenantry makes none: make the client in the dashboard, and \
             write the id here that `tenantry list` shows",
        ),
    };
    Err(document.problem(document.position(CLIENT_ID), problem, hint))
}

fn utf8(text: Option<&std::ffi::OsStr>) -> Option<&str> {
    text?.to_str()
}
