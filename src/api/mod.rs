//! The Management API.

pub mod assertion;
