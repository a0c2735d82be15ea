//! Version control for an Auth0 tenant's settings.

pub mod client;
pub mod sandbox;
