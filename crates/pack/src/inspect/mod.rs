//! What a scene is, as far as the file tells: for people who decide whether to render it, and for
//! programs that estimate and plan.

mod add_ons;
mod contents;
mod layers;
mod nodes;
mod output;
mod scene;
mod simulation;
mod warning;

pub use contents::{Contents, Memory};
pub use layers::ViewLayer;
pub use output::{ColorManagement, Output};
pub use scene::{Border, CameraSwitch, Cycles, Scene};
pub use simulation::Simulation;
pub use warning::Warning;

use crate::PackError;
use crate::blend::BlendFile;
use serde::Serialize;
use std::path::Path;

/// What is in a .blend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// Blender that saved it, such as `3.4`.
    pub blender_version: String,
    /// Its scenes, in the order of the file.
    pub scenes: Vec<Scene>,
    /// Name of the scene that is rendered unless another one is asked for.
    pub active_scene: Option<String>,
    /// What has to be baked before it is rendered.
    pub simulations: Vec<Simulation>,
    /// Add-ons and engines that the file names and Blender does not bring.
    pub add_ons: Vec<String>,
    /// Python texts that are run when the file is opened, if scripts are allowed to.
    pub scripts: Vec<String>,
    /// What is in it.
    pub contents: Contents,
    /// What costs money or pictures unless it is known before the render.
    pub warnings: Vec<Warning>,
}

/// A picture of the scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// Width.
    pub width_px: u32,
    /// Height.
    pub height_px: u32,
    /// Red, green, blue, alpha of each pixel, the bottom row first.
    pub rgba: Vec<u8>,
}

/// Widest thumbnail that is shown; Blender makes 256.
const THUMBNAIL_MAX_PX: u32 = 1024;

/// Looks into a .blend.
///
/// # Errors
/// When it can't be read.
pub fn inspect(path: &Path) -> Result<Inspection, PackError> {
    let file = BlendFile::open(path)
        .map_err(|source| PackError::Read { path: path.to_owned(), source })?;
    Ok(look(&file, path.parent()))
}

/// Looks into a .blend that is open. What it says of bakes that are kept beside it is not checked.
pub fn inspect_file(file: &BlendFile) -> Inspection {
    look(file, None)
}

/// `folder` is where the file is.
fn look(file: &BlendFile, folder: Option<&Path>) -> Inspection {
    let scenes: Vec<Scene> = file.ids("SC").map(|scene| scene::read(&scene)).collect();
    let current = file.all("FileGlobal").next().and_then(|global| global.pointer("curscene"));
    let active = current.and_then(|scene| scene.id_name());
    let active_scene = active.or_else(|| scenes.first().map(|scene| scene.name.clone()));
    let mut found = Inspection {
        blender_version: format!("{}.{}", file.version().major(), file.version().minor()),
        contents: contents::count(file, &scenes),
        simulations: simulation::all(file, folder),
        add_ons: add_ons::all(file, &scenes),
        scripts: add_ons::scripts(file),
        scenes,
        active_scene,
        warnings: Vec::new(),
    };
    found.warnings = warning::all(&found);
    found
}

/// The picture that Blender put into the file when it was saved; `None`: there is none.
pub fn thumbnail(file: &BlendFile) -> Option<Thumbnail> {
    let block = file.blocks().iter().find(|block| block.code() == "TEST")?;
    let bytes = file.block_bytes(block)?;
    let big_endian = file.is_big_endian();
    let number = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        let number = if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) };
        (1..=THUMBNAIL_MAX_PX).contains(&number).then_some(number)
    };
    let (width_px, height_px) = (number(0)?, number(4)?);
    let size = usize::try_from(u64::from(width_px) * u64::from(height_px) * 4).ok()?;
    let rgba = bytes.get(8..)?.get(..size)?.to_vec();
    Some(Thumbnail { width_px, height_px, rgba })
}
