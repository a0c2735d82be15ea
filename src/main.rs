//! Not a program yet.

fn main() {}
