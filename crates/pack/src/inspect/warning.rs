//! What costs money or pictures unless it is known before the render.

use super::scene::Scene;
use super::simulation::Simulation;
use serde::Serialize;

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Stable name, such as `unbaked_simulation`.
    pub code: &'static str,
    /// What it is about, and what to do.
    pub message: String,
}

pub(super) fn all(
    scenes: &[Scene],
    active: Option<&str>,
    simulations: &[Simulation],
    add_ons: &[String],
) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |code, message: String| found.push(Warning { code, message });
    for simulation in simulations.iter().filter(|simulation| simulation.baked != Some(true)) {
        let Simulation { owner, kind, baked } = simulation;
        match baked {
            Some(_) => warn(
                "unbaked_simulation",
                format!(
                    "{kind} of {owner} is not baked: frames that are rendered elsewhere show it at rest; bake it, then save"
                ),
            ),
            None => warn(
                "simulation_bake_unknown",
                format!(
                    "the file does not tell whether {kind} of {owner} is baked: see that its cache is among the files of `blendnet trace`"
                ),
            ),
        }
    }
    if !add_ons.is_empty() {
        let names = add_ons.join(", ");
        warn(
            "add_ons",
            format!(
                "made with what Blender does not bring: {names}; agents without it render something else"
            ),
        );
    }
    let rendered = scenes.iter().find(|scene| active.is_none_or(|name| scene.name == name));
    if let Some(scene) = rendered {
        of_scene(scene, &mut warn);
    }
    found
}

fn of_scene(scene: &Scene, warn: &mut impl FnMut(&'static str, String)) {
    let name = &scene.name;
    if scene.camera.is_none() && scene.camera_switches.is_empty() {
        warn("no_camera", format!("scene {name} has no camera: choose one in its properties"));
    }
    if let [first, _, ..] = scene.camera_switches.as_slice() {
        let count = scene.camera_switches.len();
        warn(
            "marker_cameras",
            format!(
                "{count} markers switch cameras, the first at frame {}; `--camera` overrides all of them",
                first.frame
            ),
        );
    }
    if scene.output.is_movie {
        let format = &scene.output.format;
        warn(
            "movie_output",
            format!(
                "the output is a movie ({format}): frames are rendered as images, and the movie is made of them afterwards"
            ),
        );
    } else if !scene.output.is_lossless {
        let format = &scene.output.format;
        warn("lossy_output", format!("{format} loses quality; the lossless EXR is kept beside it"));
    }
    if !scene.engine.is_empty() && scene.engine != "CYCLES" {
        let how = match scene.engine.as_str() {
            "BLENDER_WORKBENCH" => "frames can be split into tiles, not into samples",
            engine if engine.starts_with("BLENDER_EEVEE") => {
                "Eevee needs a GPU or a display on each agent, and its frames can't be split"
            }
            _ => "frames can't be split",
        };
        warn("engine", format!("the engine is {}: {how}", scene.engine));
    }
    if let Some(cycles) = &scene.cycles {
        if cycles.time_limit_secs > 0.0 {
            let secs = cycles.time_limit_secs;
            warn(
                "time_limit",
                format!(
                    "a time limit of {secs} s is set: what is rendered then depends on the machine; frames are not split"
                ),
            );
        }
        if cycles.path_guiding {
            warn("path_guiding", "path guiding is on: frames are not split, since every sample learns from those before it".to_owned());
        }
    }
    if scene.sequencer {
        warn(
            "sequencer",
            "the sequencer's strips replace the render; frames are not split".to_owned(),
        );
    }
    if scene.frame_count() == 0 {
        warn(
            "no_frames",
            format!(
                "scene {name} ends before it begins: frames {} to {}",
                scene.frame_start, scene.frame_end
            ),
        );
    }
    if scene.view_layers.iter().all(|layer| !layer.used) {
        warn("no_view_layers", format!("no view layer of scene {name} is rendered"));
    }
}
