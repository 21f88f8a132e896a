//! What costs money or pictures unless it is known before the render.

use super::Inspection;
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

pub(super) fn all(found: &Inspection) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, message: String| warnings.push(Warning { code, message });
    let rendered: Vec<_> = found.simulations.iter().filter(|one| one.rendered).collect();
    for simulation in &rendered {
        of_simulation(simulation, &mut warn);
    }
    if !found.add_ons.is_empty() {
        let names = found.add_ons.join(", ");
        warn(
            "add_ons",
            format!(
                "made with what Blender does not bring: {names}; installed add-ons that have it go along, others when they are named (--add-on), and without them something else is rendered"
            ),
        );
    }
    if !found.scripts.is_empty() {
        let names = found.scripts.join(", ");
        warn(
            "scripts",
            format!(
                "these texts are run when the file is opened: {names}; where scripts are not allowed to, drivers that need them stand still"
            ),
        );
    }
    let active = found.active_scene.as_ref();
    let scene = found.scenes.iter().find(|scene| active.is_none_or(|name| scene.name == *name));
    if let Some(scene) = scene {
        of_scene(scene, &mut warn);
        of_frames(scene, &mut warn);
        of_splitting(scene, &mut warn);
        if scene.motion_blur && !rendered.is_empty() {
            warn(
                "motion_blur",
                "motion blur looks at the frames before and after: bake simulations one frame further at both ends".to_owned(),
            );
        }
    }
    warnings
}

fn of_simulation(simulation: &Simulation, warn: &mut impl FnMut(&'static str, String)) {
    let Simulation { owner, kind, baked, .. } = simulation;
    match baked {
        Some(true) => {}
        Some(false) => warn(
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

fn of_scene(scene: &Scene, warn: &mut impl FnMut(&'static str, String)) {
    let name = &scene.name;
    if scene.camera.is_none() && scene.camera_switches.is_empty() {
        warn("no_camera", format!("scene {name} has no camera: choose one in its properties"));
    }
    if let [first, others @ ..] = scene.camera_switches.as_slice()
        && (!others.is_empty() || scene.camera.as_ref() != Some(&first.camera))
    {
        let count = others.len() + 1;
        warn(
            "marker_cameras",
            format!(
                "{count} of the markers switch cameras, the first at frame {}; `--camera` overrides all of them",
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
        let codec = scene.output.codec.as_ref().map(|codec| format!(" as {codec}"));
        let codec = codec.unwrap_or_default();
        warn(
            "lossy_output",
            format!("{format}{codec} loses quality; the lossless EXR is kept beside it"),
        );
    }
    if scene.view_layers.iter().all(|layer| !layer.used) {
        warn("no_view_layers", format!("no view layer of scene {name} is rendered"));
    }
}

fn of_frames(scene: &Scene, warn: &mut impl FnMut(&'static str, String)) {
    let Scene { name, frame_start, frame_end, .. } = scene;
    if scene.frame_count() == 0 {
        warn(
            "no_frames",
            format!("scene {name} ends before it begins: frames {frame_start} to {frame_end}"),
        );
    }
    if scene.sequencer {
        warn(
            "sequencer",
            "the sequencer's strips replace the render; frames are not split".to_owned(),
        );
    }
}

/// What keeps a frame on one machine.
fn of_splitting(scene: &Scene, warn: &mut impl FnMut(&'static str, String)) {
    if !scene.engine.is_empty() && scene.engine != "CYCLES" {
        let how = match scene.engine.as_str() {
            "BLENDER_WORKBENCH" => {
                "it needs a GPU or a display on each agent, and its frames are split into tiles only"
            }
            engine if engine.starts_with("BLENDER_EEVEE") => {
                "Eevee needs a GPU or a display on each agent, and its frames can't be split"
            }
            _ => "frames can't be split",
        };
        warn("engine", format!("the engine is {}: {how}", scene.engine));
    }
    let Some(cycles) = &scene.cycles else { return };
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
        warn(
            "path_guiding",
            "path guiding is on: frames are not split, since every sample learns from those before it".to_owned(),
        );
    }
}
