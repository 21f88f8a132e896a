//! Files: scenes are read, pictures loaded and saved, dialogs shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blendnet_pack::blend::BlendFile;
use blendnet_pack::trace::{self, TraceOptions};
use blendnet_pack::{PackError, inspect};
use image::{DynamicImage, ImageFormat};

use super::{Outbox, exr};
use crate::gui::event::{Event, Picture, SceneRead};
use crate::workflow::problem::{Problem, ProblemKind};
use crate::workflow::scene_files::Moved;

/// Pictures are larger than this in no direction; graphics chips take no more.
const MOST_PX: u32 = 8192;

/// Longer side of small pictures.
const THUMB_PX: u32 = 200;

/// Asks for a .blend and reads it.
pub(super) async fn choose_scene(outbox: &Outbox) {
    let dialog = rfd::AsyncFileDialog::new().add_filter("Blender files", &["blend"]);
    if let Some(chosen) = dialog.set_title("Open a scene").pick_file().await {
        let path = chosen.path().to_owned();
        outbox.tell(Event::SceneChosen(path.clone()));
        read_scene(path, outbox).await;
    }
}

/// Asks for the folder of the pictures.
pub(super) async fn choose_output(from: PathBuf, outbox: &Outbox) {
    let dialog = rfd::AsyncFileDialog::new().set_title("Folder for the pictures");
    if let Some(chosen) = dialog.set_directory(from).pick_folder().await {
        outbox.tell(Event::OutputChosen(chosen.path().to_owned()));
    }
}

/// Tells what is in a .blend, and then which files it needs.
pub(super) async fn read_scene(path: PathBuf, outbox: &Outbox) {
    let read = in_background(&path, |path| look_into(path).map_err(|e| Problem::of_pack(&e))).await;
    let failed = read.is_err();
    outbox.tell(Event::SceneRead(path.clone(), read.map(Arc::new)));
    if failed {
        return;
    }
    trace_scene(path, Moved::new(), outbox).await;
}

/// Tells which files a .blend needs.
pub(super) async fn trace_scene(path: PathBuf, moved: Moved, outbox: &Outbox) {
    let options = TraceOptions { frames: None, moved };
    let trace = move |path: &Path| trace::trace(path, &options).map_err(|e| Problem::of_pack(&e));
    let traced = in_background(&path, trace).await;
    outbox.tell(Event::SceneTraced(path, traced.map(Arc::new)));
}

/// Asks where a missing file is.
pub(super) async fn find(missing: PathBuf, outbox: &Outbox) {
    let name = missing.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let dialog = rfd::AsyncFileDialog::new().set_title(format!("Where is {name}?"));
    let ending = missing.extension().map(|ending| ending.to_string_lossy().into_owned());
    let dialog = match &ending {
        Some(ending) => dialog.add_filter("Files of this kind", &[ending]),
        None => dialog,
    };
    if let Some(chosen) = dialog.add_filter("All files", &["*"]).pick_file().await {
        outbox.tell(Event::Found { missing, file: chosen.path().to_owned() });
    }
}

fn look_into(path: &Path) -> Result<SceneRead, PackError> {
    let inspection = inspect::inspect(path)?;
    // A second opening costs milliseconds; without a picture the scene is shown all the same.
    let thumbnail = BlendFile::open(path).ok().and_then(|file| inspect::thumbnail(&file));
    Ok(SceneRead { inspection, thumbnail })
}

/// Loads a pass of an EXR to look at; other pictures have none.
pub(super) async fn load_pass(path: PathBuf, pass: Option<String>, outbox: &Outbox) {
    let loaded = load(&path, pass).await;
    outbox.tell(Event::Picture(path, loaded));
}

/// Loads a picture, or a pass of an EXR.
pub(super) async fn load(path: &Path, pass: Option<String>) -> Result<Arc<Picture>, Problem> {
    let load = move |path: &Path| {
        let is_exr = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("exr"));
        if is_exr { exr::load(path, pass.as_deref()) } else { decode(path) }
    };
    in_background(path, load).await.map(Arc::new)
}

/// Loads a small picture; where that can't be done there is none.
pub(super) async fn load_thumb(path: PathBuf, outbox: &Outbox) {
    // Each takes the memory of a whole picture while it is made smaller.
    static TURN: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
    let Ok(_turn) = TURN.acquire().await else { return };
    let small = in_background(&path, |path| {
        let is_exr = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("exr"));
        if is_exr {
            let picture = exr::load(path, None)?;
            let [width, height] = picture.pixels.size.map(|px| u32::try_from(px).unwrap_or(0));
            let bytes = picture.pixels.as_raw().to_vec();
            let whole = image::RgbaImage::from_raw(width, height, bytes);
            return Ok(image_of(&DynamicImage::ImageRgba8(whole.unwrap_or_default())));
        }
        Ok(image_of(&read_picture(path)?))
    });
    let small = small.await.inspect_err(|problem| tracing::debug!("{problem}")).ok();
    outbox.tell(Event::Thumb(path, small));
}

fn image_of(picture: &DynamicImage) -> egui::ColorImage {
    let small = picture.thumbnail(THUMB_PX, THUMB_PX).to_rgba8();
    let size = [small.width(), small.height()].map(|px| usize::try_from(px).unwrap_or_default());
    egui::ColorImage::from_rgba_unmultiplied(size, small.as_raw())
}

