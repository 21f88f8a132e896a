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
/// which is kept as the pass `Noisy Image` as Blender does, and without the passes that were
/// rendered for the merge alone.
///
/// `drop_passes` are named `ViewLayer.DiffCol`.
pub fn finalize(
    merged: &Path,
    denoised: Option<&Path>,
    drop_passes: &[String],
    out: &Path,
) -> Result<(), FilmError> {
    let mut image = Image::read(merged)?;
    let (width, height) = (image.width, image.height);
    image.channels.retain(|name, _| {
        let pass = name.rsplit_once('.').map_or(name.as_str(), |(pass, _)| pass);
        !drop_passes.iter().any(|dropped| dropped == pass)
    });
    if let Some(denoised) = denoised {
        put_denoised(&mut image, Image::read_sized(denoised, width, height)?);
    }
    image.write(out)
}

fn put_denoised(image: &mut Image, denoised: Image) {
    for (name, values) in denoised.channels {
        let (layer, pass, component) = name_parts(&name);
        if pass != "Combined" {
            continue;
        }
        let noisy_name = format!("{layer}.Noisy Image.{component}");
        if let Some(noisy) = image.channels.get_mut(&name) {
            let noisy = std::mem::replace(noisy, values);
            image.channels.insert(noisy_name, noisy);
        }
    }
}
