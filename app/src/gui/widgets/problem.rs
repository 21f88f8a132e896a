//! A problem: what happened, what to do, and the detail one click away.

use super::sign::warning_ui;
use crate::gui::theme;
use crate::workflow::problem::Problem;

/// Draws a problem. Its text can be selected; the button copies all of it.
pub fn problem_ui(ui: &mut egui::Ui, problem: &Problem) {
    let bad = theme::signals(ui.visuals()).bad;
    theme::group(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            warning_ui(ui, bad);
            ui.label(egui::RichText::new(&problem.message).color(bad).strong());
        });
        if let Some(hint) = problem.window_hint() {
            ui.label(hint);
        }
        for file in problem.missing.iter().take(20) {
            ui.label(format!("{} — {}", file.path, file.reason)).on_hover_text(&file.used_by);
        }
        if problem.missing.len() > 20 {
            ui.label(format!("and {} more", problem.missing.len() - 20));
        }
        if !problem.details.is_empty() {
            egui::CollapsingHeader::new("Details").id_salt(&problem.message).show(ui, |ui| {
                ui.label(egui::RichText::new(problem.details.join("\n")).monospace());
            });
        }
        if ui.button("Copy").on_hover_text("Copies all of it as text").clicked() {
            ui.ctx().copy_text(as_text(problem));
        }
    });
}

/// All of a problem, as it would be sent to somebody who can help.
pub fn as_text(problem: &Problem) -> String {
    let mut lines = vec![problem.message.clone()];
    lines.extend(problem.window_hint().map(str::to_owned));
    lines.extend(
        problem.missing.iter().map(|f| format!("{}: {} ({})", f.path, f.reason, f.used_by)),
    );
    lines.extend(problem.details.clone());
    lines.join("\n")
}
