//! The folder that the pictures go to, and what they are called there.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use blendnet_protocol::{FrameView, PackPath, ResultFile};

use super::problem::{Problem, ProblemKind};

/// The folder of a render's pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    folder: PathBuf,
    stem: String,
    /// Mode of the files that other programs of this user make there.
    mode: u32,
}

/// A file of a frame and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name on the farm, for the scene's own output and File Output nodes; `None` is the
    /// lossless image.
    pub composed: Option<String>,
    /// Content and size.
    pub file: ResultFile,
    /// Where it goes.
    pub path: PathBuf,
}

impl Output {
    /// Makes the folder, and tries whether files can be written there.
    pub fn prepare(folder: &Path, stem: &str) -> Result<Self, Problem> {
        let hint = "name a folder that you may write to with --output DIR";
        let field =
            "name a folder that you may write to in the field Pictures to, beside the scene";
        let refuse = |e: &std::io::Error| {
            Problem::local_file(e, ProblemKind::Input).hint(hint).in_window(field)
        };
        let folder = std::path::absolute(folder).map_err(|e| refuse(&e))?;
        fs_err::create_dir_all(&folder).map_err(|e| refuse(&e))?;
        let mode = usual_mode(&folder).map_err(|e| refuse(&e).in_folder(&folder))?;
        Ok(Self { folder, stem: stem.to_owned(), mode })
    }

    /// Gives a picture the mode that other programs would give it; downloads are private.
    pub fn share(&self, picture: &Path) -> std::io::Result<()> {
        fs_err::set_permissions(picture, Permissions::from_mode(self.mode))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the names of pictures begin with.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// The preview, while frames are rendered. Several scenes may be rendered to one folder.
    pub fn preview(&self) -> PathBuf {
        self.folder.join(format!("{}_preview.png", self.stem))
    }

    /// Where the files of a frame go: `shot_0001.exr` is the lossless one, `shot_0001.png` the
    /// scene's own output; files of File Output nodes keep their names.
    pub fn targets(&self, frame: &FrameView) -> Vec<Target> {
        let base = format!("{}_{:04}", self.stem, frame.frame);
        let mut taken = BTreeSet::new();
        let mut targets = Vec::new();
        if let Some(image) = &frame.image {
            let name = free_name(&mut taken, &format!("{base}.exr"));
            let path = self.folder.join(name);
            targets.push(Target { composed: None, file: image.clone(), path });
        }
        for (at, file) in frame.composed.iter().enumerate() {
            let wanted = if at == 0 {
                extension(&file.name).map_or_else(|| base.clone(), |ext| format!("{base}.{ext}"))
            } else {
                safe_name(&file.name)
            };
            let path = self.folder.join(free_name(&mut taken, &wanted));
            targets.push(Target { composed: Some(file.name.clone()), file: file.clone(), path });
        }
        targets
    }
}

impl Problem {
    fn in_folder(mut self, folder: &Path) -> Self {
        self.message = format!("can't write to {}: {}", folder.display(), self.message);
        self
    }
}

/// Writes a file, to see that it can be done and which mode it gets.
fn usual_mode(folder: &Path) -> std::io::Result<u32> {
    let shared = Permissions::from_mode(0o666);
    let probe =
        tempfile::Builder::new().prefix(".blendnet-").permissions(shared).tempfile_in(folder)?;
    Ok(probe.as_file().metadata()?.permissions().mode() & 0o777)
}

/// A relative name that stays inside the folder, whatever the farm says.
fn safe_name(name: &str) -> String {
    PackPath::new(name).map_or_else(
        |_e| name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect(),
        String::from,
    )
}

fn extension(name: &str) -> Option<String> {
    let extension = Path::new(name).extension()?.to_str()?;
    extension.chars().all(char::is_alphanumeric).then(|| extension.to_owned())
}

/// `wanted`, or with `_composite` behind its stem as often as needed: a scene whose own output
/// is EXR too must not replace the lossless image.
fn free_name(taken: &mut BTreeSet<String>, wanted: &str) -> String {
    let mut name = wanted.to_owned();
    while !taken.insert(name.to_lowercase()) {
        name = match name.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}_composite.{extension}"),
            None => format!("{name}_composite"),
        };
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::recorded::{file, frame};
    use blendnet_protocol::FrameState;

    fn names(number: i32, image: Option<&str>, composed: &[&str]) -> Vec<String> {
        let mut view = frame(number, FrameState::Completed, 1.0);
        view.image = image.map(file);
        view.composed = composed.iter().map(|name| file(name)).collect();
        let output = Output { folder: PathBuf::from("/out"), stem: "shot".to_owned(), mode: 0o644 };
        output.targets(&view).iter().map(|target| target.path.display().to_string()).collect()
    }

    #[test]
    fn pictures_are_named_after_the_blend_and_the_frame() {
        assert_eq!(
            names(7, Some("0007.exr"), &["0007.png"]),
            ["/out/shot_0007.exr", "/out/shot_0007.png"]
        );
        assert_eq!(names(-5, Some("x.exr"), &[]), ["/out/shot_-005.exr"]);
        assert_eq!(names(12345, Some("x.exr"), &[]), ["/out/shot_12345.exr"]);
    }

    #[test]
    fn an_exr_of_the_scene_does_not_replace_the_lossless_one() {
        assert_eq!(
            names(1, Some("0001.exr"), &["0001.exr"]),
            ["/out/shot_0001.exr", "/out/shot_0001_composite.exr"]
        );
    }

    #[test]
    fn files_of_file_output_nodes_keep_their_names_and_stay_inside() {
        assert_eq!(
            names(1, None, &["0001.jpg", "mask/mask_0001.png", "../../etc/passwd", "/abs"])[1..],
            ["/out/mask/mask_0001.png", "/out/______etc_passwd", "/out/_abs"]
        );
    }

    #[test]
    fn pictures_get_the_mode_of_other_files_and_nothing_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let output = Output::prepare(&dir.path().join("new"), "shot").unwrap();
        assert_eq!(fs_err::read_dir(output.folder()).unwrap().count(), 0);
        let mode =
            |name: &str| fs_err::metadata(output.folder().join(name)).unwrap().permissions().mode();
        fs_err::write(output.folder().join("usual"), b"").unwrap();
        let picture = output.folder().join("picture");
        fs_err::write(&picture, b"").unwrap();
        fs_err::set_permissions(&picture, Permissions::from_mode(0o600)).unwrap();
        output.share(&picture).unwrap();
        assert_eq!(mode("picture"), mode("usual"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_bad_input() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let problem = Output::prepare(&file.path().join("x"), "shot").unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Input);
        assert!(problem.hint.unwrap().contains("--output"));
    }
}
