//! The render: the picture while it grows, how far it is, who renders what.

use blendnet_protocol::{AgentState, FrameState};

use super::bar_of;
use crate::gui::command::Command;
use crate::gui::event::Pass;
use crate::gui::running::{FrameRow, Phase, Running};
use crate::gui::state::{Shown, State};
use crate::gui::theme;
use crate::gui::widgets::coverage;
use crate::gui::widgets::form::fact;
use crate::gui::widgets::problem::problem_ui;
use crate::gui::widgets::sign::{dot_ui, warning_ui};
use crate::gui::widgets::viewer::{Pixel, Viewer};
use crate::gui::wish::Wish;
use crate::text::{bytes, count, duration, percent};
use crate::workflow::event::{AgentReport, ProgressReport, Summary};
use crate::workflow::problem::ProblemKind;

/// Draws the screen.
pub fn render_ui(ui: &mut egui::Ui, state: &State, viewer: &mut Viewer, wishes: &mut Vec<Wish>) {
    let Some(render) = &state.render else {
        ui.vertical_centered(|ui| {
            ui.add_space(60.0);
            ui.heading("Nothing is rendered");
            ui.label("Open a scene and render it; here the picture grows.");
        });
        return;
    };
    let side = egui::Panel::right("side").default_size(theme::COLUMN).size_range(220.0..=520.0);
    side.show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            head_ui(ui, render, state.closing, wishes);
            agents_ui(ui, render);
            for warning in &render.warnings {
                ui.horizontal_wrapped(|ui| {
                    warning_ui(ui, theme::signals(ui.visuals()).warning);
                    ui.label(warning);
                });
            }
            frames_ui(ui, render, wishes);
        });
    });
    let looks_at_work = render.is_going() && render.looked_at.is_none();
    let progress = render.progress.as_ref().filter(|_| looks_at_work);
    let coverage = progress.and_then(coverage::of);
    let film = render.scene.as_ref().map(|scene| &scene.film);
    egui::CentralPanel::default().show(ui, |ui| {
        if let Some(coverage) = &coverage {
            egui::Panel::bottom("coverage").show(ui, |ui| coverage::strip_ui(ui, coverage, film));
        }
        let over = |painter: &egui::Painter, place| {
            if let (Some(coverage), Some(film)) = (&coverage, film) {
                coverage::tiles_ui(painter, place, coverage, film);
            }
        };
        let nothing = if render.is_going() { "The first picture comes soon" } else { "No picture" };
        picture_ui(ui, (state.shown.as_ref(), nothing), viewer, wishes, over);
    });
}

fn head_ui(ui: &mut egui::Ui, render: &Running, closing: bool, wishes: &mut Vec<Wish>) {
    ui.strong(&render.name);
    ui.add(bar_of(render.done()));
    match &render.phase {
        Phase::Starting => waiting_ui(ui, "The farm starts"),
        Phase::Uploading(upload) => {
            let (done, all) = (bytes(upload.bytes_done), bytes(upload.bytes));
            waiting_ui(ui, &format!("Sends files: {done} of {all}"));
        }
        Phase::Inspecting => waiting_ui(ui, "Blender opens the scene"),
        Phase::Rendering => {
            if let Some(progress) = &render.progress {
                figures_ui(ui, progress);
            }
        }
        Phase::Stopping if closing => waiting_ui(ui, "Stops, then the window closes"),
        Phase::Stopping => waiting_ui(ui, "Stops; what is rendered is kept"),
        Phase::Done(summary) => done_ui(ui, summary, wishes),
        Phase::Ended(problem) => {
            // The artist stopped it: that is no fault, and the button says what to do.
            if problem.kind == ProblemKind::Interrupted && render.job.is_some() {
                ui.add(egui::Label::new(&problem.message).wrap());
            } else {
                problem_ui(ui, problem);
            }
            let hint = "Goes on with what is rendered; nothing is rendered twice";
            if render.job.is_some()
                && theme::main_button_ui(ui, true, "Go on").on_hover_text(hint).clicked()
            {
                wishes.push(Wish::Resume);
            }
        }
    }
    if render.is_going() && render.phase != Phase::Stopping {
        let hint = "What is rendered is kept; you can go on later";
        if ui.button("Stop").on_hover_text(hint).clicked() {
            wishes.push(Wish::Stop);
        }
    }
    ui.add_space(theme::GAP);
    if let Some(scene) = &render.scene {
        fact(ui, "Picture", format!("{} × {} px", scene.width_px, scene.height_px));
        fact(ui, "Samples", scene.samples.to_string());
        fact(ui, "Blender", scene.blender_version.clone());
        if let Some(split) = &scene.split {
            fact(ui, "Shared out", split.reason.clone());
        }
    }
}

