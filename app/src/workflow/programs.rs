//! Finds the other programs of BlendNet.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::problem::Problem;

/// Finds `name` beside our own executable, then on `PATH`.
pub fn find(name: &str) -> Result<PathBuf, Problem> {
    let own = std::env::current_exe().ok().and_then(|exe| exe.canonicalize().ok());
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = beside.clone().into_iter().chain(std::env::split_paths(&on_path));
    find_in(name, folders).ok_or_else(|| {
        let beside = beside.map_or_else(String::new, |dir| format!(" in {} nor", dir.display()));
        Problem::farm(format!("the program `{name}` is neither{beside} on the PATH"))
            .hint("install blendnet, blendnet-manager and blendnet-agent in one folder; `make run` builds them all")
    })
}

fn find_in(name: &str, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    folders
        .into_iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    fs_err::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_with_an_executable_wins() {
        let (plain, first, second) = (
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
        );
        fs_err::write(plain.path().join("tool"), b"not executable").unwrap();
        for dir in [&first, &second] {
            let tool = dir.path().join("tool");
            fs_err::write(&tool, b"#!/bin/sh\n").unwrap();
            fs_err::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let folders = [&plain, &first, &second].map(|dir| dir.path().to_owned());
        assert_eq!(find_in("tool", folders), Some(first.path().join("tool")));
    }

    #[test]
    fn a_missing_program_is_a_sentence_with_a_remedy() {
        let problem = find("blendnet-no-such-program").unwrap_err();
        assert!(problem.message.contains("blendnet-no-such-program"));
        assert!(problem.hint.unwrap().contains("make run"));
    }
}
