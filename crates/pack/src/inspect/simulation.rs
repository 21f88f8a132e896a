//! What is simulated, and whether it is baked: an agent that renders a frame in the middle has not
//! seen the frames before it.

use super::nodes::Trees;
use crate::blend::{BlendFile, Struct};
use serde::Serialize;
use std::path::Path;

/// A simulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Simulation {
    /// The datablock that has it, such as `Object Flag`.
    pub owner: String,
    /// What is simulated, such as `cloth`.
    pub kind: &'static str,
    /// Whether its frames are kept; `None`: the file does not tell.
    pub baked: Option<bool>,
    /// Whether it is on in renders.
    pub rendered: bool,
}

/// `PTCACHE_BAKED` and `PTCACHE_EXTERNAL` of `PointCache.flag` (`DNA_object_force_types.h`).
const KEPT: i64 = 1 | 1 << 9;
/// `MOD_FLUID_TYPE_DOMAIN` of `FluidModifierData.type`, and that of smoke before 2.82.
const DOMAIN: i64 = 1;
/// `OB_FLUIDSIM_DOMAIN` of `FluidsimSettings.type`, the fluids before 2.82.
const OLD_DOMAIN: i64 = 1 << 1;
/// `FLUID_DOMAIN_CACHE_REPLAY` of `FluidDomainSettings.cache_type` (`DNA_fluid_types.h`).
const FLUID_REPLAYS: i64 = 0;
/// `FLUID_DOMAIN_BAKED_*` of `FluidDomainSettings.cache_flag` (`DNA_fluid_types.h`).
const BAKED_DATA: i64 = 1 << 1;
const BAKED_NOISE: i64 = 1 << 3;
const BAKED_MESH: i64 = 1 << 5;
const BAKED_PARTICLES: i64 = 1 << 7;
/// `FLUID_DOMAIN_USE_*` of `FluidDomainSettings.flags`.
const USE_NOISE: i64 = 1 << 1;
const USE_MESH: i64 = 1 << 9;
/// `FLUID_DOMAIN_PARTICLE_FLIP` of `FluidDomainSettings.particle_type`: the others are seen.
const FLIP_PARTICLES: i64 = 1;
/// `FLUID_DOMAIN_TYPE_LIQUID` of `FluidDomainSettings.type`.
const LIQUID: i64 = 1;
/// `PART_HAIR` of `ParticleSettings.type` (`DNA_particle_types.h`).
const HAIR: i64 = 2;
/// `PSYS_HAIR_DYNAMICS` of `ParticleSystem.flag`.
const HAIR_MOVES: i64 = 1 << 2;
/// `MOD_DPAINT_SURFACE_F_IMAGESEQ` of `DynamicPaintSurface.format`: it is written, not kept.
const IMAGE_SEQUENCE: i64 = 2;
/// `MOD_DPAINT_ACTIVE` of `DynamicPaintSurface.flags` (`DNA_dynamicpaint_types.h`).
const SURFACE_ON: i64 = 1;
/// `eModifierMode_Render` of `ModifierData.mode` (`DNA_modifier_types.h`).
const IN_RENDERS: i64 = 1 << 1;
/// `RBW_FLAG_MUTED` of `RigidBodyWorld.flag` (`DNA_rigidbody_types.h`).
const WORLD_MUTED: i64 = 1;

