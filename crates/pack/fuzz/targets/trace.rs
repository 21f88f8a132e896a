//! Any bytes, as a .blend whose files are looked for.
#![no_main]

use blendnet_pack::trace::{TraceOptions, trace};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tempfile::TempDir;

/// An empty folder of its own, so that no path leads to anything large.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("scene.blend");
    fs_err::write(&path, bytes).unwrap();
    let _ = trace(&path, &TraceOptions::default());
});
