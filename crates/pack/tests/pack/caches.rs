//! What a scene needs of caches.

use crate::case::*;

#[test]
fn point_caches_are_beside_their_own_blend_or_where_they_are_said_to_be() {
    const CACHES: [&str; 2] = [
        "ParticleSystem: char name[64]; PointCache *pointcache",
        "PointCache: PointCache *next; PointCache *prev; int flag; int index; char name[64]; \
         char path[1024]",
    ];
    let case = Case::new();
    case.touch(&["blendcache_scene/4F_000000_00.bphys", "blendcache_scene/4F_000004_00.bphys"]);
    case.touch(&["blendcache_scene/4F_000008_00.bphys", "blendcache_scene/4F61_000001_00.bphys"]);
    case.touch(&["else/ext_000002_01.bphys"]);
    let mut file = made_with_scene(&CACHES, (1, 10));
    for (address, flag) in [(100, 64), (200, 512), (300, 64 | 1)] {
        let name = if address == 300 { "OBgone" } else { "OBO" };
        file.add("OB", address, "Object", &[("id.name", name.into())]);
        let system = [("name", "sys".into()), ("pointcache", (address + 2).into())];
        file.add("DATA", address + 1, "ParticleSystem", &system);
        let mut cache = vec![("flag", flag.into())];
        if flag == 512 {
            cache.extend([("name", "ext".into()), ("path", "//else".into())]);
        }
        file.add("DATA", address + 2, "PointCache", &cache);
    }
    case.save("scene.blend", file);
    assert_eq!(
        case.told(),
        [
            "blendcache_scene/4F_000000_00.bphys point-cache",
            "blendcache_scene/4F_000004_00.bphys point-cache [1-8]",
            "blendcache_scene/4F_000008_00.bphys point-cache [4-10]",
            "!blendcache_scene/676F6E65_*.bphys point-cache",
            "else/ext_000002_01.bphys point-cache [1-10]",
        ]
    );
}

#[test]
fn oceans_and_fluids_bring_only_their_own_files() {
    const CACHES: [&str; 4] = [
        "ModifierData: char name[64]",
        "OceanModifierData: ModifierData modifier; int bakestart; int bakeend; \
         char cachepath[1024]; char cached",
        "FluidModifierData: ModifierData modifier; FluidDomainSettings *domain",
        "FluidDomainSettings: int cache_flag; int cache_frame_offset; char cache_directory[1024]",
    ];
    let case = Case::new();
    case.touch(&["disp_0002.exr", "disp_0003.exr", "foam_0003.exr", "notes.txt", "wip.exr"]);
    case.touch(&["data/fluid_data_0001.vdb", "data/fluid_data_0002.vdb", "mesh/readme"]);
    let mut file = made_with_scene(&CACHES, (1, 4));
    file.add("OB", 100, "Object", &[("id.name", "OBSea".into())]);
    let ocean = [
        ("modifier.name", "Ocean".into()),
        ("bakestart", 2.into()),
        ("bakeend", 3.into()),
        ("cachepath", "//".into()),
        ("cached", 1.into()),
    ];
    file.add("DATA", 110, "OceanModifierData", &ocean);
    file.add("DATA", 120, "FluidModifierData", &[("domain", 130.into())]);
    let domain = [("cache_flag", 2.into()), ("cache_directory", "//".into())];
    file.add("DATA", 130, "FluidDomainSettings", &domain);
    case.save("scene.blend", file);
    assert_eq!(
        case.told(),
        [
            "data/fluid_data_0001.vdb fluid-cache [1-2]",
            "data/fluid_data_0002.vdb fluid-cache [1-4]",
            "disp_0002.exr ocean [1-2]",
            "disp_0003.exr ocean [3-4]",
            "foam_0003.exr ocean [3-4]",
            "mesh/readme fluid-cache",
        ]
    );
}
