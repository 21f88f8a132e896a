//! What objects need for their modifiers: mesh caches, oceans, fluids, bakes of geometry nodes,
//! and the displacements of sculpted meshes.

use super::Kind;
use super::cache::modifier as named;
use super::uses::{Gather, Layout, Spots, Spread, Written};
use crate::blend::Struct;

/// Any part of a fluid domain is baked.
const FLUID_IS_BAKED: i64 = 2 | 8 | 32 | 128 | 512;
/// `OB_FLUIDSIM_DOMAIN`, before 2.82.
const ELBEEM_DOMAIN: i64 = 2;
/// `NODES_MODIFIER_BAKE_CUSTOM_PATH`.
const OWN_FOLDER: i64 = 2;
const BAKE_AS_MODIFIER: i64 = 0;
const BAKE_IS_PACKED: i64 = 1;
/// `PROP_FILEPATH`.
const FILE_PATH: i64 = 1;
/// `IDP_STRING`.
const TEXT: i64 = 0;

/// Those of all objects.
pub(super) fn gather(gather: &mut Gather<'_>) {
    for (owner, cache) in gather.all("MeshCacheModifierData") {
        let path = Written::field(&cache, "filepath");
        gather.add(&owner, &named(&cache), Kind::MeshCache, path, Spread::File);
    }
    for (owner, ocean) in gather.all("OceanModifierData") {
        let frame = |field| ocean.int(field).unwrap_or(0);
        let layout = Layout::Ocean { first: frame("bakestart"), last: frame("bakeend") };
        let spread = Spread::Folder { layout, expected: ocean.is_set("cached") };
        let path = Written::field(&ocean, "cachepath");
        gather.add(&owner, &named(&ocean), Kind::Ocean, path, spread);
    }
    for (owner, modifier) in gather.all("FluidModifierData") {
        fluid(gather, &owner, &modifier);
    }
    for (owner, modifier) in gather.all("FluidsimModifierData") {
        let settings = modifier.pointer("fss");
        let domain = settings.filter(|settings| settings.int("type") == Some(ELBEEM_DOMAIN));
        let path = domain.and_then(|domain| Written::field(&domain, "surfdataPath"));
        let spread = Spread::Folder { layout: Layout::Elbeem, expected: false };
        gather.add(&owner, &named(&modifier), Kind::FluidCache, path, spread);
    }
    for (owner, modifier) in gather.all("NodesModifierData") {
        node_bakes(gather, &owner, &modifier);
        node_inputs(gather, &owner, &modifier);
    }
    for (owner, external) in gather.all("CustomDataExternal") {
        let path = Written::field(&external, "filename");
        let path = path.or_else(|| Written::field(&external, "filepath"));
        gather.add(&owner, ", multires", Kind::Multires, path, Spread::File);
    }
}

fn fluid(gather: &mut Gather<'_>, owner: &Struct<'_>, modifier: &Struct<'_>) {
    let Some(domain) = modifier.pointer("domain") else { return };
    let is_baked = domain.int("cache_flag").is_some_and(|flag| flag & FLUID_IS_BAKED != 0);
    // While it is not baked, a frame is computed from all those before it.
    let numbered = is_baked && !domain.is_set("cache_frame_offset");
    let spread = Spread::Folder { layout: Layout::Fluid { numbered }, expected: is_baked };
    let path = Written::field(&domain, "cache_directory");
    gather.add(owner, &named(modifier), Kind::FluidCache, path, spread);
}

fn node_bakes(gather: &mut Gather<'_>, owner: &Struct<'_>, modifier: &Struct<'_>) {
    let mut add = |folder: Option<Written>| {
        let spread = Spread::Folder { layout: Layout::Bakes, expected: false };
        gather.add(owner, &named(modifier), Kind::SimulationBake, folder, spread);
    };
    let shared = ["simulation_bake_directory", "bake_directory"];
    let shared = shared.iter().find_map(|field| Written::field(modifier, field));
    if !modifier.has("bakes") {
        return add(shared);
    }
    for bake in modifier.structs("bakes") {
        let target = match bake.int("bake_target") {
            Some(BAKE_AS_MODIFIER) => modifier.int("bake_target"),
            own => own,
        };
        if target != Some(BAKE_IS_PACKED) {
            let has_own = bake.int("flag").is_some_and(|flag| flag & OWN_FOLDER != 0);
            add(if has_own { Written::field(&bake, "directory") } else { shared.clone() });
        }
    }
}

/// Texts that a modifier hands to its nodes, if they are paths of files.
fn node_inputs(gather: &mut Gather<'_>, owner: &Struct<'_>, modifier: &Struct<'_>) {
    let Some(inputs) = modifier.pointer("settings.properties") else { return };
    for input in inputs.structs("data.group") {
        if input.int("type") != Some(TEXT) {
            continue;
        }
        let mut path = input.pointed_bytes("data.pointer").unwrap_or_default();
        path.truncate(path.iter().position(|byte| *byte == 0).unwrap_or(path.len()));
        let hints = input.pointer("ui_data");
        let is_path = hints.is_some_and(|hints| {
            let subtype = hints.int("base.rna_subtype").or_else(|| hints.int("rna_subtype"));
            subtype == Some(FILE_PATH)
        });
        let spread = match (is_path, path.starts_with(b"//") || path.starts_with(b"/")) {
            (true, _) => Spread::File,
            (false, true) => Spread::IfThere,
            _ => continue,
        };
        let spots = input.property_spot().map_or(Spots::Nowhere, Spots::Path);
        let written = Written { bytes: path, spots };
        gather.add(owner, &named(modifier), Kind::NodesImport, Some(written), spread);
    }
}
