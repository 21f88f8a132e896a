//! The scene: what is in it, what is missing, what to render of it, and on what.

use std::path::PathBuf;
use std::sync::Arc;

use blendnet_pack::inspect::Scene;
use blendnet_pack::trace::{Dependency, Trace};

use super::cost::cost_ui;
use super::farm::agents_rows_ui;
use super::limits::limits_ui;
use crate::gui::choice::Choice;
use crate::gui::command::Command;
use crate::gui::event::SceneRead;
use crate::gui::fetched::Fetched;
use crate::gui::state::{OpenScene, Screen, State};
use crate::gui::theme;
use crate::gui::widgets::form::{combo_ui, fact, path_ui, row, text_row, wrong};
use crate::gui::widgets::problem::problem_ui;
use crate::gui::widgets::sign::warning_ui;
use crate::gui::wish::Wish;
use crate::settings::Settings;
use crate::text::{bytes, count};
use crate::workflow::handoff::Handoff;
use crate::workflow::problem::Problem;

/// Width of the scene's small picture, in points.
const THUMBNAIL: f32 = 128.0;

type Thumbnail = Option<(PathBuf, egui::TextureHandle)>;

/// Draws the screen.
pub fn scene_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    thumbnail: &mut Thumbnail,
    wishes: &mut Vec<Wish>,
) {
    open_ui(ui, state, wishes);
    let obstacle = state.obstacle();
    let State { scene, settings, places, .. } = state;
    let Some(scene) = scene else {
        recent_ui(ui, places.chosen_title(settings), settings, wishes);
        return;
    };
    ui.add_space(theme::GAP);
    if let Some(problem) = scene.read.error() {
        problem_ui(ui, problem);
        return;
    }
    let Some(read) = scene.read.value().cloned() else {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(format!("Reading {}", scene.path.display()));
        });
        return;
    };
    egui::Panel::left("choices").exact_size(theme::COLUMN + 40.0).resizable(false).show(ui, |ui| {
        egui::ScrollArea::vertical().show(ui, |ui| {
            ui.set_width(theme::COLUMN + 8.0);
            choices_ui(ui, scene, &read, wishes);
            ui.add_space(theme::GAP);
            farm_ui(ui, places.chosen_title(settings).to_owned(), settings, wishes);
            ui.add_space(theme::GAP);
            let can_render = obstacle.is_none();
            render_button_ui(ui, scene, obstacle, wishes);
            ui.add_space(theme::GAP);
            cost_ui(ui, scene, settings, can_render, wishes);
            ui.add_space(theme::GAP);
            limits_ui(ui, &mut scene.choice, settings, wishes);
        });
    });
    egui::CentralPanel::default().show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            about_ui(ui, scene, &read, thumbnail);
            warnings_ui(ui, &read, &scene.trace);
            files_ui(ui, &scene.trace, &mut scene.typed_path, wishes);
        });
    });
}

fn open_ui(ui: &mut egui::Ui, state: &mut State, wishes: &mut Vec<Wish>) {
    ui.horizontal(|ui| {
        if ui.button("Open…").on_hover_text("Ctrl+O; or drop a .blend on the window").clicked() {
            wishes.push(Wish::Ask(Command::ChooseScene));
        }
        let hint = "or the path of a .blend, then Enter";
        if let Some(path) = path_ui(ui, "Path of a scene", &mut state.typed_path, hint) {
            wishes.push(Wish::Open(path));
        }
    });
}

fn recent_ui(ui: &mut egui::Ui, place: &str, settings: &Settings, wishes: &mut Vec<Wish>) {
    ui.vertical_centered(|ui| {
        ui.add_space(60.0);
        ui.heading("Drop a .blend here");
        ui.label(format!("It is rendered by several Blenders at once. Where: {place}"));
        ui.add_space(theme::GAP * 2.0);
        if !settings.recent.is_empty() {
            ui.label(egui::RichText::new("Opened lately").weak());
        }
        for path in &settings.recent {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let button = ui.button(name).on_hover_text(path.display().to_string());
            if button.clicked() {
                wishes.push(Wish::Open(path.clone()));
            }
        }
    });
}

fn choices_ui(ui: &mut egui::Ui, open: &mut OpenScene, read: &SceneRead, wishes: &mut Vec<Wish>) {
    let found = &read.inspection;
    let choice = &mut open.choice;
    ui.strong("What to render");
    if found.scenes.len() > 1 {
        let names = found.scenes.iter().map(|scene| scene.name.as_str());
        let now = choice.scene(found).map(|scene| scene.name.clone()).unwrap_or_default();
        if let Some(name) = combo_ui(ui, "Scene", &now, names) {
            choice.scene = Some(name);
            choice.view_layers.clear();
        }
    }
    let Some(scene) = choice.scene(found) else { return };
    frames_ui(ui, choice, scene);
    let own = scene.cycles.as_ref().map(|c| c.samples.to_string()).unwrap_or_default();
    text_row(ui, "Samples", &mut choice.samples, &format!("{own} as in the file"));
    if let Err(why) = choice.sample_count() {
        wrong(ui, &why);
    }
    let own = scene.camera.clone().unwrap_or_else(|| "none".to_owned());
    text_row(ui, "Camera", &mut choice.camera, &format!("{own} as in the file"));
    layers_ui(ui, choice, scene);
    if text_row(ui, "Add-ons", &mut choice.add_ons, "to take along: modules or folders") {
        choice.find_add_ons();
    }
    if let Some(why) = &choice.add_ons_wrong {
        wrong(ui, why);
    }
    text_row(ui, "Pictures to", &mut choice.output, "a folder");
    row(ui, "", |ui| {
        if ui.button("Choose…").on_hover_text("Folder for the pictures").clicked() {
            let from = PathBuf::from(&choice.output);
            wishes.push(Wish::Ask(Command::ChooseOutput(from)));
        }
    });
}

