//! What each kind of work asks of the warm Blender.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blendnet_film as film;
use blendnet_net::blobs::BlobStore;
use blendnet_protocol::{
    BlobId, FailureKind, Fault, PackPath, Region, SceneInfo, Tile, Timing, Work, WorkFailure,
    WorkId, WorkKind,
};

use super::failure::{self, failure};
use super::warm::{Warm, Watch, run_blocking};
use crate::blender::driver::{Ask, Done, Opened, Rendered};
use crate::workspace::{Room, written};

/// What Blender made, not stored yet.
#[derive(Debug)]
pub(super) enum Product {
    /// Of an inspection.
    Inspected { info: Box<SceneInfo>, look: Option<PathBuf> },
    /// Of a part. `crop`: what the image holds, and what is to be kept of it.
    Part { image: PathBuf, crop: Option<(Tile, Tile)>, timing: Timing },
    /// Of a whole or finished frame. `composed`: names and paths.
    Image { image: PathBuf, composed: Vec<(String, PathBuf)>, timing: Timing },
}

/// A product, and the folders it is in.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) product: Product,
    pub(super) out: PathBuf,
    pub(super) room: Arc<Room>,
}

/// Does a work whose scene is open.
pub(super) async fn make(
    warm: &mut Warm,
    work: &Work,
    opened: &Opened,
    blobs: &BlobStore,
    watch: Watch<'_>,
) -> Result<Made, WorkFailure> {
    let room = warm.room.clone();
    let first_sample = match &work.kind {
        WorkKind::Part { region, .. } => region.samples.start(),
        _ => 0,
    };
    let out = room.create_out(&work.id, first_sample).map_err(|error| failure::of_disk(&error))?;
    let product = match &work.kind {
        WorkKind::Inspect => inspect(warm, opened, &out, watch).await,
        &WorkKind::Part { frame, region, margin_px, total_samples } => {
            let part = Part { frame, region, margin_px, total_samples };
            render_part(warm, &part, opened, &out, watch).await
        }
        WorkKind::Whole { frame } => render_whole(warm, *frame, &out, watch).await,
        WorkKind::Finish { frame, merged } => {
            let merged = place_merged(&room, &work.id, merged, blobs).await?;
            let finished = finish(warm, *frame, &merged, opened, &out, watch).await;
            room.remove(&merged);
            finished
        }
    };
    match product {
        Ok(product) => Ok(Made { product, out, room }),
        Err(failure) => {
            room.remove(&out);
            Err(failure)
        }
    }
}

async fn inspect(
    warm: &mut Warm,
    opened: &Opened,
    out: &Path,
    watch: Watch<'_>,
) -> Result<Product, WorkFailure> {
    let path = out.join("look.png");
    let doing = "reading the view transform";
    let look = match warm.ask::<Done>(&Ask::Look { path: &path }, doing, watch).await {
        Ok(_) => Some(path),
        // Without it previews are in plain sRGB; nothing else is lost.
        Err(_refused) if !warm.blender.is_gone() => None,
        Err(failure) => return Err(failure),
    };
    Ok(Product::Inspected { info: Box::new(opened.info.clone()), look })
}

struct Part {
    frame: i32,
    region: Region,
    margin_px: u32,
    total_samples: u32,
}

async fn render_part(
    warm: &mut Warm,
    part: &Part,
    opened: &Opened,
    out: &Path,
    watch: Watch<'_>,
) -> Result<Product, WorkFailure> {
    let bounds = opened.info.film;
    let (tile, samples) = (part.region.tile, part.region.samples);
    if !bounds.rendered.contains(tile) || samples.end() > part.total_samples {
        let message = format!(
            "tile {tile:?} with samples {}..{} is not inside of {:?} with {} samples",
            samples.start(),
            samples.end(),
            bounds.rendered,
            part.total_samples
        );
        return Err(failure(FailureKind::BadSettings, Fault::Scene, message));
    }
    let image = out.join("part.exr");
    let grown = tile.grown(part.margin_px, bounds.rendered);
    let ask = Ask::Part {
        frame: part.frame,
        tile: (grown != bounds.frame).then_some(grown),
        samples,
        total: part.total_samples,
        path: &image,
    };
    let doing =
        format!("rendering samples {}..{} of frame {}", samples.start(), samples.end(), part.frame);
    let rendered: Rendered = warm.ask(&ask, &doing, watch).await?;
    let timing = Timing { render_secs: rendered.render_secs, ..Timing::default() };
    let crop = (grown != tile).then_some((grown, tile));
    Ok(Product::Part { image, crop, timing })
}

