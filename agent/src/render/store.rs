//! Turns what Blender made into blobs, in the background: the next work is rendered meanwhile.

use std::path::{Path, PathBuf};
use std::time::Instant;

use blendnet_film as film;
use blendnet_net::blobs::{BlobError, BlobStore};
use blendnet_protocol::{Outcome, ResultFile, Tile, WorkFailure};

use super::failure;
use super::steps::{Made, Product, of_film};
use super::warm::run_blocking;

/// When a work began, and how long it waited for its scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) began: Instant,
    pub(super) load_secs: f64,
}

/// Stores a product and removes its folder.
pub(super) async fn store(
    made: Made,
    frame_name: &str,
    clock: Clock,
    blobs: &BlobStore,
) -> Result<Outcome, WorkFailure> {
    let Made { product, out, room } = made;
    let mut stored = adopt_all(product, &out, frame_name, blobs).await;
    run_blocking(move || room.remove(&out)).await?;
    if let Ok(Outcome::Part { timing, .. } | Outcome::Image { timing, .. }) = &mut stored {
        timing.load_secs = clock.load_secs;
        timing.total_secs = clock.began.elapsed().as_secs_f64();
    }
    stored
}

async fn adopt_all(
    product: Product,
    out: &Path,
    frame_name: &str,
    blobs: &BlobStore,
) -> Result<Outcome, WorkFailure> {
    let image_name = format!("{frame_name}.exr");
    match product {
        Product::Inspected { info, look } => {
            let look = match look {
                Some(path) => Some(adopt(&path, "look.png", blobs).await?),
                None => None,
            };
            Ok(Outcome::Inspected { info, look })
        }
        Product::Part { image, crop, timing } => {
            let image = match crop {
                Some((holds, keep)) => cut(image, holds, keep, out.join("cropped.exr")).await?,
                None => image,
            };
            Ok(Outcome::Part { image: adopt(&image, &image_name, blobs).await?, timing })
        }
        Product::Image { image, composed: files, timing } => {
            let image = adopt(&image, &image_name, blobs).await?;
            let mut composed = Vec::new();
            for (name, path) in files {
                composed.push(adopt(&path, &name, blobs).await?);
            }
            Ok(Outcome::Image { image, composed, timing })
        }
    }
}

/// Cuts the margin off.
async fn cut(
    image: PathBuf,
    holds: Tile,
    keep: Tile,
    cropped: PathBuf,
) -> Result<PathBuf, WorkFailure> {
    run_blocking(move || film::crop(&image, holds, keep, &cropped).map(|()| cropped))
        .await?
        .map_err(|error| of_film(&error))
}

async fn adopt(path: &Path, name: &str, blobs: &BlobStore) -> Result<ResultFile, WorkFailure> {
    let (blob, size_bytes) = blobs.adopt(path).await.map_err(|error| of_blob(&error))?;
    Ok(ResultFile { name: name.to_owned(), blob, size_bytes })
}

fn of_blob(error: &BlobError) -> WorkFailure {
    if error.is_disk_full() { failure::full(error) } else { failure::internal(error) }
}