fn frames_ui(ui: &mut egui::Ui, choice: &mut Choice, scene: &Scene) {
    text_row(ui, "Frames", &mut choice.frames, "such as 1-10,20");
    row(ui, "", |ui| {
        let current = scene.frame_current.to_string();
        if ui.button("This frame").on_hover_text(format!("Frame {current}")).clicked() {
            choice.frames = current;
        }
        let all = Choice::animation(scene);
        if ui.button("Animation").on_hover_text(format!("Frames {all}")).clicked() {
            choice.frames = all;
        }
        if let Ok(set) = choice.frame_set() {
            ui.label(egui::RichText::new(count(set.frames().len(), "frame", "frames")).weak());
        }
    });
    if let Err(why) = choice.frame_set() {
        wrong(ui, &why);
    }
}

fn layers_ui(ui: &mut egui::Ui, choice: &mut Choice, scene: &Scene) {
    if scene.view_layers.len() < 2 {
        return;
    }
    row(ui, "View layers", |ui| {
        ui.vertical(|ui| {
            for layer in &scene.view_layers {
                let chosen = &mut choice.view_layers;
                let mut on =
                    if chosen.is_empty() { layer.used } else { chosen.contains(&layer.name) };
                if !ui.checkbox(&mut on, &layer.name).changed() {
                    continue;
                }
                if chosen.is_empty() {
                    let used = scene.view_layers.iter().filter(|layer| layer.used);
                    chosen.extend(used.map(|layer| layer.name.clone()));
                }
                chosen.retain(|name| *name != layer.name);
                if on {
                    chosen.push(layer.name.clone());
                }
            }
        });
    });
}

fn farm_ui(ui: &mut egui::Ui, place: String, settings: &mut Settings, wishes: &mut Vec<Wish>) {
    ui.horizontal(|ui| {
        ui.strong(place);
        if ui.small_button("Change…").on_hover_text("Where it is rendered (Ctrl+2)").clicked() {
            wishes.push(Wish::Go(Screen::Farm));
        }
    });
    if agents_rows_ui(ui, settings) {
        wishes.push(Wish::Settings);
    }
}

fn render_button_ui(
    ui: &mut egui::Ui,
    scene: &mut OpenScene,
    why_not: Option<String>,
    wishes: &mut Vec<Wish>,
) {
    let missing = scene.missing_count();
    if missing > 0 {
        let text = format!("Render without {}", count(missing, "missing file", "missing files"));
        ui.checkbox(&mut scene.choice.allow_missing, text);
    }
    let button = theme::main_button_ui(ui, why_not.is_none(), "Render");
    let button = button.on_hover_text("F12 or Ctrl+Enter");
    if button.clicked() {
        wishes.push(Wish::Render);
    }
    if let Some(why) = why_not {
        ui.label(egui::RichText::new(why).weak());
    }
}

fn about_ui(ui: &mut egui::Ui, open: &OpenScene, read: &SceneRead, thumbnail: &mut Thumbnail) {
    let name = open.path.file_name().unwrap_or_default().to_string_lossy();
    ui.heading(name).on_hover_text(open.path.display().to_string());
    if let Some(handoff) = &open.handoff {
        handoff_ui(ui, handoff);
    }
    let Some(scene) = open.choice.scene(&read.inspection) else {
        ui.label("There is no scene in this file.");
        return;
    };
    ui.horizontal_top(|ui| {
        thumbnail_ui(ui, open, read, thumbnail);
        ui.vertical(|ui| facts_ui(ui, read, scene));
    });
}

/// Where a scene that was handed over comes from, and what only Blender knows of it.
fn handoff_ui(ui: &mut egui::Ui, handoff: &Handoff) {
    ui.label(egui::RichText::new(handoff.origin()).weak());
    let signals = theme::signals(ui.visuals());
    for note in handoff.notes() {
        ui.horizontal_wrapped(|ui| {
            warning_ui(ui, signals.warning);
            ui.label(note);
        });
    }
}

