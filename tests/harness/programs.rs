//! Our programs, as built beside the test.

use std::path::PathBuf;

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
