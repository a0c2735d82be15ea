//! What a push is about to make, on the disk before the request goes out. Where a push is killed, or its answer is lost, the next one
//! reads it and looks whether the tenant has the resource, before anything is made a second time. git ignores it.

use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::LARGEST_FILE;
use super::directory::TenantDirectory;
use super::error::{FilesError, io};
use crate::json;
use crate::kinds::Kind;

const FILE: &str = "create.json";
const VERSION: u64 = 2;

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
    /// Up to when the tenant may still make it, in seconds since 1970: an answer that does not come in time leaves that open.
    pub open_until: u64,
}

impl Intent {
    /// Leaves open for so long from now on what becomes of it.
    pub fn leave_open(&mut self, now: SystemTime, wait: Duration) {
        self.open_until = seconds(now + wait);
    }

    /// For how long it is still open, but no longer than `longest`, which a clock that was set back would have it be.
    pub fn is_open_for(&self, now: SystemTime, longest: Duration) -> Duration {
        let left = self.open_until.saturating_sub(seconds(now));
        Duration::from_secs(left).min(longest)
    }

    fn write(&self) -> String {
        let Intent {
            domain,
            kind,
            file,
            sent,
            open_until,
        } = self;
        json!({"version": VERSION, "domain": domain, "kind": kind.name, "file": file, "sent": sent, "open_until": open_until})
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
            open_until: value.get("open_until")?.as_u64()?,
        })
    }
}

/// Whole seconds since 1970, rounded up: what is open until then is not over before.
fn seconds(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
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
            open_until: 7,
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
    #[test]
    fn an_intent_is_open_for_a_while_whatever_the_clock_says() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_millis(seconds);
        let mut intent = Intent {
            domain: String::new(),
            kind: &clients::KIND,
            file: String::new(),
            sent: Map::new(),
            open_until: 0,
        };
        let minute = Duration::from_secs(60);
        assert_eq!(intent.is_open_for(at(5_000), minute), Duration::ZERO);
        intent.leave_open(at(100_500), minute);
        for (now, left) in [
            (100_500, 60),
            (140_000, 21),
            (161_000, 0),
            (999_000, 0),
            (0, 60),
        ] {
            let left = Duration::from_secs(left);
            assert_eq!(intent.is_open_for(at(now), minute), left, "{now}");
        }
    }
}
