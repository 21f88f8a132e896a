//! Folders for hand-overs: made empty for Blender, removed when they are old.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use blendnet_net::secret::{Password, create_private_dir};

use crate::workflow::data_dir::DataDir;
use crate::workflow::problem::Problem;

/// What is older than this is removed when the next one comes, but for the newest ones.
const KEPT: Duration = Duration::from_hours(24);
/// The newest ones stay, however old: one of them is perhaps still open.
const NEWEST_KEPT: usize = 3;

/// Makes an empty folder that only the user can read, and removes those of earlier days.
pub fn make(data: &DataDir) -> Result<PathBuf, Problem> {
    let all = data.root().join("handoffs");
    tidy(&all, SystemTime::now());
    let cant = |why: String| {
        Problem::input(why).hint("name another data folder with BLENDNET_DIR, or free this one")
    };
    let random = Password::generate().map_err(|e| cant(e.to_string()))?;
    let folder = all.join(random.reveal());
    create_private_dir(&folder).map_err(|e| cant(e.to_string()))?;
    Ok(folder)
}

/// Removes old folders; what can't be removed now is tried again the next time.
fn tidy(all: &Path, now: SystemTime) {
    let Ok(entries) = fs_err::read_dir(all) else { return };
    let changed = |path: PathBuf| Some((fs_err::metadata(&path).ok()?.modified().ok()?, path));
    let mut folders: Vec<(SystemTime, PathBuf)> =
        entries.filter_map(Result::ok).filter_map(|entry| changed(entry.path())).collect();
    folders.sort();
    let may_go = folders.len().saturating_sub(NEWEST_KEPT);
    for (changed, folder) in folders.into_iter().take(may_go) {
        if now.duration_since(changed).is_ok_and(|age| age > KEPT) {
            drop(fs_err::remove_dir_all(folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_folder_is_new_and_for_the_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let (one, other) = (make(&data).unwrap(), make(&data).unwrap());
        assert_ne!(one, other);
        assert!(super::super::is_id(&one.file_name().unwrap().to_string_lossy()));
        let mode = fs_err::metadata(&one).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn old_folders_go_and_the_newest_stay() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let made: Vec<PathBuf> = (0..5).map(|_| make(&data).unwrap()).collect();
        tidy(&dir.path().join("handoffs"), SystemTime::now() + Duration::from_hours(1));
        assert!(made.iter().all(|folder| folder.is_dir()), "none is old yet");
        tidy(&dir.path().join("handoffs"), SystemTime::now() + Duration::from_hours(48));
        assert_eq!(made.iter().filter(|folder| folder.is_dir()).count(), NEWEST_KEPT);
    }

    #[test]
    fn a_data_folder_that_can_not_be_written_to_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        fs_err::write(dir.path().join("handoffs"), b"no folder").unwrap();
        assert!(make(&data).unwrap_err().hint.is_some());
    }
}
