//! Version control for an Auth0 tenant's settings.

pub mod api;
pub mod client;
pub mod files;
pub mod sandbox;
pub mod settings;
