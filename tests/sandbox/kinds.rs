//! The kinds besides clients, each over a real socket.

use super::*;
