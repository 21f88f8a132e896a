//! What is simulated, and whether it is baked: an agent that renders a frame in the middle has not
//! seen the frames before it.

use crate::blend::{BlendFile, Struct};
use serde::Serialize;

/// A simulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Simulation {
    /// The datablock that has it, such as `Object Flag`.
    pub owner: String,
    /// What is simulated, such as `cloth`.
    pub kind: &'static str,
    /// Whether its frames are kept; `None`: the file does not tell.
    pub baked: Option<bool>,
}

/// `PTCACHE_BAKED` and `PTCACHE_EXTERNAL` of `PointCache.flag`.
const KEPT: i64 = 1 | 1 << 9;
/// `MOD_FLUID_TYPE_DOMAIN`, and that of smoke before 2.82.
const DOMAIN: i64 = 1;
/// `FLUID_DOMAIN_BAKED_DATA` of `FluidDomainSettings.cache_flag`.
const FLUID_BAKED: i64 = 1 << 1;
/// `FLUID_DOMAIN_CACHE_REPLAY` of `FluidDomainSettings.cache_type`.
const FLUID_REPLAYS: i64 = 0;
/// `PART_HAIR` of `ParticleSettings.type`.
const HAIR: i64 = 2;
/// `PSYS_HAIR_DYNAMICS` of `ParticleSystem.flag`.
const HAIR_MOVES: i64 = 1 << 6;

pub(super) fn all(file: &BlendFile) -> Vec<Simulation> {
    let mut found = Vec::new();
    let mut tell = |of: &Struct<'_>, kind, baked| {
        let owner = of.owner().map_or_else(String::new, |owner| {
            let what = if owner.code() == "SC" { "Scene" } else { "Object" };
            format!("{what} {}", owner.id_name().unwrap_or_default())
        });
        found.push(Simulation { owner, kind, baked });
    };
    for cloth in file.all("ClothModifierData") {
        tell(&cloth, "cloth", kept(cloth.pointer("point_cache")));
    }
    for soft in file.all("SoftBody") {
        tell(&soft, "soft body", kept(shared_or_own(&soft)));
    }
    for world in file.all("RigidBodyWorld") {
        tell(&world, "rigid bodies", kept(shared_or_own(&world)));
    }
    for system in file.all("ParticleSystem") {
        let hair = system.pointer("part").and_then(|part| part.int("type")) == Some(HAIR);
        let moves = system.int("flag").unwrap_or(0) & HAIR_MOVES != 0;
        if !hair || moves {
            tell(
                &system,
                if hair { "hair" } else { "particles" },
                kept(system.pointer("pointcache")),
            );
        }
    }
    for surface in file.all("DynamicPaintSurface") {
        tell(&surface, "dynamic paint", kept(surface.pointer("pointcache")));
    }
    for fluid in file.all("FluidModifierData").chain(file.all("SmokeModifierData")) {
        let domain = fluid.pointer("domain").filter(|_| fluid.int("type") == Some(DOMAIN));
        if let Some(domain) = domain {
            let replays = domain.int("cache_type") == Some(FLUID_REPLAYS);
            let flag = domain.int("cache_flag").map(|flag| flag & FLUID_BAKED != 0);
            tell(&fluid, "fluid", flag.map(|baked| baked && !replays));
        }
    }
    for modifier in file.all("NodesModifierData") {
        for bake in modifier.structs("bakes") {
            let packed = bake.address("packed").is_some_and(|address| address != 0);
            tell(&modifier, "geometry nodes", packed.then_some(true));
        }
    }
    found
}

fn shared_or_own<'a>(holder: &Struct<'a>) -> Option<Struct<'a>> {
    let shared = holder.pointer("shared").and_then(|shared| shared.pointer("pointcache"));
    shared.or_else(|| holder.pointer("pointcache"))
}

fn kept(cache: Option<Struct<'_>>) -> Option<bool> {
    Some(cache?.int("flag")? & KEPT != 0)
}