fn facts_ui(ui: &mut egui::Ui, read: &SceneRead, scene: &Scene) {
    fact(ui, "Saved by", format!("Blender {}", read.inspection.blender_version));
    fact(ui, "Picture", format!("{} × {} px", scene.width_px, scene.height_px));
    let frames = Choice::animation(scene);
    fact(ui, "Frames", format!("{frames}, {} a second", scene.fps));
    let engine = match &scene.cycles {
        Some(cycles) => {
            let mut engine = format!("Cycles, {} samples", cycles.samples);
            if cycles.adaptive {
                engine.push_str(", adaptive");
            }
            if cycles.denoise {
                engine.push_str(", denoised");
            }
            engine
        }
        None => scene.engine.clone(),
    };
    fact(ui, "Engine", engine);
    let colors = &scene.color_management;
    let look = Some(&colors.look).filter(|look| !look.is_empty());
    let look = look.map_or_else(String::new, |look| format!(", {look}"));
    fact(ui, "Colours", format!("{}{look}", colors.view));
    fact(ui, "Output", scene.output.format.clone());
    fact(ui, "Memory", format!("at least {}", bytes(read.inspection.contents.memory_bytes)));
}

fn thumbnail_ui(ui: &mut egui::Ui, open: &OpenScene, read: &SceneRead, shown: &mut Thumbnail) {
    let Some(thumbnail) = &read.thumbnail else { return };
    if shown.as_ref().is_none_or(|(path, _)| *path != open.path) {
        let length = |px: u32| usize::try_from(px).unwrap_or_default();
        let size = [length(thumbnail.width_px), length(thumbnail.height_px)];
        let image = egui::ColorImage::from_rgba_unmultiplied(size, &thumbnail.rgba);
        let texture = ui.ctx().load_texture("thumbnail", image, egui::TextureOptions::LINEAR);
        *shown = Some((open.path.clone(), texture));
    }
    if let Some((_, texture)) = shown {
        let image = egui::Image::new(&*texture).max_width(THUMBNAIL).alt_text("Thumbnail");
        ui.add(image);
    }
}

fn warnings_ui(ui: &mut egui::Ui, read: &SceneRead, trace: &Fetched<Arc<Trace>, Problem>) {
    let signals = theme::signals(ui.visuals());
    let traced = trace.value().map(|trace| trace.warnings.iter()).into_iter().flatten();
    let warnings = read.inspection.warnings.iter().map(|warning| &warning.message);
    for message in warnings.chain(traced) {
        ui.horizontal_wrapped(|ui| {
            warning_ui(ui, signals.warning);
            ui.label(message);
        });
    }
}

fn files_ui(
    ui: &mut egui::Ui,
    trace: &Fetched<Arc<Trace>, Problem>,
    typed: &mut String,
    wishes: &mut Vec<Wish>,
) {
    ui.add_space(theme::GAP);
    if let Some(problem) = trace.error() {
        problem_ui(ui, problem);
    }
    let Some(trace) = trace.value() else {
        if trace.is_pending() {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("Looking for the files that it needs");
            });
        }
        return;
    };
    let (missing, there): (Vec<&Dependency>, Vec<&Dependency>) =
        trace.files.iter().partition(|file| !file.exists);
    if !missing.is_empty() {
        ui.strong(count(missing.len(), "file is missing", "files are missing"));
        rows_ui(ui, "missing", &missing, wishes);
        let hint = "or the folder where they are, then Enter";
        if let Some(path) = path_ui(ui, "Folder of missing files", typed, hint) {
            wishes.push(Wish::LookIn(path));
        }
        let help = "Find shows where one is; others of its folder are then looked for beside it. \
                    The .blend stays as it is.";
        ui.label(egui::RichText::new(help).weak());
    }
    let size: u64 = there.iter().map(|file| file.size_bytes).sum();
    let title = match there.len() {
        0 => "Needs no other files".to_owned(),
        number => format!("Needs {}, {}", count(number, "file", "files"), bytes(size)),
    };
    ui.strong(title);
    rows_ui(ui, "there", &there, wishes);
}

/// Only the rows that can be seen are drawn: there may be thousands.
fn rows_ui(ui: &mut egui::Ui, id: &str, files: &[&Dependency], wishes: &mut Vec<Wish>) {
    let height = ui.spacing().interact_size.y;
    let area =
        egui::ScrollArea::vertical().id_salt(id).max_height(260.0).auto_shrink([false, true]);
    area.show_rows(ui, height, files.len(), |ui, range| {
        for file in files.get(range).unwrap_or_default() {
            ui.horizontal(|ui| file_ui(ui, file, wishes));
        }
    });
}

fn file_ui(ui: &mut egui::Ui, file: &Dependency, wishes: &mut Vec<Wish>) {
    if !file.exists && ui.button("Find…").clicked() {
        wishes.push(Wish::Ask(Command::Find(file.path.clone())));
    }
    let text = format!("{}  —  {}", file.path.display(), file.used_by.join(", "));
    let mut text = egui::RichText::new(text);
    if !file.exists && !file.kind.is_optional() {
        text = text.color(theme::signals(ui.visuals()).bad);
    }
    let hover = format!("{}\nas written: {}", file.path.display(), file.as_written);
    ui.add(egui::Label::new(text).truncate()).on_hover_text(hover);
}
