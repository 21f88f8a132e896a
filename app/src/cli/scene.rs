//! `blendnet inspect` and `blendnet trace`: what is in a scene, and which files it needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use blendnet_pack::inspect::{self, Inspection, Scene};
use blendnet_pack::trace::{self, Dependency, Trace, TraceOptions};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::farm::printed;
use super::moved::MovedArgs;
use super::pack::{self, PackArgs};
use super::printer::{print_all, print_json, print_json_to, print_lines};
use super::{Ending, exit};
use crate::text::{bytes, count};
use crate::workflow::compare::{self, BlenderList, Differences};
use crate::workflow::problem::Problem;

/// Commands that read a scene; they need neither farm nor Blender, and answer at once.
#[derive(Subcommand, Debug)]
pub(super) enum SceneCommand {
    /// Say what is in a .blend, without Blender
    Inspect {
        /// The scene
        #[arg(value_name = "FILE.blend")]
        blend: PathBuf,
    },
    /// List the files that a .blend needs, without Blender
    Trace(TraceArgs),
    /// Put a .blend and all that it needs into a zip or folder that opens anywhere
    Pack(PackArgs),
}

/// Options of `blendnet trace`.
#[derive(Args, Debug)]
pub(super) struct TraceArgs {
    /// The scene
    #[arg(value_name = "FILE.blend")]
    blend: PathBuf,
    /// List only what is missing
    #[arg(long)]
    missing: bool,
    /// Ask Blender for its list too, and show where the two differ
    #[arg(long)]
    compare: bool,
    /// The Blender, or Python with the bpy module, to compare with [default: blender]
    #[arg(long, value_name = "PATH", requires = "compare")]
    blender: Option<PathBuf>,
    #[command(flatten)]
    moved: MovedArgs,
}

/// Runs one of them.
pub(super) fn run(command: &SceneCommand, json: bool) -> Ending {
    match command {
        SceneCommand::Inspect { blend } => inspect(blend, json),
        SceneCommand::Trace(args) => trace(args, json),
        SceneCommand::Pack(args) => pack::run(args, json),
    }
}

fn inspect(blend: &Path, json: bool) -> Ending {
    let found = inspect::inspect(blend).map_err(|error| Problem::of_pack(&error))?;
    if json {
        return printed(print_json(&found));
    }
    printed(print_lines(&inspection_lines(&found)))
}

/// What a render can't do without and is not there.
fn is_missing(file: &Dependency) -> bool {
    !file.exists && !file.kind.is_optional()
}

fn trace(args: &TraceArgs, json: bool) -> Ending {
    let blender = args.compare.then(|| args.blender.as_deref().unwrap_or("blender".as_ref()));
    let options = TraceOptions { frames: None, moved: args.moved.moved() };
    let traced = trace::trace(&args.blend, &options);
    let Trace { mut files, warnings } = traced.map_err(|error| Problem::of_pack(&error))?;
    let list = blender.map(|blender| compare::ask_blender(blender, &args.blend)).transpose()?;
    let differences = list.as_ref().map(|list| compare::compare(&files, &list.paths));
    let complete = !files.iter().any(is_missing);
    let shown = if json {
        print_files(&files, differences.as_ref(), args.missing)
    } else {
        let lines = differences.iter().zip(&list);
        let lines = lines.flat_map(|(found, list)| difference_lines(found, list, &files));
        let lines: Vec<String> = lines.collect();
        if args.missing {
            files.retain(is_missing);
        }
        print_lines(&[trace_lines(&files, &warnings), lines].concat())
    };
    printed(shown)?;
    Ok(if complete { exit::DONE } else { exit::MISSING_FILES })
}

/// A file of the one list, which says whose it is.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    file: &'a Dependency,
    #[serde(skip_serializing_if = "Option::is_none")]
    listed_by_blender: Option<bool>,
}

fn print_files(
    files: &[Dependency],
    found: Option<&Differences>,
    only_missing: bool,
) -> std::io::Result<()> {
    print_all(|out| {
        let files = files.iter().enumerate();
        for (at, file) in files.filter(|(_, file)| !only_missing || is_missing(file)) {
            let listed_by_blender = found.map(|found| !found.only_ours.contains(&at));
            print_json_to(out, &Listed { file, listed_by_blender })?;
        }
        for path in found.into_iter().flat_map(|found| &found.only_blender) {
            let exists = path.exists();
            let line = serde_json::json!({
                "path": path, "exists": exists, "kind": "unknown", "listed_by_blender": true,
                "used_by": ["only Blender lists it"],
            });
            if !only_missing || !exists {
                print_json_to(out, &line)?;
            }
        }
        Ok(())
    })
}

fn difference_lines(found: &Differences, list: &BlenderList, files: &[Dependency]) -> Vec<String> {
    let mut lines = Vec::new();
    for path in &found.only_blender {
        lines.push(format!("only Blender lists {}", path.display()));
    }
    let mut only_ours: BTreeMap<(&Path, &[String], &str), usize> = BTreeMap::new();
    for file in found.only_ours.iter().filter_map(|at| files.get(*at)) {
        let folder = file.path.parent().unwrap_or(Path::new(""));
        let why = compare::why_not_listed(file.kind);
        *only_ours.entry((folder, &file.used_by, why)).or_default() += 1;
    }
    for ((folder, users, why), number) in only_ours {
        let what = count(number, "file", "files");
        lines.push(format!("{what} in {} for {}: {why}", folder.display(), users.join(", ")));
    }
    lines.push(match lines.len() {
        0 => format!("Blender {} lists the same", list.version),
        _ => format!("compared with Blender {}", list.version),
    });
    lines
}

