//! What nodes read themselves: light distributions, OSL scripts, files that geometry nodes import.

use super::Kind;
use super::uses::{Gather, Spread, Written};
use crate::blend::Struct;
use std::collections::HashMap;

/// `NODE_IES_EXTERNAL`, `NODE_SCRIPT_EXTERNAL`.
const IS_FILE: i64 = 1;
/// `PROP_FILEPATH`.
const FILE_PATH: i64 = 1;

/// Those of all node trees, in groups and inside of materials, lights, worlds and scenes.
pub(super) fn gather(gather: &mut Gather<'_>) {
    let mut names = None;
    for (name, kind) in [("NodeShaderTexIES", Kind::Ies), ("NodeShaderScript", Kind::Script)] {
        for (owner, node) in gather.all(name) {
            if node.int("mode") == Some(IS_FILE) {
                let names = names.get_or_insert_with(|| node_names(gather));
                let inside = names.get(&node.old_address()).map_or(", node", String::as_str);
                let path = Written::field(&node, "filepath");
                gather.add(&owner, inside, kind, path, Spread::File);
            }
        }
    }
    let mut names = None;
    for (owner, value) in gather.all("bNodeSocketValueString") {
        if value.int("subtype") == Some(FILE_PATH) {
            let names = names.get_or_insert_with(|| importer_names(gather));
            let inside = names.get(&value.old_address()).map_or(", node", String::as_str);
            let path = Written::field(&value, "value");
            gather.add(&owner, inside, Kind::NodesImport, path, Spread::File);
        }
    }
}

/// What nodes are called, by the address of their storage.
fn node_names(gather: &Gather<'_>) -> HashMap<u64, String> {
    let named = |node: Struct<'_>| {
        let storage = node.address("storage").filter(|storage| *storage != 0)?;
        Some((storage, format!(", node {}", node.text("name")?)))
    };
    gather.file.all("bNode").filter_map(named).collect()
}

/// What the nodes that import files are called, by the addresses of their sockets' values.
fn importer_names(gather: &Gather<'_>) -> HashMap<u64, String> {
    let mut names = HashMap::new();
    for node in gather.file.all("bNode") {
        if node.bytes("idname").is_none_or(|kind| !kind.starts_with(b"GeometryNodeImport")) {
            continue;
        }
        let name = format!(", node {}", node.text("name").unwrap_or_default());
        let values = node.structs("inputs").into_iter();
        let values = values.filter_map(|socket| socket.address("default_value"));
        names.extend(values.map(|value| (value, name.clone())));
    }
    names
}