async fn render_whole(
    warm: &mut Warm,
    frame: i32,
    out: &Path,
    watch: Watch<'_>,
) -> Result<Product, WorkFailure> {
    let image = out.join("image.exr");
    let folder = composed_folder(out)?;
    let ask = Ask::Whole { frame, image: &image, out: &folder };
    let rendered: Rendered = warm.ask(&ask, &format!("rendering frame {frame}"), watch).await?;
    let composed = composed_files(&folder, rendered.composed)?;
    let timing = Timing { render_secs: rendered.render_secs, ..Timing::default() };
    Ok(Product::Image { image, composed, timing })
}

async fn finish(
    warm: &mut Warm,
    frame: i32,
    merged: &Path,
    opened: &Opened,
    out: &Path,
    watch: Watch<'_>,
) -> Result<Product, WorkFailure> {
    let mut timing = Timing::default();
    let denoised = if opened.info.denoise && opened.info.can_denoise {
        let path = out.join("denoised.exr");
        let ask = Ask::Denoise { merged, frame, path: &path };
        let done: Rendered = warm.ask(&ask, &format!("denoising frame {frame}"), watch).await?;
        timing.render_secs += done.render_secs;
        Some(path)
    } else {
        None
    };
    let image = out.join("image.exr");
    let (from, to, drop_passes) = (merged.to_owned(), image.clone(), opened.extra_passes.clone());
    run_blocking(move || film::finalize(&from, denoised.as_deref(), &drop_passes, &to))
        .await?
        .map_err(|error| of_film(&error))?;
    let folder = composed_folder(out)?;
    let ask = Ask::Compose { merged: &image, frame, out: &folder };
    let done: Rendered = warm.ask(&ask, &format!("composing frame {frame}"), watch).await?;
    timing.render_secs += done.render_secs;
    let composed = composed_files(&folder, done.composed)?;
    Ok(Product::Image { image, composed, timing })
}

async fn place_merged(
    room: &Arc<Room>,
    work: &WorkId,
    merged: &BlobId,
    blobs: &BlobStore,
) -> Result<PathBuf, WorkFailure> {
    let name = PackPath::new(format!("merged-{work}.exr")).map_err(failure::internal)?;
    let (room, merged, blobs) = (room.clone(), merged.clone(), blobs.clone());
    run_blocking(move || room.place_input(&name, &merged, &blobs))
        .await?
        .map_err(|error| failure::of_layout(&error))
}

fn composed_folder(out: &Path) -> Result<PathBuf, WorkFailure> {
    let folder = out.join("composed");
    fs_err::create_dir_all(&folder).map_err(|error| failure::of_disk(&error))?;
    Ok(folder)
}

fn composed_files(
    folder: &Path,
    names: Vec<String>,
) -> Result<Vec<(String, PathBuf)>, WorkFailure> {
    let check = |name: String| match written(folder, &name) {
        Some(path) => Ok((name, path)),
        None => Err(failure(
            FailureKind::Render,
            Fault::Attempt,
            format!("Blender says it wrote `{name}`, and there is no such file"),
        )),
    };
    names.into_iter().map(check).collect()
}

/// Of reading or writing images: mostly the disk.
pub(super) fn of_film(error: &film::FilmError) -> WorkFailure {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return failure::of_disk(io);
        }
        source = inner.source();
    }
    failure::internal(error)
}
