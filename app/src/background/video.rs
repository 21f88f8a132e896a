//! Makes one file of the pictures of an animation, with the ffmpeg that is installed.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::Outbox;
use crate::gui::event::Event;
use crate::workflow::problem::{Problem, ProblemKind};

/// Asks where to, and makes it there.
pub(super) async fn save(pictures: Vec<PathBuf>, fps: f64, outbox: &Outbox) {
    let dialog = rfd::AsyncFileDialog::new().set_title("Save the video").set_file_name("video.mp4");
    let dialog = dialog.add_filter("Videos", &["mp4", "mkv", "mov", "webm"]);
    let Some(chosen) = dialog.save_file().await else { return };
    let to = chosen.path().to_owned();
    outbox.tell(match make(Path::new("ffmpeg"), &pictures, fps, &to).await {
        Ok(()) => Event::SavedAs(to),
        Err(problem) => Event::Trouble(problem),
    });
}

/// Makes it beside its place first: what is there stays until the new one is whole.
async fn make(ffmpeg: &Path, pictures: &[PathBuf], fps: f64, to: &Path) -> Result<(), Problem> {
    let failed = |e: std::io::Error| Problem::local_file(&e, ProblemKind::Input);
    let folder = to.parent().unwrap_or(Path::new("."));
    let mut list = tempfile::NamedTempFile::new().map_err(failed)?;
    list.write_all(listed(pictures, fps).as_bytes()).map_err(failed)?;
    let ending = to.extension().unwrap_or("mp4".as_ref()).to_string_lossy().into_owned();
    let suffix = format!(".{ending}");
    let mut builder = tempfile::Builder::new();
    let half = builder.prefix(".video-").suffix(&suffix).tempfile_in(folder).map_err(failed)?;
    let mut command = Command::new(ffmpeg);
    command.args(arguments(list.path(), fps, half.path())).stdin(Stdio::null());
    let output = command.kill_on_drop(true).output().await.map_err(|e| absent(&e))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<String> = said.lines().rev().take(12).map(str::to_owned).collect();
        return Err(Problem::input(format!("ffmpeg can't make {}", to.display()))
            .hint("try another ending, such as .mp4 or .mkv; the pictures are as they were")
            .details(lines.into_iter().rev().collect()));
    }
    half.persist(to).map(drop).map_err(|e| failed(e.error))
}

fn absent(error: &std::io::Error) -> Problem {
    let problem = Problem::input(format!("a video needs ffmpeg, which does not start: {error}"));
    problem.hint("install it (Debian: apt install ffmpeg; macOS: brew install ffmpeg; Windows: winget install ffmpeg)")
}

/// The list that ffmpeg's concat reads: each picture as long as a frame.
fn listed(pictures: &[PathBuf], fps: f64) -> String {
    let secs = 1.0 / fps.max(0.01);
    let line = |path: &PathBuf| {
        let path = path.display().to_string().replace('\'', r"'\''");
        format!("file '{path}'\nduration {secs}\n")
    };
    format!("ffconcat version 1.0\n{}", pictures.iter().map(line).collect::<String>())
}

fn arguments(list: &Path, fps: f64, to: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["-y", "-v", "error", "-f", "concat", "-safe", "0", "-i"].map(OsString::from).into();
    arguments.push(list.into());
    // Players want an even size and this pixel format.
    let even = "pad=ceil(iw/2)*2:ceil(ih/2)*2";
    arguments.extend(["-vf", even, "-pix_fmt", "yuv420p", "-r"].map(OsString::from));
    arguments.push(fps.to_string().into());
    arguments.push(to.into());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join("ffmpeg");
        fs_err::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn every_picture_is_as_long_as_a_frame_and_quotes_in_names_are_no_end_of_them() {
        let dir = tempfile::tempdir().unwrap();
        // What it was told to read goes into the file that it was told to make.
        let ffmpeg = program(dir.path(), r#"for last; do :; done; cat "$9" > "$last""#);
        let to = dir.path().join("a.mp4");
        let pictures = ["/out/it's 1.png".into(), "/out/2.png".into()];
        make(&ffmpeg, &pictures, 25.0, &to).await.unwrap();
        let read = fs_err::read_to_string(&to).unwrap();
        assert!(read.contains(r"file '/out/it'\''s 1.png'") && read.contains("duration 0.04"));
        assert_eq!(read.matches("file ").count(), 2);
    }

    #[tokio::test]
    async fn what_was_there_stays_when_it_fails_and_the_artist_is_told_why() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("a.mp4");
        fs_err::write(&to, b"before").unwrap();
        let ffmpeg = program(dir.path(), "echo no such codec >&2; exit 1");
        let problem = make(&ffmpeg, &["/a.png".into()], 24.0, &to).await.unwrap_err();
        assert!(problem.details.join(" ").contains("no such codec"));
        let problem = make(&dir.path().join("none"), &[], 24.0, &to).await.unwrap_err();
        assert!(problem.hint.unwrap().contains("apt install ffmpeg"));
        assert_eq!(fs_err::read(&to).unwrap(), b"before");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 2, "nothing half is left");
    }
}
