//! What an agent does with whole images: cutting margins off, putting the denoised picture in.

use crate::FilmError;
use crate::image::Image;
use crate::rule::name_parts;
use blendnet_protocol::Tile;
use std::path::Path;

/// Cuts `keep` out of an image that holds `holds`.
pub fn crop(image: &Path, holds: Tile, keep: Tile, out: &Path) -> Result<(), FilmError> {
    let (width, height) = (holds.width_px() as usize, holds.height_px() as usize);
    let whole = Image::read_sized(image, width, height)?;
    let x = keep.x_px().saturating_sub(holds.x_px()) as usize;
    let top = holds.top_px().saturating_sub(keep.top_px()) as usize;
    let (width, height) = (keep.width_px() as usize, keep.height_px() as usize);
    let cut = |name: &str| -> Vec<f32> {
        let rows = (top..top + height).map(|row| whole.row(name, row));
        rows.flat_map(|row| row.iter().skip(x).take(width)).copied().collect()
    };
    let channels = whole.channels.keys().map(|name| (name.clone(), cut(name))).collect();
    Image { width, height, channels, attributes: whole.attributes.clone() }.write(out)
}

/// Makes the user's image of a merged one: the denoised picture in the place of the noisy one,
/// and without the passes that were rendered for the merge alone.
///
/// `drop_passes` are named `ViewLayer.DiffCol`.
pub fn finalize(
    merged: &Path,
    denoised: Option<&Path>,
    drop_passes: &[String],
    out: &Path,
) -> Result<(), FilmError> {
    let mut image = Image::read(merged)?;
    if let Some(denoised) = denoised {
        let denoised = Image::read_sized(denoised, image.width, image.height)?;
        for (name, values) in denoised.channels {
            let (_, pass, _) = name_parts(&name);
            if pass == "Combined" && image.channels.contains_key(&name) {
                image.channels.insert(name, values);
            }
        }
    }
    image.channels.retain(|name, _| {
        let pass = name.rsplit_once('.').map_or(name.as_str(), |(pass, _)| pass);
        !drop_passes.iter().any(|dropped| dropped == pass)
    });
    image.write(out)
}
