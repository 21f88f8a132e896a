//! Which datablocks a datablock refers to, whatever its kind: every pointer in its blocks that
//! names another datablock.

use super::file::BlendFile;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Where the pointers of each structure are: offset, and whether to an array of pointers.
type Pointers = HashMap<u32, Vec<(usize, bool)>>;

impl BlendFile {
    /// The datablocks that can be reached from some, themselves included, as indices of
    /// [`BlendFile::blocks`]. More than Blender would follow, never less.
    pub(crate) fn reachable(&self, from: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let mut pointers = Pointers::new();
        let mut reached: BTreeSet<u32> = from.into_iter().collect();
        let mut left: Vec<u32> = reached.iter().copied().collect();
        while let Some(id) = left.pop() {
            for next in self.links(id, &mut pointers) {
                if reached.insert(next) {
                    left.push(next);
                }
            }
        }
        reached
    }

    /// The datablocks that some refer to directly.
    pub(crate) fn linked_by(&self, ids: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let mut pointers = Pointers::new();
        ids.into_iter().flat_map(|id| self.links(id, &mut pointers)).collect()
    }

    fn links(&self, id: u32, pointers: &mut Pointers) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut arrays = HashSet::new();
        let rest = self.blocks().get(id as usize..).unwrap_or_default();
        for (index, block) in (id..).zip(rest).take_while(|(_, block)| block.owner == id) {
            let sdna = block.sdna;
            let places = pointers.entry(sdna).or_insert_with(|| self.dna().pointers(sdna));
            let size = self.dna().type_of(sdna).map_or(0, |kind| kind.len);
            if places.is_empty() || size == 0 || (sdna == 0 && index != id) {
                continue;
            }
            let bytes = self.block_bytes(block).unwrap_or_default();
            for element in bytes.chunks_exact(size) {
                for (offset, is_array) in places.iter() {
                    let address = self.layout().pointer_at(element, *offset).unwrap_or(0);
                    let target = (address != 0).then(|| self.target(index, address)).flatten();
                    let Some(target) = target else { continue };
                    if *is_array {
                        if arrays.insert(target) {
                            self.links_of_array(target, &mut found);
                        }
                    } else if self.is_id(target) {
                        found.insert(target);
                    }
                }
            }
        }
        found
    }

    fn links_of_array(&self, array: u32, found: &mut BTreeSet<u32>) {
        let bytes = self.block(array).and_then(|block| self.block_bytes(block));
        for address in bytes.unwrap_or_default().chunks_exact(self.layout().pointer_bytes) {
            let address = self.layout().unsigned(address).unwrap_or(0);
            let target = (address != 0).then(|| self.target(array, address)).flatten();
            found.extend(target.filter(|target| self.is_id(*target)));
        }
    }

    fn is_id(&self, index: u32) -> bool {
        self.block(index).is_some_and(|block| block.owner == index)
    }
}
