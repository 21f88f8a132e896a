//! The folder that the app keeps between runs: the farm's folder, its log, what it knows of jobs.

use std::path::{Path, PathBuf};

use blendnet_net::secret::create_private_dir;

use super::problem::Problem;

/// Paths of the data folder.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
    named: bool,
}

impl DataDir {
    /// Opens `wanted`, or the user's own data folder, and makes it if it is not there.
    pub fn open(wanted: Option<&Path>) -> Result<Self, Problem> {
        let root = match wanted {
            Some(wanted) => std::path::absolute(wanted)
                .map_err(|e| Problem::input(format!("data folder {}: {e}", wanted.display())))?,
            None => directories::ProjectDirs::from("", "", "blendnet")
                .map(|dirs| dirs.data_dir().to_owned())
                .ok_or_else(|| {
                    Problem::input("there is no home folder to keep the farm's data in")
                        .hint("name a folder with --data-dir DIR or BLENDNET_DIR")
                })?,
        };
        let data = Self { root, named: wanted.is_some() };
        for dir in [data.root(), &data.farm_dir(), &data.jobs_dir()] {
            make_private(dir)?;
        }
        Ok(data)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `--data-dir` has to say to find this folder again; `None`: nothing.
    pub fn option(&self) -> Option<String> {
        let environment =
            std::env::var_os("BLENDNET_DIR").and_then(|dir| std::path::absolute(dir).ok());
        let needed = self.named && environment.as_ref() != Some(&self.root);
        needed.then(|| self.root.display().to_string())
    }

    /// The manager's folder.
    pub fn farm_dir(&self) -> PathBuf {
        self.root.join("farm")
    }

    /// What the manager logs.
    pub fn farm_log(&self) -> PathBuf {
        self.root.join("farm.log")
    }

    /// Pipe that the programs which use a farm hold open; see `launch`.
    pub fn farm_users(&self) -> PathBuf {
        self.root.join("farm.users")
    }

    /// One file for each job that this app submitted.
    pub fn jobs_dir(&self) -> PathBuf {
        self.root.join("jobs")
    }
}

fn make_private(dir: &Path) -> Result<(), Problem> {
    create_private_dir(dir).map_err(|e| {
        Problem::input(e.to_string())
            .hint("name another data folder with --data-dir DIR or BLENDNET_DIR")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::problem::ProblemKind;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_data_folder_is_for_the_user_alone() {
        let outer = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(&outer.path().join("a/b"))).unwrap();
        for dir in [data.root(), &data.farm_dir(), &data.jobs_dir()] {
            let mode = fs_err::metadata(dir).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", dir.display());
        }
    }

    #[test]
    fn a_data_folder_that_is_a_file_is_refused_with_a_remedy() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let problem = DataDir::open(Some(file.path())).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Input);
        assert!(problem.hint.unwrap().contains("--data-dir"));
    }
}
