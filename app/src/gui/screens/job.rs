//! A render beside its picture: how far it is, what can be done with it, and the others that run,
//! wait, or ended.

use blendnet_protocol::JobState;

use super::bar_of;
use super::limits::{limit_facts_ui, redraft_ui};
use crate::gui::command::Command;
use crate::gui::icons::{self, button_ui, sign_button_ui};
use crate::gui::queue::Queue;
use crate::gui::running::{Phase, Running};
use crate::gui::state::Screen;
use crate::gui::theme;
use crate::gui::widgets::form::fact;
use crate::gui::widgets::problem::problem_ui;
use crate::gui::wish::Wish;
use crate::text::{bytes, count, duration, speed, usd};
use crate::workflow::event::{ProgressReport, Summary};
use crate::workflow::problem::ProblemKind;

/// Draws all renders of this window, where there are several.
pub(super) fn queue_ui(ui: &mut egui::Ui, queue: &Queue, wishes: &mut Vec<Wish>) {
    if queue.all().len() < 2 {
        return;
    }
    let going = queue.going().count();
    ui.horizontal(|ui| {
        ui.strong(count(queue.all().len(), "render", "renders"));
        if going > 1 && button_ui(ui, icons::PAUSE, "Stop all").clicked() {
            wishes.push(Wish::StopAll);
        }
    });
    let height = ui.spacing().interact_size.y;
    let shown = queue.shown().map(|render| render.key);
    let area = egui::ScrollArea::vertical().id_salt("queue").max_height(150.0);
    area.auto_shrink([false, true]).show_rows(ui, height, queue.all().len(), |ui, range| {
        for render in queue.all().get(range).unwrap_or_default() {
            ui.horizontal(|ui| {
                row_ui(ui, (render, going > 1), shown == Some(render.key), wishes);
            });
        }
    });
    ui.separator();
}

fn row_ui(
    ui: &mut egui::Ui,
    (render, several): (&Running, bool),
    shown: bool,
    wishes: &mut Vec<Wish>,
) {
    let signals = theme::signals(ui.visuals());
    let color = match &render.phase {
        Phase::Done(_) => signals.good,
        Phase::Ended(problem) if problem.kind != ProblemKind::Interrupted => signals.bad,
        _ => ui.visuals().weak_text_color(),
    };
    let said = egui::RichText::new(render.said()).color(color);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.label(said);
        if several && render.is_going() {
            let first = sign_button_ui(ui, icons::FIRST, "Move first");
            if first.clicked() {
                wishes.push(Wish::First(render.key));
            }
        }
        let name = egui::Button::selectable(shown, &render.name).truncate();
        let size = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
        if ui.add_sized(size, name).clicked() {
            wishes.push(Wish::LookAt(render.key));
        }
    });
}

/// Stops it, and keeps what is rendered or not.
fn stop_ui(ui: &mut egui::Ui, render: &Running, wishes: &mut Vec<Wish>) {
    ui.horizontal(|ui| {
        let hint = "What is rendered is kept; you can go on later";
        if button_ui(ui, icons::PAUSE, "Stop").on_hover_text(hint).clicked() {
            wishes.push(Wish::Stop(render.key));
        }
        discard_ui(ui, "Cancel", render, wishes);
    });
    let begun = render.progress.as_ref().is_some_and(|progress| progress.done > 0.0);
    if begun {
        let hint = "Every frame that was begun is finished with the samples that it has";
        let enough = button_ui(ui, icons::ENOUGH, "Good enough").on_hover_text(hint);
        if enough.clicked() {
            wishes.push(Wish::Settle(render.key));
        }
    }
}

/// What can't be taken back takes a second click.
fn discard_ui(ui: &mut egui::Ui, name: &str, render: &Running, wishes: &mut Vec<Wish>) {
    ui.menu_button(name, |ui| {
        if button_ui(ui, icons::DELETE, "Delete what is not finished").clicked() {
            wishes.push(Wish::Discard(render.key));
        }
        ui.label("Finished pictures stay in their folder");
    });
}

/// Draws how the render is, and what can be done with it.
pub(super) fn head_ui(ui: &mut egui::Ui, render: &Running, closing: bool, wishes: &mut Vec<Wish>) {
    ui.add(egui::Label::new(egui::RichText::new(&render.name).strong()).truncate());
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
                if progress.state == JobState::Queued {
                    waiting_ui(ui, "Waits until agents are free");
                }
                figures_ui(ui, progress);
                redraft_ui(ui, render, progress.limits, wishes);
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
            if !render.is_kept {
                let hint = "Nothing was rendered; change what is wrong and render again (Ctrl+1)";
                let button = theme::main_button_ui(ui, true, "To the scene");
                if button.on_hover_text(hint).clicked() {
                    wishes.push(Wish::Go(Screen::Scene));
                }
            } else if theme::main_button_ui(ui, true, "Go on").on_hover_text(hint).clicked() {
                wishes.push(Wish::Resume(render.key));
            }
            discard_ui(ui, "Discard", render, wishes);
        }
    }
    if render.is_going() && render.phase != Phase::Stopping {
        stop_ui(ui, render, wishes);
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
    let samples_per_sec = progress.samples_per_sec();
    if samples_per_sec > 0.0 {
        fact(ui, "Speed", speed(samples_per_sec));
    }
    if let [frame] = progress.in_work.as_slice() {
        let (done, all) = (frame.samples_done.floor(), progress.total_samples);
        fact(ui, "Frame", format!("{}: {done} of {all} samples", frame.frame));
    }
    if progress.frames > 1 {
        fact(ui, "Frames", format!("{} of {}", progress.frames_done, progress.frames));
    }
    limit_facts_ui(ui, progress);
}

fn done_ui(ui: &mut egui::Ui, summary: &Summary, wishes: &mut Vec<Wish>) {
    let good = theme::signals(ui.visuals()).good;
    let frames = count(summary.frames_done, "frame", "frames");
    let text = format!("Done: {frames} in {}", duration(summary.render_secs));
    ui.label(egui::RichText::new(text).color(good).strong());
    if let Some(samples) = summary.samples_rendered {
        fact(ui, "Samples", format!("{samples:.0} of {}", summary.total_samples));
    }
    if summary.spent_usd_micros > 0 {
        fact(ui, "Cost", usd(summary.spent_usd_micros));
    }
    if let Some(estimated_secs) = summary.estimated_secs {
        fact(ui, "Estimated", duration(estimated_secs));
    }
    ui.horizontal_wrapped(|ui| {
        if let Some(picture) = summary.pictures.last() {
            if button_ui(ui, icons::LOOK, "Open")
                .on_hover_text("With the desktop's program")
                .clicked()
            {
                wishes.push(Wish::Ask(Command::OpenWithDesktop(picture.clone())));
            }
            let passes = picture.with_extension("exr");
            let hint = "The EXR with all passes, before the view transform";
            if button_ui(ui, icons::LAYERS, "Passes").on_hover_text(hint).clicked() {
                wishes.push(Wish::Show(passes));
            }
            if button_ui(ui, icons::SAVE, "Save as…")
                .on_hover_text("As PNG, JPEG or TIFF")
                .clicked()
            {
                wishes.push(Wish::Ask(Command::SaveAs(picture.clone())));
            }
        }
        if button_ui(ui, icons::FOLDER, "Show folder").clicked() {
            wishes.push(Wish::Ask(Command::OpenWithDesktop(summary.output.clone())));
        }
    });
    for share in &summary.agents {
        fact(ui, &share.id, format!("{:.0} % of the work", share.share * 100.0));
    }
}