fn decode(path: &Path) -> Result<Picture, Problem> {
    let picture = read_picture(path)?;
    let picture = if picture.width().max(picture.height()) > MOST_PX {
        picture.thumbnail(MOST_PX, MOST_PX)
    } else {
        picture
    };
    let rgba = picture.to_rgba8();
    let size = [rgba.width(), rgba.height()].map(|px| usize::try_from(px).unwrap_or(usize::MAX));
    let pixels = Arc::new(egui::ColorImage::from_rgba_unmultiplied(size, rgba.as_raw()));
    Ok(Picture { pixels, pass: None })
}

fn read_picture(path: &Path) -> Result<DynamicImage, Problem> {
    let cant = |why: &dyn std::fmt::Display| {
        Problem::input(format!("{} can't be shown: {why}", path.display()))
            .hint("open it with another program")
    };
    let bytes = fs_err::read(path).map_err(|e| cant(&e))?;
    image::load_from_memory(&bytes).map_err(|e| cant(&e))
}

/// Opens a file or folder with the desktop's program for it.
pub(super) async fn open_with_desktop(path: PathBuf, outbox: &Outbox) {
    let opened = in_background(&path, |path| {
        open::that_detached(path).map_err(|e| {
            Problem::input(format!("no program opens {}: {e}", path.display()))
                .hint("open it in your file manager")
        })
    });
    if let Err(problem) = opened.await {
        outbox.tell(Event::Trouble(problem));
    }
}

/// Asks where to, and saves a picture there.
pub(super) async fn save_as(path: PathBuf, outbox: &Outbox) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let dialog = rfd::AsyncFileDialog::new().set_title("Save the picture").set_file_name(name);
    let Some(chosen) = dialog.save_file().await else { return };
    let to = chosen.path().to_owned();
    let saved = in_background(&path, {
        let to = to.clone();
        move |from| save(from, &to)
    });
    outbox.tell(match saved.await {
        Ok(()) => Event::SavedAs(to),
        Err(problem) => Event::Trouble(problem),
    });
}

/// Writes it beside its place first: what is there stays until the new one is whole.
fn save(from: &Path, to: &Path) -> Result<(), Problem> {
    let failed = |e: std::io::Error| Problem::local_file(&e, ProblemKind::Input);
    let folder = to.parent().unwrap_or(Path::new("."));
    let mut file = usual_file(folder).map_err(failed)?;
    write(from, to, file.as_file_mut())?;
    file.persist(to).map(drop).map_err(|e| failed(e.error))
}

/// With the mode that other programs give files.
fn usual_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".blendnet-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Writes the very bytes where the format stays the same, so that nothing of it is lost.
fn write(from: &Path, to: &Path, file: &mut std::fs::File) -> Result<(), Problem> {
    let failed = |e: std::io::Error| {
        let named = format!("{} can't be written: {e}", to.display());
        Problem::local_file(&std::io::Error::new(e.kind(), named), ProblemKind::Input)
    };
    let ending = |path: &Path| path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    if ending(from) == ending(to) || ending(to).is_none() {
        let mut from =
            fs_err::File::open(from).map_err(|e| Problem::local_file(&e, ProblemKind::Input))?;
        return std::io::copy(&mut from, file).map(drop).map_err(failed);
    }
    let format = ImageFormat::from_path(to).map_err(|_e| {
        Problem::input(format!("{} is no format that can be written", to.display()))
            .hint("end the name with .png, .jpg or .tif")
    })?;
    let picture = read_picture(from)?;
    let picture = match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(picture.to_rgb8()),
        _ => picture,
    };
    picture.write_to(file, format).map_err(|e| match e {
        image::ImageError::IoError(e) => failed(e),
        e => failed(std::io::Error::other(e)),
    })
}

/// Runs what waits for the disk on a thread that may wait.
async fn in_background<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let path = path.to_owned();
    let ended = tokio::task::spawn_blocking(move || work(&path)).await;
    ended.unwrap_or_else(|e| Err(Problem::input(format!("reading a file failed: {e}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(folder: &Path) -> PathBuf {
        let path = folder.join("a.png");
        image::RgbaImage::from_fn(4, 2, |_, _| image::Rgba([1, 2, 3, 255])).save(&path).unwrap();
        path
    }

    #[test]
    fn a_picture_is_saved_in_the_format_of_its_ending() {
        let dir = tempfile::tempdir().unwrap();
        let from = picture(dir.path());
        for name in ["b.png", "b.jpg", "b.tif"] {
            let to = dir.path().join(name);
            save(&from, &to).unwrap();
            let decoded = decode(&to).unwrap();
            assert_eq!(decoded.pixels.size, [4, 2], "{name}");
        }
        assert_eq!(fs_err::read(&from).unwrap(), fs_err::read(dir.path().join("b.png")).unwrap());
        assert!(save(&from, &dir.path().join("b.mp3")).unwrap_err().hint.is_some());
    }

    #[test]
    fn a_picture_that_is_saved_as_itself_stays() {
        let dir = tempfile::tempdir().unwrap();
        let from = picture(dir.path());
        let before = fs_err::read(&from).unwrap();
        save(&from, &from).unwrap();
        assert_eq!(fs_err::read(&from).unwrap(), before);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_with_the_file_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let from = picture(dir.path());
        for name in ["b.png", "b.jpg", "b.tif"] {
            let to = dir.path().join(name);
            let mut full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let problem = write(&from, &to, &mut full).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::DiskFull, "{name}: {problem:?}");
            assert!(problem.message.contains(name) && problem.hint.is_some(), "{problem:?}");
        }
    }

    #[test]
    fn a_broken_picture_is_a_problem_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.png");
        fs_err::write(&path, b"\x89PNG\r\n\x1a\nrest").unwrap();
        assert!(decode(&path).unwrap_err().message.contains("broken.png"));
    }
}
