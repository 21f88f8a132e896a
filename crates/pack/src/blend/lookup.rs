//! From an address in Blender's memory to the block that was there.

use super::Block;

/// Blocks by their old addresses.
///
/// Two datablocks may each have data of the same address, since Blender frees and allocates while
/// it writes; each pointer then means the block of its own datablock.
#[derive(Debug)]
pub(super) struct Lookup {
    /// Address, whether it is data of a datablock, index; sorted.
    by_address: Vec<(u64, bool, u32)>,
}

impl Lookup {
    pub(super) fn new(blocks: &[Block]) -> Self {
        let numbered = (0_u32..).zip(blocks);
        let mut by_address: Vec<(u64, bool, u32)> = numbered
            .filter(|(_, block)| block.old_address != 0)
            .map(|(index, block)| (block.old_address, block.owner != index, index))
            .collect();
        by_address.sort_unstable();
        Self { by_address }
    }

    /// The block at `address`, seen from the datablock `owner`: its own, or a datablock, or
    /// the first that there is.
    pub(super) fn find(&self, blocks: &[Block], address: u64, owner: Option<u32>) -> Option<u32> {
        let owns = |index: u32| blocks.get(index as usize).map(|block| block.owner) == owner;
        // What a datablock owns follows it.
        let own = owner.and_then(|owner| {
            let itself = self.from((address, false, owner)).filter(|index| *index == owner);
            itself.or_else(|| self.from((address, true, owner)).filter(|index| owns(*index)))
        });
        own.or_else(|| self.from((address, false, 0)))
    }

    /// The first from a place on, if it has the address.
    fn from(&self, place: (u64, bool, u32)) -> Option<u32> {
        let at = self.by_address.partition_point(|other| *other < place);
        let (address, _, index) = self.by_address.get(at)?;
        (*address == place.0).then_some(*index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(code: [u8; 4], owner: u32, old_address: u64) -> Block {
        Block { code, sdna: 0, count: 1, owner, old_address, offset: 0, len: 0 }
    }

    #[test]
    fn a_pointer_means_the_data_of_its_own_datablock() {
        let blocks = [
            block(*b"OB\0\0", 0, 10),
            block(*b"DATA", 0, 77),
            block(*b"OB\0\0", 2, 20),
            block(*b"DATA", 2, 77),
        ];
        let lookup = Lookup::new(&blocks);
        assert_eq!(lookup.find(&blocks, 77, Some(0)), Some(1));
        assert_eq!(lookup.find(&blocks, 77, Some(2)), Some(3));
        assert_eq!(lookup.find(&blocks, 20, Some(0)), Some(2));
        assert_eq!(lookup.find(&blocks, 5, None), None);
    }

    #[test]
    fn many_blocks_of_one_address_are_told_apart_at_once() {
        let pair = |owner| [block(*b"OB\0\0", owner, 7), block(*b"DATA", owner, 9)];
        let blocks: Vec<Block> = (0..200_000).step_by(2).flat_map(pair).collect();
        let lookup = Lookup::new(&blocks);
        for owner in (0..200_000).step_by(2) {
            assert_eq!(lookup.find(&blocks, 7, Some(owner)), Some(owner));
            assert_eq!(lookup.find(&blocks, 9, Some(owner)), Some(owner + 1));
        }
        assert_eq!(lookup.find(&blocks, 9, None), Some(1));
        assert_eq!(lookup.find(&blocks, 9, Some(900_000)), Some(1));
    }
}