fn waiting_ui(ui: &mut egui::Ui, what: &str) {
    ui.horizontal(|ui| {
        ui.spinner();
        ui.label(what);
    });
}

fn figures_ui(ui: &mut egui::Ui, progress: &ProgressReport) {
    fact(ui, "Time", duration(progress.elapsed_secs));
    let left = progress.remaining_secs.map_or("not known yet".to_owned(), duration);
    fact(ui, "Time left", left);
    let speed: f64 = progress.agents.iter().filter_map(|agent| agent.samples_per_sec).sum();
    if speed > 0.0 {
        fact(ui, "Speed", format!("{speed:.1} samples/s"));
    }
    if let [frame] = progress.in_work.as_slice() {
        let (done, all) = (frame.samples_done.floor(), progress.total_samples);
        fact(ui, "Frame", format!("{}: {done} of {all} samples", frame.frame));
    }
    if progress.frames > 1 {
        fact(ui, "Frames", format!("{} of {}", progress.frames_done, progress.frames));
    }
}

fn done_ui(ui: &mut egui::Ui, summary: &Summary, wishes: &mut Vec<Wish>) {
    let good = theme::signals(ui.visuals()).good;
    let frames = count(summary.frames_done, "frame", "frames");
    let text = format!("Done: {frames} in {}", duration(summary.render_secs));
    ui.label(egui::RichText::new(text).color(good).strong());
    ui.horizontal_wrapped(|ui| {
        if let Some(picture) = summary.pictures.last() {
            if ui.button("Open").on_hover_text("With the desktop's program").clicked() {
                wishes.push(Wish::Ask(Command::OpenWithDesktop(picture.clone())));
            }
            let passes = picture.with_extension("exr");
            let hint = "The EXR with all passes, before the view transform";
            if ui.button("Passes").on_hover_text(hint).clicked() {
                wishes.push(Wish::Show(passes));
            }
            if ui.button("Save as…").on_hover_text("As PNG, JPEG or TIFF").clicked() {
                wishes.push(Wish::Ask(Command::SaveAs(picture.clone())));
            }
        }
        if ui.button("Show folder").clicked() {
            wishes.push(Wish::Ask(Command::OpenWithDesktop(summary.output.clone())));
        }
    });
    for share in &summary.agents {
        fact(ui, &share.id, format!("{:.0} % of the work", share.share * 100.0));
    }
}

fn agents_ui(ui: &mut egui::Ui, render: &Running) {
    let Some(progress) = render.progress.as_ref().filter(|_| render.is_going()) else { return };
    ui.strong(count(progress.agents.len(), "agent", "agents"));
    let height = 2.0 * ui.text_style_height(&egui::TextStyle::Body) + 6.0;
    let area = egui::ScrollArea::vertical().id_salt("agents").max_height(220.0);
    area.auto_shrink([false, true]).show_rows(ui, height, progress.agents.len(), |ui, range| {
        for (place, agent) in progress.agents.iter().enumerate().skip(range.start).take(range.len())
        {
            agent_ui(ui, place, agent);
        }
    });
    ui.add_space(theme::GAP);
}

fn agent_ui(ui: &mut egui::Ui, place: usize, agent: &AgentReport) {
    let signals = theme::signals(ui.visuals());
    let (state, color) = match agent.state {
        AgentState::Starting => ("starts", signals.warning),
        AgentState::Online => ("online", signals.good),
        AgentState::Lost => ("lost; its work is given to others", signals.bad),
        AgentState::Draining => ("ends", signals.warning),
    };
    ui.horizontal(|ui| {
        dot_ui(ui, theme::agent(place));
        ui.label(&agent.id);
        ui.label(egui::RichText::new(state).color(color));
        if let Some(speed) = agent.samples_per_sec {
            ui.label(egui::RichText::new(format!("{speed:.1} samples/s")).weak());
        }
    });
    let doing = if agent.doing.is_empty() { "waits" } else { &agent.doing };
    ui.add(egui::Label::new(egui::RichText::new(doing).weak()).truncate());
}

