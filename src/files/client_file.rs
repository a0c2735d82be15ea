//! One client's file as it is read: whose it is, what it says, and which of its values the API would refuse.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::directory::{CLIENTS, read_inside};
use super::document::{Document, Format, ParseError, Position};
use super::error::{FilesError, io};
use super::lock::Lock;
use crate::client::{CLIENT_ID, ClientId, Field};

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
pub(super) struct ReadFile {
    pub(super) id: ClientId,
    pub(super) file: ClientFile,
    /// Values of updatable fields that the API would refuse, and that are not base's.
    pub(super) invalid: Vec<FilesError>,
    /// Whether a secret stands in it.
    pub(super) has_secret: bool,
}

/// Reads one file. Values that the API would refuse are no error yet: the file can be looked at all the same.
pub(super) fn read(root: &Path, path: &Path, lock: Option<&Lock>) -> Result<ReadFile, FilesError> {
    let (Some(format), Some(name), Some(stem)) = (
        format_of(path),
        utf8(path.file_name()),
        utf8(path.file_stem()),
    ) else {
        let problem = ParseError {
            position: Position::START,
            message: "the file's name is not UTF-8".to_owned(),
            hint: Some("rename it".to_owned()),
        };
        return Err(FilesError::content(path, problem));
    };
    let bytes = read_inside(root, path).map_err(io("read", path))?;
    let content = |error| FilesError::content(path, error);
    let mut document = Document::parse(&bytes, format).map_err(content)?;
    let has_secret = document.strip_secrets();
    let id = client_id(&document).map_err(content)?;
    let invalid = invalid(&document, &id, lock);
    let file = ClientFile {
        file: format!("{CLIENTS}/{name}"),
        stem: stem.to_owned(),
        format,
        fields: Arc::new(document.into_fields()),
        // Parsing found it to be UTF-8.
        text: String::from_utf8(bytes).unwrap_or_default(),
    };
    Ok(ReadFile {
        id,
        file,
        invalid: invalid.into_iter().map(content).collect(),
        has_secret,
    })
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
            "it says which client of the tenant the file is for; `tenantry list` shows them",
        ),
    };
    Err(document.problem(document.position(CLIENT_ID), problem, hint))
}

/// What was pulled is in order by definition, since the tenant has it; anything else has to obey the API's rules.
fn invalid(document: &Document<'_>, id: &ClientId, lock: Option<&Lock>) -> Vec<ParseError> {
    let base = lock.and_then(|lock| lock.base(id));
    let new = Field::ALL.into_iter().filter_map(|field| {
        let value = document.fields().get(field.name())?;
        let is_base = base.and_then(|base| base.get(field)) == Some(value);
        field.validate(value).err().filter(|_| !is_base)
    });
    new.map(|invalid| {
        let position = document.position_of(&invalid);
        document.problem(position, invalid.to_string(), &invalid.hint)
    })
    .collect()
}

fn utf8(text: Option<&std::ffi::OsStr>) -> Option<&str> {
    text?.to_str()
}
