//! How much is in a file, and what memory that may take.

use super::scene::Scene;
use crate::blend::{BlendFile, Struct};
use serde::Serialize;
use std::collections::HashSet;

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
    /// Bytes of memory that a render needs at least; the sum of `memory`.
    pub memory_bytes: u64,
    /// What that is made of.
    pub memory: Memory,
}

/// What a render needs at least, roughly: image files, volumes, hair, instances of particles and
/// modifiers other than subdivision come on top, and Cycles needs more while it builds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Bytes of the triangles of all meshes, subdivided as in renders, with their BVH.
    pub geometry_bytes: u64,
    /// Bytes of the passes of the largest frame.
    pub passes_bytes: u64,
    /// Bytes that are packed into the file, as they are packed.
    pub packed_bytes: u64,
}

/// Bytes that Cycles needs for a triangle with its vertices and its part of the BVH; measured
/// figures lie between 150 and 300.
const TRIANGLE_BYTES: u64 = 250;
/// Bytes of a channel of a pixel.
const CHANNEL_BYTES: u64 = 4;
/// `eModifierMode_Render` of `ModifierData.mode` (`DNA_modifier_types.h`).
const IN_RENDERS: i64 = 1 << 1;
/// More levels than Blender lets one choose.
const MOST_LEVELS: i64 = 12;

pub(super) fn count(file: &BlendFile, scenes: &[Scene]) -> Contents {
    let mut contents = Contents {
        objects: file.ids("OB").count(),
        images: file.ids("IM").count(),
        ..Contents::default()
    };
    for mesh in file.ids("ME") {
        contents.meshes += 1;
        contents.vertices = contents.vertices.saturating_add(number(&mesh, VERTICES));
        contents.faces = contents.faces.saturating_add(number(&mesh, FACES));
    }
    let channels = scenes.iter().map(Scene::film_channels).max().unwrap_or(0);
    let packed = file.all("PackedFile").map(|packed| number(&packed, ["size", "size"]));
    contents.memory = Memory {
        geometry_bytes: triangles(file).saturating_mul(TRIANGLE_BYTES),
        passes_bytes: channels.saturating_mul(CHANNEL_BYTES),
        packed_bytes: packed.fold(0, u64::saturating_add),
    };
    let Memory { geometry_bytes, passes_bytes, packed_bytes } = contents.memory;
    contents.memory_bytes =
        geometry_bytes.saturating_add(passes_bytes).saturating_add(packed_bytes);
    contents
}

/// Fields of `Mesh`, whose names changed in 4.0 and 5.0.
const VERTICES: [&str; 2] = ["totvert", "verts_num"];
const FACES: [&str; 2] = ["totpoly", "faces_num"];
const CORNERS: [&str; 2] = ["totloop", "corners_num"];

fn number(of: &Struct<'_>, names: [&str; 2]) -> u64 {
    let found = names.into_iter().find_map(|name| of.int(name));
    found.and_then(|found| u64::try_from(found).ok()).unwrap_or(0)
}

/// Those of each mesh once for each level of subdivision that it is used with.
fn triangles(file: &BlendFile) -> u64 {
    let mut seen = HashSet::new();
    let mut sum = 0_u64;
    for object in file.ids("OB") {
        let Some(mesh) = object.pointer("data").filter(|data| data.code() == "ME") else {
            continue;
        };
        let levels = levels(&object);
        if !seen.insert((mesh.old_address(), levels)) {
            continue;
        }
        let (faces, corners) = (number(&mesh, FACES), number(&mesh, CORNERS));
        let count = match levels.checked_sub(1) {
            // A face of n corners is cut into n - 2 triangles, or into n faces of two.
            None => corners.saturating_sub(faces.saturating_mul(2)),
            Some(more) => corners.saturating_mul(2).saturating_mul(4_u64.saturating_pow(more)),
        };
        sum = sum.saturating_add(count);
    }
    sum
}

/// How often its faces are cut into four in renders.
fn levels(object: &Struct<'_>) -> u32 {
    let modifiers = object.structs("modifiers");
    let rendered = modifiers
        .iter()
        .filter(|one| one.int("modifier.mode").is_some_and(|mode| mode & IN_RENDERS != 0));
    let sum: i64 = rendered
        .filter_map(|one| match one.type_name() {
            "SubsurfModifierData" => one.int("renderLevels"),
            "MultiresModifierData" => one.int("renderlvl"),
            _ => None,
        })
        .map(|levels| levels.clamp(0, MOST_LEVELS))
        .sum();
    u32::try_from(sum.min(MOST_LEVELS)).unwrap_or(0)
}
