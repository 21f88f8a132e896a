//! Point caches on disk: particles, soft bodies, rigid bodies, cloth, dynamic paint.

use super::Kind;
use super::uses::{Gather, Spread, Written};
use crate::blend::Struct;

/// `PTCACHE_*`.
const BAKED: i64 = 1;
const ON_DISK: i64 = 1 << 6;
const EXTERNAL: i64 = 1 << 9;
const IGNORES_LIBRARY: i64 = 1 << 11;
/// `PTCACHE_FILE_OPENVDB`, of smoke before 2.82.
const SMOKE_IS_VDB: i64 = 1;
/// Caches of one owner that are looked at.
const MOST_CACHES: usize = 1_000;

/// All that objects and scenes have.
pub(super) fn gather(gather: &mut Gather<'_>) {
    for (owner, system) in gather.all("ParticleSystem") {
        let inside = format!(", particle system {}", system.text("name").unwrap_or_default());
        point_cache(gather, &owner, &inside, system.pointer("pointcache").as_ref(), ".bphys");
    }
    for (owner, soft) in gather.all("SoftBody") {
        point_cache(gather, &owner, ", soft body", shared_or_own(&soft).as_ref(), ".bphys");
    }
    for (owner, world) in gather.all("RigidBodyWorld") {
        point_cache(gather, &owner, ", rigid body world", shared_or_own(&world).as_ref(), ".bphys");
    }
    for (owner, cloth) in gather.all("ClothModifierData") {
        point_cache(
            gather,
            &owner,
            &modifier(&cloth),
            cloth.pointer("point_cache").as_ref(),
            ".bphys",
        );
    }
    for (owner, surface) in gather.all("DynamicPaintSurface") {
        let inside = format!(", dynamic paint {}", surface.text("name").unwrap_or_default());
        point_cache(gather, &owner, &inside, surface.pointer("pointcache").as_ref(), ".bphys");
    }
    for (owner, smoke) in gather.all("SmokeModifierData") {
        let Some(domain) = smoke.pointer("domain") else { continue };
        let is_vdb = domain.int("cache_file_format") == Some(SMOKE_IS_VDB);
        let ending = if is_vdb { ".vdb" } else { ".bphys" };
        for cache in domain.pointers("point_cache") {
            point_cache(gather, &owner, &modifier(&smoke), cache.as_ref(), ending);
        }
    }
}

/// `, modifier Cloth`.
pub(super) fn modifier(modifier: &Struct<'_>) -> String {
    format!(", modifier {}", modifier.text("modifier.name").unwrap_or_default())
}

fn shared_or_own<'a>(holder: &Struct<'a>) -> Option<Struct<'a>> {
    let shared = holder.pointer("shared").and_then(|shared| shared.pointer("pointcache"));
    shared.or_else(|| holder.pointer("pointcache"))
}

/// The files of a point cache and of those listed with it, of those that are on disk.
fn point_cache(
    gather: &mut Gather<'_>,
    owner: &Struct<'_>,
    inside: &str,
    cache: Option<&Struct<'_>>,
    ending: &'static str,
) {
    for cache in cache.into_iter().flat_map(list_of) {
        let flag = cache.int("flag").unwrap_or(0);
        let is_external = flag & EXTERNAL != 0;
        if !is_external && flag & ON_DISK == 0 {
            continue;
        }
        let name = cache.bytes("name").filter(|name| !name.is_empty());
        let folder =
            if is_external { Written::field(&cache, "path") } else { Some(b"//".to_vec().into()) };
        let spread = Spread::Cache {
            in_default: !is_external,
            stems: match name {
                Some(name) => vec![name],
                None if is_external => vec![Vec::new()],
                None => hex_names(&owner.bytes("id.name").unwrap_or_default()),
            },
            ending,
            expected: flag & (EXTERNAL | BAKED) != 0,
            beside_root: flag & IGNORES_LIBRARY != 0,
        };
        gather.add(owner, inside, Kind::PointCache, folder, spread);
    }
}

/// A cache and those that it is listed with: an object may keep several and switch.
fn list_of<'a>(cache: &Struct<'a>) -> Vec<Struct<'a>> {
    let mut all = vec![cache.clone()];
    for direction in ["next", "prev"] {
        let mut at = cache.pointer(direction);
        while let Some(other) = at.filter(|_| all.len() < MOST_CACHES) {
            at = other.pointer(direction);
            all.push(other);
        }
    }
    all
}

/// The name of a datablock as Blender makes file names of it. Where `char` has a sign, as on x86,
/// letters beyond ASCII begin with FFFFFF.
fn hex_names(id_name: &[u8]) -> Vec<Vec<u8>> {
    let name = id_name.get(2..).unwrap_or_default();
    let digits = |byte: &u8| format!("{byte:02X}").into_bytes();
    let signed = |byte: &u8| format!("{:02X}", i32::from(byte.cast_signed())).into_bytes();
    let mut names: Vec<Vec<u8>> =
        vec![name.iter().flat_map(signed).collect(), name.iter().flat_map(digits).collect()];
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_hexadecimal() {
        assert_eq!(hex_names(b"OBCube"), [b"43756265".to_vec()]);
        let names = hex_names("OBé".as_bytes());
        assert_eq!(names, [b"FFFFFFC3FFFFFFA9".to_vec(), b"C3A9".to_vec()]);
    }
}