/// What is found of one modifier: kind, and whether it is baked.
pub(super) type Found = (&'static str, Option<bool>);

/// All simulations of a file, which is in `folder` if it is on a disk.
pub(super) fn all(file: &BlendFile, folder: Option<&Path>) -> Vec<Simulation> {
    let mut all = Vec::new();
    let mut trees = Trees::default();
    for object in file.ids("OB") {
        for modifier in object.structs("modifiers") {
            let rendered = modifier.int("modifier.mode").is_none_or(|mode| mode & IN_RENDERS != 0);
            let owner = || format!("Object {}", object.id_name().unwrap_or_default());
            let found = match modifier.type_name() {
                "NodesModifierData" => trees.simulations(&modifier, folder),
                _ => of_modifier(&object, &modifier),
            };
            let named = |(kind, baked)| Simulation { owner: owner(), kind, baked, rendered };
            all.extend(found.into_iter().map(named));
        }
    }
    for scene in file.ids("SC") {
        let Some(world) = scene.pointer("rigidbody_world") else { continue };
        all.push(Simulation {
            owner: format!("Scene {}", scene.id_name().unwrap_or_default()),
            kind: "rigid bodies",
            baked: kept(shared_or_own(&world)),
            rendered: world.int("flag").unwrap_or(0) & WORLD_MUTED == 0,
        });
    }
    all
}

fn of_modifier(object: &Struct<'_>, modifier: &Struct<'_>) -> Vec<Found> {
    let one = |kind, cache| vec![(kind, kept(cache))];
    match modifier.type_name() {
        "ClothModifierData" => one("cloth", modifier.pointer("point_cache")),
        "SoftbodyModifierData" => {
            let soft = object.pointer("soft");
            soft.map_or_else(Vec::new, |soft| one("soft body", shared_or_own(&soft)))
        }
        "ParticleSystemModifierData" => {
            modifier.pointer("psys").as_ref().and_then(particles).into_iter().collect()
        }
        "DynamicPaintModifierData" => {
            let surfaces = modifier.pointer("canvas").map(|canvas| canvas.structs("surfaces"));
            let surfaces = surfaces.unwrap_or_default();
            let kept_ones = surfaces.iter().filter(|one| {
                let is_on = one.int("flags").is_none_or(|flags| flags & SURFACE_ON != 0);
                is_on && one.int("format") != Some(IMAGE_SEQUENCE)
            });
            kept_ones.map(|one| ("dynamic paint", kept(one.pointer("pointcache")))).collect()
        }
        "FluidModifierData" | "SmokeModifierData" => fluid(modifier).into_iter().collect(),
        "FluidsimModifierData" => {
            let settings = modifier.pointer("fss");
            let is_domain = settings.and_then(|fss| fss.int("type")) == Some(OLD_DOMAIN);
            is_domain.then_some(("fluid", None)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn particles(system: &Struct<'_>) -> Option<Found> {
    let hair = system.pointer("part").and_then(|part| part.int("type")) == Some(HAIR);
    let moves = system.int("flag").unwrap_or(0) & HAIR_MOVES != 0;
    let kind = if hair { "hair" } else { "particles" };
    (!hair || moves).then(|| (kind, kept(system.pointer("pointcache"))))
}

fn fluid(modifier: &Struct<'_>) -> Option<Found> {
    let domain = modifier.pointer("domain").filter(|_| modifier.int("type") == Some(DOMAIN))?;
    let Some(baked) = domain.int("cache_flag") else {
        return Some(("fluid", kept(domain.pointer("point_cache[0]"))));
    };
    let flags = domain.int("flags").unwrap_or(0);
    let is_liquid = domain.int("type") == Some(LIQUID);
    let spray = domain.int("particle_type").unwrap_or(0) & !FLIP_PARTICLES != 0;
    let parts = [
        (true, BAKED_DATA),
        (!is_liquid && flags & USE_NOISE != 0, BAKED_NOISE),
        (is_liquid && flags & USE_MESH != 0, BAKED_MESH),
        (is_liquid && spray, BAKED_PARTICLES),
    ];
    let complete = parts.iter().all(|(used, bit)| !used || baked & bit != 0);
    Some(("fluid", Some(complete && domain.int("cache_type") != Some(FLUID_REPLAYS))))
}

fn shared_or_own<'a>(holder: &Struct<'a>) -> Option<Struct<'a>> {
    let shared = holder.pointer("shared").and_then(|shared| shared.pointer("pointcache"));
    shared.or_else(|| holder.pointer("pointcache"))
}

fn kept(cache: Option<Struct<'_>>) -> Option<bool> {
    Some(cache?.int("flag")? & KEPT != 0)
}
