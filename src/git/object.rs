//! What git calls a commit or a content, and the files that it tracks.

use std::fmt;

use ring::digest;

/// The full id of a commit or a file's content, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(String);

impl ObjectId {
    /// The id in a text that is nothing else.
    pub fn parse(text: &str) -> Option<ObjectId> {
        let is_id =
            [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| ObjectId(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its beginning, which is enough for people and for git.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }

    /// The id of a content, in a repository that has `like` as an id.
    pub fn of(content: &[u8], like: &ObjectId) -> ObjectId {
        let algorithm = match like.0.len() {
            40 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            _ => &digest::SHA256,
        };
        let mut digest = digest::Context::new(algorithm);
        digest.update(format!("blob {}\0", content.len()).as_bytes());
        digest.update(content);
        let digest = digest.finish();
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        ObjectId(digits.collect())
    }

    /// Whether git calls this content by this id.
    pub fn is_of(&self, content: &[u8]) -> bool {
        ObjectId::of(content, self) == *self
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file at a commit or in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedFile {
    /// Its path relative to the tenant directory, with `/`.
    pub path: String,
    /// Its content.
    pub content: ObjectId,
}