fn inspection_lines(found: &Inspection) -> Vec<String> {
    let contents = &found.contents;
    let mut lines = vec![format!(
        "saved by Blender {}: {}, {} with {} vertices and {} faces, {}",
        found.blender_version,
        count(contents.objects, "object", "objects"),
        count(contents.meshes, "mesh", "meshes"),
        contents.vertices,
        contents.faces,
        count(contents.images, "image", "images"),
    )];
    lines.push(format!(
        "memory: at least {}, without textures from files",
        bytes(contents.memory_bytes)
    ));
    for scene in &found.scenes {
        let active = found.active_scene.as_ref() == Some(&scene.name) && found.scenes.len() > 1;
        lines.push(format!("scene {}{}", scene.name, if active { " (active)" } else { "" }));
        lines.extend(scene_lines(scene).into_iter().map(|line| format!("  {line}")));
    }
    for simulation in &found.simulations {
        let baked = match simulation.baked {
            Some(true) => "baked",
            Some(false) => "not baked",
            None => "may be baked",
        };
        lines.push(format!("{} of {}: {baked}", simulation.kind, simulation.owner));
    }
    lines.extend(found.warnings.iter().map(|warning| format!("warning: {}", warning.message)));
    lines
}

fn scene_lines(scene: &Scene) -> Vec<String> {
    let step =
        if scene.frame_step == 1 { String::new() } else { format!(" by {}", scene.frame_step) };
    let mut lines = vec![
        format!(
            "frames {} to {}{step}, at {}, {} frames a second",
            scene.frame_start, scene.frame_end, scene.frame_current, scene.fps
        ),
        format!("{}x{} px ({} %)", scene.width_px, scene.height_px, scene.percentage),
    ];
    if let Some(border) = &scene.border {
        lines.push(format!(
            "only x {:.3} to {:.3}, y {:.3} to {:.3}{}",
            border.min_x,
            border.max_x,
            border.min_y,
            border.max_y,
            if border.crop { ", cropped" } else { "" }
        ));
    }
    lines.push(engine_line(scene));
    let camera = scene.camera.as_deref().unwrap_or("none");
    let switches = match scene.camera_switches.len() {
        0 => String::new(),
        switches => format!(", {}", count(switches, "switch by a marker", "switches by markers")),
    };
    lines.push(format!("camera {camera}{switches}"));
    for layer in &scene.view_layers {
        let off = if layer.used { "" } else { " (off)" };
        lines.push(format!("view layer {}{off}: {}", layer.name, layer.passes.join(", ")));
    }
    let extras = [
        (scene.compositor, "compositor"),
        (scene.sequencer, "sequencer"),
        (scene.motion_blur, "motion blur"),
        (scene.film_transparent, "transparent background"),
        (scene.simplify, "simplified"),
        (scene.freestyle, "Freestyle"),
        (scene.multiview, "several views"),
    ];
    let extras: Vec<&str> = extras.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    if !extras.is_empty() {
        lines.push(extras.join(", "));
    }
    let output = &scene.output;
    let depth = output.depth_bits.map(|bits| format!(" {bits} bit")).unwrap_or_default();
    let channels = output.channels.map(|channels| format!(" {channels}")).unwrap_or_default();
    lines.push(format!("output {}{channels}{depth} to {}", output.format, output.path));
    let colours = &scene.color_management;
    let look = if colours.look.is_empty() { String::new() } else { format!(", {}", colours.look) };
    lines.push(format!("colours {} on {}{look}", colours.view, colours.display));
    lines
}

fn engine_line(scene: &Scene) -> String {
    let Some(cycles) = &scene.cycles else { return scene.engine.clone() };
    let mut parts = vec![format!("Cycles, {} samples", cycles.samples)];
    if cycles.adaptive {
        parts.push(format!("adaptive to a noise of {:.4}", cycles.adaptive_threshold));
    }
    parts.extend(cycles.denoise.then(|| "denoised".to_owned()));
    parts.push(if cycles.gpu { "GPU" } else { "CPU" }.to_owned());
    if cycles.time_limit_secs > 0.0 {
        parts.push(format!("at most {} s", cycles.time_limit_secs));
    }
    parts.join(", ")
}

/// Missing files first; those of one folder, use and state in one line.
fn trace_lines(files: &[Dependency], warnings: &[String]) -> Vec<String> {
    let mut lines: Vec<String> =
        warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    let (there, missing): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.exists);
    for file in &missing {
        let users = file.used_by.join(", ");
        let needed = if file.kind.is_optional() { "not found, not needed" } else { "missing" };
        lines.push(format!(
            "{needed}: {} (written as {}, used by {users})",
            file.path.display(),
            file.as_written
        ));
    }
    let mut groups: BTreeMap<(&Path, &Vec<String>), Vec<&Dependency>> = BTreeMap::new();
    for file in &there {
        let folder = file.path.parent().unwrap_or(Path::new(""));
        groups.entry((folder, &file.used_by)).or_default().push(file);
    }
    for ((folder, users), group) in groups {
        let size = group.iter().map(|file| file.size_bytes).sum();
        let what = match group.as_slice() {
            [file] => file.path.display().to_string(),
            several => format!("{}: {} files", folder.display(), several.len()),
        };
        lines.push(format!("{what}, {} ({})", bytes(size), users.join(", ")));
    }
    let size = there.iter().map(|file| file.size_bytes).sum();
    lines.push(format!(
        "{} with {}{}",
        count(there.len(), "file", "files"),
        bytes(size),
        match missing.len() {
            0 => String::new(),
            missing => format!(", {missing} not found"),
        }
    ));
    lines
}