fn frames_ui(ui: &mut egui::Ui, render: &Running, wishes: &mut Vec<Wish>) {
    let several = render.frames.len() > 1 || render.progress.as_ref().is_some_and(|p| p.frames > 1);
    if !several && !render.frames.iter().any(|row| row.failure.is_some()) {
        return;
    }
    ui.horizontal(|ui| {
        ui.strong("Frames");
        if render.looked_at.is_some() && render.is_going() && ui.button("Follow").clicked() {
            wishes.push(Wish::Look(None));
        }
        ui.label(egui::RichText::new("arrow keys look at the finished ones").weak());
    });
    let height =
        ui.text_style_height(&egui::TextStyle::Button) + 2.0 * ui.spacing().button_padding.y;
    let rows = render.frames.len();
    let area = egui::ScrollArea::vertical().id_salt("frames").max_height(320.0);
    area.auto_shrink([false, true]).show_rows(ui, height, rows, |ui, range| {
        for row in render.frames.get(range).unwrap_or_default() {
            frame_ui(ui, row, render.looked_at == Some(row.frame), wishes);
        }
    });
}

fn frame_ui(ui: &mut egui::Ui, row: &FrameRow, looked_at: bool, wishes: &mut Vec<Wish>) {
    let signals = theme::signals(ui.visuals());
    let frame = row.frame;
    ui.horizontal(|ui| {
        let button = egui::Button::selectable(looked_at, frame.to_string());
        if ui.add_enabled(row.picture().is_some(), button).clicked() {
            wishes.push(Wish::Look(Some(frame)));
        }
        match (row.state, &row.failure) {
            (_, Some((why, lines))) => {
                let label = egui::Label::new(egui::RichText::new(why).color(signals.bad));
                ui.add(label.truncate()).on_hover_text(format!("{why}\n{}", lines.join("\n")));
                if ui.small_button("Copy").clicked() {
                    ui.ctx().copy_text(format!("frame {frame}: {why}\n{}", lines.join("\n")));
                }
            }
            (FrameState::Completed, _) => {
                ui.label(egui::RichText::new("done").color(signals.good));
            }
            (FrameState::Finishing, _) => {
                ui.label("is finished");
            }
            _ => {
                ui.label(percent(row.done));
            }
        }
    });
}

/// The passes of an EXR. They are linear light, without the scene's view transform.
fn passes_ui(ui: &mut egui::Ui, path: &std::path::Path, pass: &Pass, wishes: &mut Vec<Wish>) {
    let combo = egui::ComboBox::from_id_salt("passes").selected_text(&pass.name);
    let shown = combo.show_ui(ui, |ui| {
        for name in &pass.all {
            if ui.selectable_label(*name == pass.name, name).clicked() {
                wishes.push(Wish::Ask(Command::LoadPass(path.to_owned(), name.clone())));
            }
        }
    });
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Pass"));
    shown.response.on_hover_text("Linear light as sRGB, without the scene's view transform");
}

/// Draws a picture with what belongs to it; the results use it too.
pub(super) fn picture_ui(
    ui: &mut egui::Ui,
    (shown, nothing): (Option<&Shown>, &str),
    viewer: &mut Viewer,
    wishes: &mut Vec<Wish>,
    over: impl FnOnce(&egui::Painter, egui::Rect),
) {
    if let Some(problem) = shown.and_then(|shown| shown.picture.error()) {
        problem_ui(ui, problem);
        return;
    }
    let Some((shown, picture)) = shown.and_then(|s| Some((s, s.picture.value()?))) else {
        ui.vertical_centered(|ui| {
            ui.add_space(60.0);
            let nothing = if shown.is_some() { "The picture is loaded" } else { nothing };
            ui.label(egui::RichText::new(nothing).weak());
        });
        return;
    };
    let [width, height] = picture.pixels.size;
    let mut pixel: Option<Pixel> = None;
    egui::Panel::top("look").show(ui, |ui| {
        ui.horizontal(|ui| {
            viewer.controls_ui(ui);
            if let Some(pass) = &picture.pass {
                passes_ui(ui, &shown.path, pass, wishes);
            }
        });
    });
    let bottom = egui::Panel::bottom("pixel").exact_size(26.0);
    let last = ui.data(|data| data.get_temp::<Option<Pixel>>(egui::Id::unique("pixel"))).flatten();
    bottom.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(format!("{width} × {height} px"));
            if let Some(Pixel { x, y, color }) = last {
                let [r, g, b, _] = color.to_array();
                let value = match &picture.pass {
                    Some(pass) => pass.linear.told(x, y),
                    None => format!("R {r} G {g} B {b}"),
                };
                ui.monospace(format!("x {x} y {y}   {value}"));
            }
        });
    });
    egui::CentralPanel::default().show(ui, |ui| {
        pixel = viewer.picture_ui(ui, &picture.pixels, over);
    });
    // Drawn above the picture, so it is known in the next frame of the window.
    if pixel != last {
        ui.data_mut(|data| data.insert_temp(egui::Id::unique("pixel"), pixel));
        ui.ctx().request_repaint();
    }
}
