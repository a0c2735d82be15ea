//! What a push is about to make, on the disk before the request goes out. Where a push is killed, or its answer is lost, the next one
//! reads it and looks whether the tenant has the resource, before anything is made a second time. git ignores it.

use std::fs;
use std::io;

use serde_json::{Map, Value, json};

use super::LARGEST_FILE;
use super::directory::TenantDirectory;
use super::error::{FilesError, io};
use crate::json;
use crate::kinds::Kind;

const FILE: &str = "create.json";
const VERSION: u64 = 1;

/// What a push is about to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// The tenant.
    pub domain: String,
    /// The kind of what is made.
    pub kind: &'static Kind,
    /// Its file, relative to the tenant directory.
    pub file: String,
    /// What is sent.
    pub sent: Map<String, Value>,
}

impl Intent {
    fn write(&self) -> String {
        let Intent {
            domain,
            kind,
            file,
            sent,
        } = self;
        json!({"version": VERSION, "domain": domain, "kind": kind.name, "file": file, "sent": sent})
            .to_string()
    }

    /// None where the text is no intent, as of a version that is not known.
    fn parse(text: &[u8]) -> Option<Intent> {
        let value = json::parse(std::str::from_utf8(text).ok()?).ok()?;
        let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
        if value.get("version")?.as_u64() != Some(VERSION) {
            return None;
        }
        Some(Intent {
            domain: text("domain")?,
            kind: Kind::named(&text("kind")?)?,
            file: text("file")?,
            sent: value.get("sent")?.as_object()?.clone(),
        })
    }
}

impl TenantDirectory {
    /// Writes down what is about to be made. It is on the disk when this returns.
    ///
    /// # Errors
    /// What is there is a link, or the system refuses: then nothing may be made.
    pub fn write_intent(&self, intent: &Intent) -> Result<(), FilesError> {
        self.write_state(FILE, intent.write().as_bytes())
    }

    /// What an earlier push was about to make, and may have made.
    ///
    /// # Errors
    /// It is a link, the system refuses, or the file is none of ours: then nobody knows what was made.
    pub fn read_intent(&self) -> Result<Option<Intent>, FilesError> {
        let Some(text) = self.read_state(FILE, LARGEST_FILE)? else {
            return Ok(None);
        };
        match Intent::parse(&text) {
            Some(intent) => Ok(Some(intent)),
            None => {
                let problem = "it is not what this tenantry writes of a resource that it makes; see `tenantry list` for what is \
                               there, and remove it";
                Err(io("use", self.state_path(FILE))(io::Error::other(problem)))
            }
        }
    }

    /// Forgets it: it is known what became of it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn forget_intent(&self) -> Result<(), FilesError> {
        let path = self.state_path(FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(io("remove", path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Access;
    use crate::kinds::{Managed, clients};

    #[test]
    fn an_intent_is_read_as_it_was_written_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let directory =
            TenantDirectory::open(folder.path(), Managed::default(), Access::Create, || {})
                .unwrap();
        assert_eq!(directory.read_intent().unwrap(), None);
        let sent = json!({"name": "A", "client_metadata": {"$serde_json::private::Number": "1"}});
        let intent = Intent {
            domain: "d".to_owned(),
            kind: &clients::KIND,
            file: "clients/a.yaml".to_owned(),
            sent: sent.as_object().unwrap().clone(),
        };
        directory.write_intent(&intent).unwrap();
        assert_eq!(directory.read_intent().unwrap(), Some(intent));
        let ignored = fs::read_to_string(folder.path().join(".tenantry/.gitignore")).unwrap();
        assert_eq!(ignored, "*\n");
        fs::write(directory.state_path(FILE), "{}").unwrap();
        assert!(directory.read_intent().is_err());
        directory.forget_intent().unwrap();
        assert_eq!(directory.read_intent().unwrap(), None);
    }
}
