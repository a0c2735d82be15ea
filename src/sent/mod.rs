//! What a push sent to a tenant and what was there before, field by field: a value that is kept beside the lock, line by line, and
//! that the document of `push -o json` can be read as. An undo is made of it. Pure.

mod reading;
mod record;
mod writing;

pub use record::{Became, InFile, SentBy, SentField, SentPush, SentResource};
pub use writing::{FINISHED, created_line, outcome_line, resolved_line};
