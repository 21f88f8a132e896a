//! `blendnet`: a window, and the same on a command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(blendnet_app::cli::run(std::env::args_os()))
}
