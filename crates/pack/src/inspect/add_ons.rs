//! What is needed that Blender does not bring, as far as the file tells.

use super::scene::Scene;
use crate::blend::BlendFile;
use std::collections::BTreeSet;

/// Prefixes of the nodes that Blender brings.
const OWN_NODES: [&str; 7] =
    ["Shader", "Compositor", "Geometry", "Function", "Texture", "Node", "FN_"];
/// Prefixes of the engines that Blender brings.
const OWN_ENGINES: [&str; 3] = ["CYCLES", "BLENDER_", "HYDRA_STORM"];
/// Settings in scenes of add-ons that make pictures without a node or an engine of their own.
const SETTINGS: [(&str, &str); 1] = [("flip_fluid", "FLIP Fluids")];
/// `TXT_ISSCRIPT` of `Text.flags` (`DNA_text_types.h`): "Register" is on.
const REGISTERED: i64 = 1 << 4;

/// What names itself in the file: nodes, engines and settings that Blender does not know.
pub(super) fn all(file: &BlendFile, scenes: &[Scene]) -> Vec<String> {
    let is_one_of = |own: &[&str], name: &str| own.iter().any(|own| name.starts_with(own));
    let engines = scenes.iter().map(|scene| scene.engine.as_str());
    let mut found: BTreeSet<String> = engines
        .filter(|engine| !engine.is_empty() && !is_one_of(&OWN_ENGINES, engine))
        .map(|engine| format!("render engine {engine}"))
        .collect();
    for node in file.all("bNode") {
        let Some(name) = node.text("idname").filter(|name| !name.is_empty()) else { continue };
        if !is_one_of(&OWN_NODES, &name) {
            found.insert(format!("node {name}"));
        }
    }
    for settings in file.ids("SC").filter_map(|scene| scene.id_properties()) {
        let known = SETTINGS.iter().filter(|(name, _)| settings.get(name).is_some());
        found.extend(known.map(|(_, add_on)| (*add_on).to_owned()));
    }
    found.into_iter().collect()
}

/// Names of the texts that are run when the file is opened.
pub(super) fn scripts(file: &BlendFile) -> Vec<String> {
    let registered = file.ids("TX").filter(|text| text.int("flags").unwrap_or(0) & REGISTERED != 0);
    registered.filter_map(|text| text.id_name()).collect()
}
