//! Any bytes, read as a .blend and asked for everything.
#![no_main]

use blendnet_pack::blend::{BlendFile, Struct};
use libfuzzer_sys::fuzz_target;

const FIELDS: [&str; 14] = [
    "name",
    "filepath",
    "type",
    "flag",
    "tiles",
    "modifiers",
    "nodes",
    "mat",
    "r",
    "r.cfra",
    "id.name",
    "data",
    "r.im_format.imtype",
    "packedfile",
];

fn ask(one: &Struct<'_>) {
    for field in FIELDS {
        let _ = (one.int(field), one.float(field), one.text(field), one.address(field));
        let _ = (one.structs(field).len(), one.pointers(field).len());
        let _ = one.pointer(field).map(|other| other.id_name());
    }
    let _ = (one.id_properties(), one.owner().map(|owner| owner.old_address()));
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = BlendFile::from_bytes(bytes.to_vec()) else { return };
    let _ = (file.version(), file.subversion());
    for one in file.all_ids() {
        ask(&one);
    }
    for block in file.blocks() {
        let _ = file.at(block.old_address).map(|one| ask(&one));
        let _ = file.block_bytes(block);
    }
});
