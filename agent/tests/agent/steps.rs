//! Parts that are rendered in steps.

use std::time::Duration;

use blendnet_protocol::{
    Outcome, Region, SampleRange, SceneId, Tile, Work, WorkKind, WorkState, WorkStatus,
};

use crate::fake::{BLEND, Bench, id};

const CRASH_LATER: i32 = 20;
const HANG_LATER: i32 = 21;

/// Samples 4 to 64, of which a second's worth may be lost. The fake Blender says that each call
/// took half a second.
fn in_steps(name: &str, scene: &SceneId, frame: i32) -> Work {
    let tile = Tile::new(0, 0, 64, 36).unwrap();
    let region = Region { tile, samples: SampleRange::new(4, 64).unwrap() };
    let kind = WorkKind::Part { frame, region, margin_px: 0, total_samples: 64 };
    Work { save_secs: Some(1.0), ..Work::new(id(name), scene.clone(), kind) }
}

fn status(bench: &Bench, name: &str) -> WorkStatus {
    bench.engine.status(&id(name)).unwrap()
}

/// The samples that were handed in, joined; each image is there and holds its own samples.
fn handed_in(bench: &Bench, status: &WorkStatus) -> SampleRange {
    let mut end = 4;
    for part in &status.parts {
        let samples = part.region.samples;
        assert_eq!(samples.start(), end, "{:?}", status.parts);
        end = samples.end();
        let path = bench.engine.blobs().path(&part.image.blob).unwrap();
        let said = fs_err::read_to_string(path).unwrap();
        assert!(said.ends_with(&format!("[{}, {end}]", samples.start())), "{said}");
    }
    SampleRange::new(4, end).unwrap()
}

#[tokio::test]
async fn a_part_is_handed_in_step_by_step() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    bench.engine.submit(in_steps("a", &scene, 1)).unwrap();
    let state = bench.finished("a").await;
    let WorkState::Completed(Outcome::Parts { timing }) = state else { panic!("{state:?}") };
    let ended = status(&bench, "a");
    assert_eq!(handed_in(&bench, &ended), SampleRange::new(4, 64).unwrap());
    assert!(ended.parts.len() > 2 && ended.parts.len() < 12, "{:?}", ended.parts);
    let rendered: f64 = ended.parts.iter().map(|part| part.timing.render_secs).sum();
    assert!((timing.render_secs - rendered).abs() < 1e-9, "{timing:?}");

    bench.engine.delete(&id("a"));
    bench.engine.stop().await;
    for part in &ended.parts {
        assert_eq!(bench.engine.blobs().path(&part.image.blob), None, "freed with the work");
    }
}

#[tokio::test]
async fn what_was_rendered_before_a_crash_is_kept() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    bench.engine.submit(in_steps("a", &scene, CRASH_LATER)).unwrap();
    let state = bench.finished("a").await;
    assert!(matches!(state, WorkState::Failed(_)), "{state:?}");
    assert_eq!(handed_in(&bench, &status(&bench, "a")), SampleRange::new(4, 6).unwrap());
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_step_is_there_while_the_next_one_is_rendered() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    bench.engine.submit(in_steps("a", &scene, HANG_LATER)).unwrap();
    let report = bench
        .wait_until("a step", |report| report.works.iter().any(|work| !work.parts.is_empty()))
        .await;
    let WorkState::Running(progress) = &report.works[0].state else { panic!("{report:?}") };
    assert_eq!(progress.samples_done, 2);
    bench.engine.stop().await;
}

#[tokio::test]
async fn tiles_with_a_margin_are_one_step() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    let mut work = in_steps("a", &scene, 1);
    if let WorkKind::Part { margin_px, region, .. } = &mut work.kind {
        (*margin_px, *region) = (6, Region { tile: Tile::new(0, 0, 64, 36).unwrap(), ..*region });
    }
    bench.engine.submit(work).unwrap();
    let state = bench.finished("a").await;
    assert!(matches!(state, WorkState::Completed(Outcome::Part { .. })), "{state:?}");
    assert_eq!(status(&bench, "a").parts, []);
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_machine_that_is_taken_away_hands_in_its_steps_and_gives_the_rest_back() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    let work = Work { save_secs: Some(100.0), ..in_steps("a", &scene, HANG_LATER) };
    bench.engine.submit(work).unwrap();
    bench.engine.submit(in_steps("waits", &scene, 1)).unwrap();
    bench.wait_until("a step", |report| !report.works[0].parts.is_empty()).await;
    let engine = bench.engine.clone();
    // The second step should take 3.75 s by the first one, which would be too late.
    let leaving = tokio::spawn(async move { engine.leave(Duration::from_secs(4)).await });
    let report = bench
        .wait_until("both given back", |report| {
            report.works.iter().all(|work| work.state == WorkState::Canceled)
        })
        .await;
    assert!(report.leaving_secs.is_some());
    assert_eq!(handed_in(&bench, &status(&bench, "a")), SampleRange::new(4, 6).unwrap());
    assert!(bench.engine.submit(in_steps("b", &scene, 1)).is_err(), "nothing new is begun");
    assert_eq!(bench.engine.report().blender_pid, None);
    assert!(!leaving.is_finished(), "what is not fetched yet is kept");
    bench.engine.delete(&id("a"));
    bench.engine.delete(&id("waits"));
    leaving.await.unwrap();
    bench.engine.stop().await;
}
