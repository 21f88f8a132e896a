//! Any bytes, as a .blend whose files are looked for and packed.
#![no_main]

use blendnet_pack::pack;
use blendnet_pack::trace::TraceOptions;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tempfile::TempDir;

/// An empty folder of its own, so that no path leads to anything large.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("scene.blend");
    fs_err::write(&path, bytes).unwrap();
    let Ok(plan) = pack::plan(&path, &TraceOptions::default()) else { return };
    for file in plan.files.iter().filter(|file| !file.is_unchanged()) {
        let _ = file.write(&mut std::io::sink());
    }
});
