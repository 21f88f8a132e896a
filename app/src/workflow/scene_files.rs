//! The files that the .blend itself names, found without Blender: they are on their way while the
//! farm starts, and whatever Blender's own list lacks is there too.

use std::path::{Path, PathBuf};

use blendnet_pack::trace::{self, Trace, TraceOptions};
use blendnet_protocol::PackPath;

use super::blend_file::pack_path;
use super::hashes::Hashes;
use super::problem::Problem;
use super::upload::{self, LocalFile};

/// A .blend and what it names.
#[derive(Clone, Debug)]
pub struct SceneFiles {
    /// The .blend, then the files that it needs and that are there.
    pub files: Vec<LocalFile>,
    /// What is odd, in sentences.
    pub warnings: Vec<String>,
    /// Files that are not there: where they should be, and a sentence about each.
    pub missing: Vec<(PathBuf, String)>,
}

/// Reads and names a .blend and the files that it names.
pub async fn gather(
    hashes: Hashes,
    place: PackPath,
    blend: PathBuf,
) -> Result<SceneFiles, Problem> {
    let path = blend.clone();
    let traced = tokio::task::spawn_blocking(move || traced(&path));
    let first = upload::hash(hashes.clone(), place.clone(), blend).await?;
    // What we can't read, Blender may: it lists its files itself.
    let traced = traced.await.ok().flatten().unwrap_or_default();
    let there = traced.files.iter().filter(|file| file.exists);
    let placed = |path: &PathBuf| path.to_str().and_then(pack_path);
    let others = there.filter_map(|file| Some((placed(&file.path)?, file.path.clone())));
    let others = others.filter(|(other, _)| *other != place).collect();
    let mut files = vec![first];
    files.extend(upload::hash_all(&hashes, others).await?);
    let missing = traced.missing().map(|file| {
        let users = file.used_by.join(", ");
        let path = file.path.display();
        let sentence =
            format!("{path} does not exist, written as {}, used by {users}", file.as_written);
        (file.path.clone(), sentence)
    });
    Ok(SceneFiles { missing: missing.collect(), files, warnings: traced.warnings })
}

fn traced(blend: &Path) -> Option<Trace> {
    trace::trace(blend, &TraceOptions::default())
        .inspect_err(|error| tracing::info!(%error, "the scene is not traced"))
        .ok()
}
