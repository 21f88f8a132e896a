//! What a scene is, as far as the file tells: for people who decide whether to render it, and for
//! programs that estimate and plan.

mod layers;
mod output;
mod scene;
mod simulation;
mod warning;

pub use layers::ViewLayer;
pub use output::{ColorManagement, Output};
pub use scene::{Border, CameraSwitch, Cycles, Scene};
pub use simulation::Simulation;
pub use warning::Warning;

use crate::PackError;
use crate::blend::BlendFile;
use serde::Serialize;
use std::collections::BTreeSet;
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
    /// What is in it.
    pub contents: Contents,
    /// What costs money or pictures unless it is known before the render.
    pub warnings: Vec<Warning>,
}

/// Counts, and what they weigh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Objects.
    pub objects: usize,
    /// Meshes.
    pub meshes: usize,
    /// Their vertices, before modifiers.
    pub vertices: u64,
    /// Their faces, before modifiers.
    pub faces: u64,
    /// Images.
    pub images: usize,
    /// Bytes of memory that a render needs at least: the geometry before modifiers with its BVH,
    /// and the passes of the largest frame. Textures come on top. Rough.
    pub memory_bytes: u64,
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

/// Bytes that Cycles needs for a triangle with its vertices and its part of the BVH; measured
/// figures lie between 150 and 300.
const TRIANGLE_BYTES: u64 = 250;
/// Bytes of a channel of a pixel.
const CHANNEL_BYTES: u64 = 4;
/// Widest thumbnail that is shown; Blender makes 256.
const THUMBNAIL_MAX_PX: u32 = 1024;

/// Looks into a .blend.
///
/// # Errors
/// When it can't be read.
pub fn inspect(path: &Path) -> Result<Inspection, PackError> {
    let file = BlendFile::open(path)
        .map_err(|source| PackError::Read { path: path.to_owned(), source })?;
    Ok(inspect_file(&file))
}

/// Looks into a .blend that is open.
pub fn inspect_file(file: &BlendFile) -> Inspection {
    let scenes: Vec<Scene> = file.ids("SC").map(|scene| scene::read(&scene)).collect();
    let current = file.all("FileGlobal").next().and_then(|global| global.pointer("curscene"));
    let active = current.and_then(|scene| scene.id_name());
    let active_scene = active.or_else(|| scenes.first().map(|scene| scene.name.clone()));
    let contents = contents(file, &scenes);
    let simulations = simulation::all(file);
    let add_ons = add_ons(file, &scenes);
    let warnings = warning::all(&scenes, active_scene.as_deref(), &simulations, &add_ons);
    Inspection {
        blender_version: format!("{}.{}", file.version().major(), file.version().minor()),
        scenes,
        active_scene,
        simulations,
        add_ons,
        contents,
        warnings,
    }
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

fn contents(file: &BlendFile, scenes: &[Scene]) -> Contents {
    let mut contents = Contents {
        objects: file.ids("OB").count(),
        images: file.ids("IM").count(),
        ..Contents::default()
    };
    let count = |mesh: &crate::blend::Struct<'_>, names: [&str; 2]| {
        let found = names.into_iter().find_map(|name| mesh.int(name));
        found.and_then(|found| u64::try_from(found).ok()).unwrap_or(0)
    };
    let mut triangles = 0_u64;
    for mesh in file.ids("ME") {
        contents.meshes += 1;
        let faces = count(&mesh, ["totpoly", "faces_num"]);
        let corners = count(&mesh, ["totloop", "corners_num"]);
        contents.vertices =
            contents.vertices.saturating_add(count(&mesh, ["totvert", "verts_num"]));
        contents.faces = contents.faces.saturating_add(faces);
        // A face of n corners is cut into n - 2 triangles.
        triangles = triangles.saturating_add(corners.saturating_sub(faces.saturating_mul(2)));
    }
    let channels = scenes.iter().map(Scene::film_channels).max().unwrap_or(0);
    contents.memory_bytes = triangles
        .saturating_mul(TRIANGLE_BYTES)
        .saturating_add(channels.saturating_mul(CHANNEL_BYTES));
    contents
}

/// Prefixes of the nodes that Blender brings.
const OWN_NODES: [&str; 9] = [
    "Shader",
    "Compositor",
    "Geometry",
    "Function",
    "Texture",
    "Node",
    "CompositionNode",
    "FN_",
    "GeometryNode",
];

/// What names itself in the file: nodes and engines that Blender does not know.
fn add_ons(file: &BlendFile, scenes: &[Scene]) -> Vec<String> {
    let engines = scenes.iter().map(|scene| scene.engine.as_str());
    let own_engine = |engine: &str| engine == "CYCLES" || engine.starts_with("BLENDER_");
    let mut found: BTreeSet<String> = engines
        .filter(|engine| !engine.is_empty() && !own_engine(engine))
        .map(|engine| format!("render engine {engine}"))
        .collect();
    for node in file.all("bNode") {
        let Some(name) = node.text("idname").filter(|name| !name.is_empty()) else { continue };
        if !OWN_NODES.iter().any(|own| name.starts_with(own)) {
            found.insert(format!("node {name}"));
        }
    }
    found.into_iter().collect()
}
