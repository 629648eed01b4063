//! The `coalmine` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(coalmine::cli::main())
}
