//! Our programs, as built beside the test.

use std::path::PathBuf;
use std::process::Command;

/// Path of one of our programs.
///
/// # Panics
/// If it is not built: `make test` builds all of them first.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    let folder = folder.unwrap_or_else(|| panic!("{name} is not built; run `make test`"));
    folder.join(name)
}

/// Starts one of our programs, which keeps what it knows of this computer's Blenders where the tests do and
/// not where the user's programs do. Arguments are to follow.
///
/// # Panics
/// If it is not built.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(program(name));
    command.env("XDG_CACHE_HOME", cache_home());
    command
}

/// The user's cache folder, for tests.
///
/// # Panics
/// If it can't be made.
pub fn cache_home() -> PathBuf {
    let folder = program("blendnet").with_file_name("test-cache");
    fs_err::create_dir_all(&folder).expect("a folder for what tests keep");
    folder
}
