//! What an agent does with whole images: cutting margins off, putting the denoised picture in.

use crate::FilmError;
use crate::band::Band;
use crate::part::Part;
use crate::rule::name_parts;
use crate::write::{Format, write_image};
use blendnet_protocol::Tile;
use exr::prelude::Compression;
use std::path::Path;

/// Cuts `keep` out of an image that holds `holds`, uncompressed.
pub fn crop(image: &Path, holds: Tile, keep: Tile, out: &Path) -> Result<(), FilmError> {
    if !holds.contains(keep) {
        return Err(FilmError::OutOfImage { holds, keep });
    }
    let whole = Part::open_sized(image, (holds.width_px() as usize, holds.height_px() as usize))?;
    let x = (keep.x_px() - holds.x_px()) as usize;
    let top = (holds.top_px() - keep.top_px()) as usize;
    let format = Format {
        width: keep.width_px() as usize,
        height: keep.height_px() as usize,
        names: &whole.names,
        attributes: &whole.attributes,
        compression: Compression::Uncompressed,
    };
    write_image(out, &format, |rows| {
        let band = whole.read(top + rows.start..top + rows.end)?;
        let mut cut = Band::new(rows.clone(), format.width, format.names.len());
        for (channel, row) in
            (0..format.names.len()).flat_map(|c| rows.clone().map(move |r| (c, r)))
        {
            let from = band.stretch(channel, top + row, x, format.width);
            let to = cut.stretch_mut(channel, row, 0, format.width);
            if let Some((from, to)) = from.zip(to) {
                to.copy_from_slice(from);
            }
        }
        Ok(cut)
    })
}

/// Makes the user's image of a merged one: the denoised picture in the place of the noisy one,
/// and without the passes that were rendered for the merge alone. A noisy picture of which the
/// denoised file has a copy is kept as the pass `Noisy Image`, as Blender does. ZIP-compressed.
///
/// `drop_passes` are named `ViewLayer.DiffCol`.
pub fn finalize(
    merged: &Path,
    denoised: Option<&Path>,
    drop_passes: &[String],
    out: &Path,
) -> Result<(), FilmError> {
    let merged = Part::open(merged)?;
    let size = (merged.width, merged.height);
    let denoised = denoised.map(|path| Part::open_sized(path, size)).transpose()?;
    let origins = origins(&merged, denoised.as_ref(), drop_passes);
    let names: Vec<String> = origins.iter().map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        return Err(FilmError::Empty);
    }
    let format = Format {
        width: merged.width,
        height: merged.height,
        names: &names,
        attributes: &merged.attributes,
        compression: Compression::ZIP16,
    };
    write_image(out, &format, |rows| {
        let noisy = merged.read(rows.clone())?;
        let clean = denoised.as_ref().map(|part| part.read(rows.clone())).transpose()?;
        let mut band = Band::new(rows, format.width, names.len());
        for (index, (_, origin)) in origins.iter().enumerate() {
            let from = match origin {
                Origin::Merged(channel) => noisy.channel(*channel),
                Origin::Denoised(channel) => {
                    clean.as_ref().map_or(&[][..], |c| c.channel(*channel))
                }
            };
            let to = band.channel_mut(index).iter_mut();
            to.zip(from).for_each(|(to, from)| *to = *from);
        }
        Ok(band)
    })
}

/// The file and the channel of it that a channel of the user's image comes from.
enum Origin {
    Merged(usize),
    Denoised(usize),
}

fn origins(
    merged: &Part,
    denoised: Option<&Part>,
    drop_passes: &[String],
) -> Vec<(String, Origin)> {
    let of_denoised = |name: &str| denoised.and_then(|part| part.index(name));
    let mut origins = Vec::new();
    for (index, name) in merged.names.iter().enumerate() {
        let pass = name.rsplit_once('.').map_or(name.as_str(), |(pass, _)| pass);
        if drop_passes.iter().any(|dropped| dropped == pass) {
            continue;
        }
        let (layer, pass, component) = name_parts(name);
        match of_denoised(name).filter(|_| pass == "Combined") {
            None => origins.push((name.clone(), Origin::Merged(index))),
            Some(clean) => {
                origins.push((name.clone(), Origin::Denoised(clean)));
                let noisy = format!("{layer}.Noisy Image.{component}");
                if of_denoised(&noisy).is_some() && merged.index(&noisy).is_none() {
                    origins.push((noisy, Origin::Merged(index)));
                }
            }
        }
    }
    origins.sort_by(|(a, _), (b, _)| a.cmp(b));
    origins
}
