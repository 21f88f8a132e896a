//! Blenders that a farm sends: taken where they fit, refused with a reason where they are of no use.

use std::path::Path;
use std::time::Duration;

use blendnet_agent::render::ProvideError;
use blendnet_protocol::{BlobId, KeptBlender, SceneId, platform};

use crate::fake::{BLEND, Bench, blender};

/// With no Blender of its own, and nothing known of any.
fn bare(folder: &Path) -> Bench {
    Bench::with_none(folder.to_owned())
}

/// An archive with these files below one folder.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    let tar = archive.into_inner().unwrap();
    ruzstd::encoding::compress_to_vec(tar.as_slice(), ruzstd::encoding::CompressionLevel::Fastest)
}

fn kept(blob: BlobId) -> KeptBlender {
    KeptBlender {
        blob,
        size_bytes: 1000,
        unpacked_bytes: 10_000,
        version: "4.5.15".to_owned(),
        is_module: false,
        platform: platform(),
    }
}

/// Sends an archive, and asks for it.
async fn provide(bench: &Bench, scene: &SceneId, archive: &[u8]) -> Result<String, ProvideError> {
    let kept = kept(bench.blob(archive).await);
    let state = bench.engine.provide(scene, std::slice::from_ref(&kept)).await?;
    assert_eq!(state.missing, None);
    Ok(state.instead_because.unwrap_or_default())
}

/// What is below the agent's folder for Blenders.
fn unpacked(bench: &Bench) -> Vec<String> {
    let entries = fs_err::read_dir(bench.dir.join("blenders")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn an_archive_that_is_of_no_use_is_refused_with_the_reason_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bare(folder.path());
    let scene = bench.scene(BLEND).await;
    let says = |version: &str| format!("#!/bin/sh\necho Blender {version}\n");
    let whole = archive(&[("top/blender", &says("4.5.15"))]);
    let cases = [
        (whole[..whole.len() / 2].to_vec(), "the archive is damaged"),
        (archive(&[("top/../../../escaped", "x")]), "leads out of its folder"),
        (archive(&[("top/blender", &"x".repeat(10_001))]), "more than the announced 10000 bytes"),
        (archive(&[("top/blender", &says("4.5.14"))]), "it is Blender 4.5.14"),
        (archive(&[("top/other", "x")]), "it does not run here"),
        (
            archive(&[("top/blender", "#!/bin/sh\necho no libXi.so.6 >&2; exit 127\n")]),
            "libXi.so.6",
        ),
        // It says that it is one, and renders nothing.
        (whole, "it does not run here"),
    ];
    for (bytes, why) in cases {
        let refused = provide(&bench, &scene, &bytes).await.unwrap_err().to_string();
        assert!(refused.contains(why) && refused.contains("4.5.15"), "{why}: {refused}");
        assert_eq!(unpacked(&bench), [""; 0], "{why}");
    }
    assert_eq!(fs_err::read_dir(bench.dir.join("blobs")).unwrap().count(), 2, "the scene's");
    assert!(!bench.dir.join("escaped").exists());
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_blender_of_the_farm_that_is_of_no_use_is_done_without_where_another_one_fits() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    let why = provide(&bench, &scene, b"no archive").await.unwrap();
    assert!(why.contains("4.5.15 is of no use: the archive is damaged"), "{why}");
    // It is not asked for again.
    let offered = kept(bench.blob(b"no archive").await);
    bench.engine.blobs().remove(&offered.blob).unwrap();
    let state = bench.engine.provide(&scene, &[offered]).await.unwrap();
    assert_eq!((state.missing, state.build.unwrap().version.as_str()), (None, "4.5.1"));
    bench.engine.stop().await;
}

#[tokio::test]
async fn nothing_is_sent_for_another_platform_or_where_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bare(folder.path());
    let scene = bench.scene(BLEND).await;
    let fits = kept(BlobId::new("a".repeat(64)).unwrap());
    let other = KeptBlender { platform: "linux-abacus".to_owned(), ..fits.clone() };
    let refused = bench.engine.provide(&scene, &[other]).await.unwrap_err().to_string();
    assert!(refused.contains("no Blender is installed here"), "{refused}");
    assert!(refused.contains("4.5.15 is for linux-abacus, not linux-"), "{refused}");

    let huge = KeptBlender { unpacked_bytes: 1 << 60, ..fits.clone() };
    let refused = bench.engine.provide(&scene, &[huge]).await.unwrap_err();
    assert!(matches!(refused, ProvideError::NoRoom { .. }), "{refused}");
    assert!(refused.to_string().contains("no room for Blender 4.5.15"), "{refused}");

    let state = bench.engine.provide(&scene, std::slice::from_ref(&fits)).await.unwrap();
    assert_eq!((state.missing, state.build), (Some(fits.blob), None));
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_scene_that_is_not_there_can_have_no_blender() {
    let bench = Bench::with(|temp| vec![blender(&temp.join("b"))], Duration::from_secs(2));
    let scene = SceneId::new("b".repeat(64)).unwrap();
    let refused = bench.engine.provide(&scene, &[]).await.unwrap_err();
    assert!(matches!(refused, ProvideError::NoScene(_)), "{refused}");
    bench.engine.stop().await;
}
