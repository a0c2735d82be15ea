//! Coming from the Deploy CLI: what its files say as edits of a tenant's files. What its files call by name is tied to the tenant's
//! resources here, and promotion does the rest. Pure, and told by the callers how files are read.

mod comments;
mod export;
mod keywords;
mod matching;
mod taking;

pub(crate) use comments::{Comments, with_comments};
pub(crate) use export::{Broken, Export, Settings, of_directory, of_yaml};
pub(crate) use matching::{Pair, Rename, apply, matched, renames};
pub(crate) use taking::{Taken, Tenant, take};

/// The largest file that is read, in bytes, and the largest that keywords may make one.
pub(crate) const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// Something that is not taken over: a line of the list that somebody works through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Where it stands in the Deploy CLI's files.
    pub(crate) place: String,
    /// The fields that it is about; none where it is about all of it.
    pub(crate) fields: Vec<String>,
    /// Why, and what to do.
    pub(crate) why: String,
}

impl Left {
    pub(crate) fn of(place: impl Into<String>, why: impl Into<String>) -> Left {
        Left {
            place: place.into(),
            fields: Vec::new(),
            why: why.into(),
        }
    }
}
