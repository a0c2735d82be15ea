//! How texts look, in colours that the printing side takes out where they don't belong.

use anstyle::{AnsiColor, Style};

/// What a piece of text is about.
pub(super) const FILE: Style = Style::new().bold();
/// What is there for the sake of completeness.
pub(super) const DIM: Style = Style::new().dimmed();
/// What comes, and what went well.
pub(super) const ADDED: Style = AnsiColor::Green.on_default();
/// What goes, and what failed.
pub(super) const REMOVED: Style = AnsiColor::Red.on_default();
/// What somebody else did.
pub(super) const DRIFT: Style = AnsiColor::Yellow.on_default();
/// What somebody should not miss.
pub(super) const LOUD: Style = DRIFT.bold();
