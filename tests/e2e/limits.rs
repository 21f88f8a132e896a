//! What a job may cost, and how clean it must be.

use blendnet_tests::{Render, Rendered, noise_between, system_blender};

fn samples_rendered(rendered: &Rendered) -> f64 {
    let samples = &rendered.event("done")["samples_rendered"];
    samples.as_f64().unwrap_or_else(|| panic!("fewer samples: {:#?}", rendered.events))
}

fn warned(rendered: &Rendered, of: &str) -> bool {
    let says = |event: &serde_json::Value| event.to_string().contains(of);
    rendered.events.iter().any(says)
}

#[tokio::test]
async fn a_noise_target_spares_samples_and_is_met() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, samples: &str| {
        let size = ["--size", "160", "90", "--samples", samples];
        blender.make_scene("combined_only", &folder.path().join(name), &size)
    };
    let scene = make("scene.blend", "256");
    let options = ["--agents", "2", "--threads-per-agent", "1", "--noise", "0.03"];
    let rendered = Render::start(&scene, folder.path(), &options).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    let samples = samples_rendered(&rendered);
    assert!((8.0..128.0).contains(&samples), "{samples} of 256 samples");
    let clean = blender.one_go(&make("clean.blend", "512"), &folder.path().join("clean.exr"), 1);
    let noise = noise_between(&rendered.exr(1), &clean);
    assert!((0.006..0.036).contains(&noise), "a noise of {noise} after {samples} samples");
}

#[tokio::test]
async fn a_budget_buys_a_picture_of_fewer_samples_and_is_not_overdrawn() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "320", "180", "--samples", "16384"];
    let scene = blender.make_scene("combined_only", &folder.path().join("scene.blend"), &size);
    let options = ["--agents", "2", "--threads-per-agent", "1", "--split", "samples"];
    let money = ["--usd-per-hour", "100", "--budget", "6"];
    let rendered = Render::start(&scene, folder.path(), &[&options[..], &money].concat()).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    assert!(samples_rendered(&rendered) > 0.0 && rendered.exr(1).is_file());
    let spent = rendered.event("done")["spent_usd_micros"].as_u64().unwrap();
    assert!((100_000..=6_000_000).contains(&spent), "{spent} millionths of a dollar spent");
    assert!(warned(&rendered, "the budget is used up"), "{:#?}", rendered.events);
    assert!(warned(&rendered, "the rest would cost about"), "{:#?}", rendered.events);
}

#[tokio::test]
async fn limits_that_can_not_be_kept_are_refused_with_what_to_do() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let scene = blender.make_scene("workbench", &folder.path().join("scene.blend"), &[]);
    let refused = Render::start(&scene, folder.path(), &["--budget", "5"]).finish();
    assert_eq!(refused.code, 2, "{:#?}", refused.events);
    assert!(warned(&refused, "start it with --usd-per-hour"), "{:#?}", refused.events);
    let past = Render::start(&scene, folder.path(), &["--deadline", "2020-01-01T00:00"]).finish();
    assert_eq!(past.code, 2, "{:#?}", past.events);
    assert!(warned(&past, "has passed already"), "{:#?}", past.events);
}
