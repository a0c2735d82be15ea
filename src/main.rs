//! The program `tenantry`: all of it is in the library, where its tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenantry::main()
}
