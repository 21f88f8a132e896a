//! Simulations of geometry nodes, and where they are baked to.

use super::simulation::Found;
use crate::blend::Struct;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The node that a simulation ends with.
const SIMULATION: &str = "GeometryNodeSimulationOutput";
/// A node that stands for another tree.
const GROUP: &str = "GeometryNodeGroup";
/// Kind of what is found.
const KIND: &str = "geometry nodes";
/// How deep groups nest in groups.
const DEEPEST: usize = 32;

/// Bakes that are looked at in one file; hostile ones name the same long list again and again.
const MOST_BAKES: usize = 1 << 16;

/// The trees of a file, each read once however many modifiers use it.
#[derive(Default)]
pub(super) struct Trees<'a> {
    known: HashMap<u64, Rc<Tree<'a>>>,
    bakes: usize,
}

/// What is of interest in a tree.
struct Tree<'a> {
    /// By their numbers: what they are, and the groups that some of them stand for.
    nodes: HashMap<i64, (String, Option<Struct<'a>>)>,
    /// Numbers that modifiers know, with the node each is, and with the number in its group.
    references: HashMap<i64, (i64, i64)>,
}

impl<'a> Trees<'a> {
    /// The simulations of a modifier: since 4.1 it has a list of what may be baked, before that
    /// only the nodes tell.
    pub(super) fn simulations(
        &mut self,
        modifier: &Struct<'a>,
        folder: Option<&Path>,
    ) -> Vec<Found> {
        let Some(tree) = modifier.pointer("node_group") else { return Vec::new() };
        if !modifier.has("bakes") {
            return if self.simulates(tree) { vec![(KIND, None)] } else { Vec::new() };
        }
        if self.bakes > MOST_BAKES {
            return Vec::new();
        }
        let bakes = modifier.structs("bakes");
        self.bakes += bakes.len();
        let simulating = bakes.iter().filter(|bake| {
            let node = bake.int("id").and_then(|id| self.idname_of(tree.clone(), id));
            node.is_none_or(|name| name == SIMULATION)
        });
        simulating.map(|bake| (KIND, is_baked(modifier, bake, folder))).collect()
    }

    /// Whether there is such a node in the tree, or in a group in it.
    fn simulates(&mut self, tree: Struct<'a>) -> bool {
        let mut seen = HashSet::new();
        let mut left = vec![tree];
        while let Some(tree) = left.pop() {
            if seen.insert(tree.old_address()) {
                let tree = self.read(&tree);
                if tree.nodes.values().any(|(name, _)| name == SIMULATION) {
                    return true;
                }
                left.extend(tree.nodes.values().filter_map(|(_, group)| group.clone()));
            }
        }
        false
    }

    /// What the node is that a modifier knows by a number; `None` if its group is linked.
    fn idname_of(&mut self, mut tree: Struct<'a>, mut id: i64) -> Option<String> {
        for _ in 0..DEEPEST {
            let read = self.read(&tree);
            let (node, inner) = read.references.get(&id)?;
            let (name, group) = read.nodes.get(node)?;
            if name != GROUP {
                return Some(name.clone());
            }
            (tree, id) = (group.clone()?, *inner);
        }
        None
    }

    fn read(&mut self, tree: &Struct<'a>) -> Rc<Tree<'a>> {
        let known = self.known.entry(tree.old_address());
        Rc::clone(known.or_insert_with(|| Rc::new(Tree::read(tree))))
    }
}

impl<'a> Tree<'a> {
    fn read(tree: &Struct<'a>) -> Self {
        let nodes = (0_i64..).zip(tree.structs("nodes")).map(|(index, node)| {
            let name = node.text("idname").unwrap_or_default();
            let group = node.pointer("id").filter(|_| name == GROUP);
            (node.int("identifier").unwrap_or(index), (name, group))
        });
        let references = tree.structs("nested_node_refs");
        let references = references.iter().filter_map(|reference| {
            let path = (reference.int("path.node_id")?, reference.int("path.id_in_node")?);
            Some((reference.int("id")?, path))
        });
        Self { nodes: nodes.collect(), references: references.collect() }
    }
}

/// Packed, or in a folder of its own, which is looked into.
fn is_baked(modifier: &Struct<'_>, bake: &Struct<'_>, folder: Option<&Path>) -> Option<bool> {
    if bake.address("packed").is_some_and(|address| address != 0) {
        return Some(true);
    }
    let own = bake.text("directory").filter(|own| !own.is_empty());
    let path = if let Some(own) = own {
        on_disk(&own, folder)?
    } else {
        let shared = modifier.text("simulation_bake_directory").unwrap_or_default();
        if shared.is_empty() {
            return Some(false);
        }
        on_disk(&shared, folder)?.join(bake.int("id")?.to_string())
    };
    let mut frames = fs_err::read_dir(path.join("meta")).into_iter().flatten();
    Some(frames.any(|entry| entry.is_ok()))
}

fn on_disk(written: &str, folder: Option<&Path>) -> Option<PathBuf> {
    let written = written.replace('\\', "/");
    Some(match written.strip_prefix("//") {
        Some(relative) => folder?.join(relative),
        None => PathBuf::from(written),
    })
}
