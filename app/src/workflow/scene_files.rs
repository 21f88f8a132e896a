//! The pack of a scene, made without Blender: its files are on their way while the farm starts,
//! and whatever Blender's own list lacks is there too.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blendnet_pack::PackError;
use blendnet_pack::inspect;
use blendnet_pack::pack::{self, Pack, PackFile};
use blendnet_pack::trace::TraceOptions;
use blendnet_protocol::{FrameSet, PackPath};
use tempfile::TempDir;

use super::blend_file::BlendFile;
use super::data_dir::DataDir;
use super::hashes::Hashes;
use super::places::Places;
use super::problem::Problem;
use super::upload::{self, LocalFile};

/// A .blend and what it names.
#[derive(Clone, Debug)]
pub struct SceneFiles {
    /// The place of the .blend in the job.
    pub project: PackPath,
    /// The .blend, and the files that it needs and that are there.
    pub files: Vec<LocalFile>,
    /// What is odd, in sentences.
    pub warnings: Vec<String>,
    /// Files that are not there: where they should be, and a sentence about each.
    pub missing: Vec<(PathBuf, String)>,
    /// Modules of the add-ons that go along.
    pub add_ons: Vec<String>,
    /// Places of files that none of the frames needs.
    pub unneeded: BTreeSet<PackPath>,
    /// Where files are.
    pub places: Places,
    /// Holds the copies whose paths are rewritten, until they are sent.
    _rewritten: Option<Arc<TempDir>>,
}

/// A pack, and the copies of .blend files in it whose paths are rewritten.
struct Planned {
    pack: Pack,
    copies: BTreeMap<PathBuf, PathBuf>,
    folder: TempDir,
    warnings: Vec<String>,
}

/// Where files and folders are that are not where the .blend says: from there, to here.
pub type Moved = BTreeMap<PathBuf, PathBuf>;

/// Reads and names a .blend and the files that these frames of a scene need.
pub async fn gather(
    hashes: Hashes,
    data: DataDir,
    blend: BlendFile,
    (scene, frames): (Option<String>, Option<FrameSet>),
    moved: Moved,
) -> Result<SceneFiles, Problem> {
    let path = blend.path.clone();
    let plan = move || {
        let frames = match &frames {
            Some(frames) => range(frames),
            None => current_frame(&path, scene.as_deref()),
        };
        planned(&path, data.root(), &TraceOptions { frames, moved })
    };
    let planned = tokio::task::spawn_blocking(plan).await;
    match planned {
        Ok(Ok(planned)) => packed(&hashes, planned).await,
        // What we can't read, Blender may: it lists its files itself.
        Ok(Err(error)) if matches!(error, PackError::Read { .. }) => {
            tracing::info!(%error, "the scene is not traced");
            let place = blend.pack_path.clone();
            let file = upload::hash(hashes, place.clone(), blend.path).await?;
            Ok(SceneFiles {
                project: place,
                files: vec![file],
                warnings: Vec::new(),
                missing: Vec::new(),
                add_ons: Vec::new(),
                unneeded: BTreeSet::new(),
                places: Places::new(None),
                _rewritten: None,
            })
        }
        Ok(Err(error)) => Err(Problem::of_pack(&error)),
        Err(error) => Err(Problem::input(format!("reading the .blend failed: {error}"))),
    }
}

fn range(frames: &FrameSet) -> Option<RangeInclusive<i32>> {
    let (first, last) = (frames.frames().first()?, frames.frames().last()?);
    Some(*first..=*last)
}

/// The frame that is rendered if none is asked for.
fn current_frame(blend: &Path, scene: Option<&str>) -> Option<RangeInclusive<i32>> {
    let found = inspect::inspect(blend).ok()?;
    let name = scene.or(found.active_scene.as_deref())?;
    let scene = found.scenes.iter().find(|scene| scene.name == name)?;
    let frame = i32::try_from(scene.frame_current).ok()?;
    Some(frame..=frame)
}

fn planned(blend: &Path, room: &Path, options: &TraceOptions) -> Result<Planned, PackError> {
    let error = |source| PackError::Write { path: room.to_owned(), source };
    let folder = tempfile::Builder::new().prefix("pack-").tempdir_in(room).map_err(error)?;
    let (mut copies, mut warnings) = (BTreeMap::new(), Vec::new());
    let rewrite = |pack: &Pack| {
        copies = BTreeMap::new();
        for (number, file) in (0_usize..).zip(&pack.files) {
            if !file.is_unchanged() {
                let copy = folder.path().join(format!("{number}.blend"));
                write(file, &copy)?;
                copies.insert(file.source.clone(), copy);
            }
        }
        Ok(())
    };
    let changed = |path: &Path| {
        warnings.push(format!("{} was saved meanwhile; it is read once more", path.display()));
    };
    let pack = pack::pack(blend, options, rewrite, changed)?;
    warnings.extend(pack.warnings.iter().cloned());
    Ok(Planned { pack, copies, folder, warnings })
}

fn write(file: &PackFile, copy: &Path) -> Result<(), PackError> {
    let error = |source| PackError::Write { path: copy.to_owned(), source };
    let mut out = fs_err::File::create(copy).map_err(error)?;
    file.write(&mut out)
}

async fn packed(hashes: &Hashes, planned: Planned) -> Result<SceneFiles, Problem> {
    let Planned { pack, copies, folder, mut warnings } = planned;
    let project = Places::inside(pack.blend()).ok_or_else(|| cannot_send(pack.blend()))?;
    let (mut files, mut frames) = (BTreeMap::new(), BTreeMap::new());
    for file in &pack.files {
        let source = copies.get(&file.source).unwrap_or(&file.source).clone();
        match Places::inside(&file.place) {
            Some(place) => {
                if let Some(needed) = frames_of(file) {
                    frames.insert(place.clone(), needed);
                }
                files.insert(place, source);
            }
            None => warnings.push(cannot_send(&file.place).message),
        }
    }
    let missing = pack.missing.iter().map(|file| {
        let users = file.used_by.join(", ");
        let path = file.path.display();
        let sentence =
            format!("{path} does not exist, written as {}, used by {users}", file.as_written);
        (file.path.clone(), sentence)
    });
    let mut files = upload::hash_all(hashes, files).await?;
    for local in &mut files {
        local.file.frames = frames.remove(&local.file.path);
    }
    Ok(SceneFiles {
        project,
        files,
        missing: missing.collect(),
        add_ons: Vec::new(),
        unneeded: pack.unneeded.iter().filter_map(|place| Places::inside(place)).collect(),
        warnings,
        places: Places::new(Some(Arc::new(pack))),
        _rewritten: (!copies.is_empty()).then(|| Arc::new(folder)),
    })
}

/// The frames that need a file, if not all do.
fn frames_of(file: &PackFile) -> Option<FrameSet> {
    let needed = file.dependency.as_ref().filter(|needed| needed.kind.is_picture_by_picture())?;
    let frames = needed.frames.as_ref()?;
    frames.to_string().parse().ok()
}

fn cannot_send(place: &str) -> Problem {
    Problem::input(format!("{place} has a path that can't be sent"))
        .hint("use a path of less than 3000 bytes, with parts of less than 255")
}
