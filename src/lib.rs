//! Version control for an Auth0 tenant's settings.

pub mod api;
pub mod apply;
pub mod cli;
pub mod client;
pub mod commands;
pub mod files;
pub mod merge;
pub mod plan;
pub mod render;
pub mod sandbox;
pub mod select;
pub mod settings;
mod three_way;
