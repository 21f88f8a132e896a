//! What a render has to keep: how clean it must be, when it must be done, what it may cost.

use blendnet_protocol::JobLimits;
use jiff::Zoned;

use crate::gui::choice::Choice;
use crate::gui::icons::{self, button_ui};
use crate::gui::redraft::Redraft;
use crate::gui::running::Running;
use crate::gui::state::Screen;
use crate::gui::widgets::form::{fact, help, row, told_row, wrong};
use crate::gui::wish::Wish;
use crate::limits::due;
use crate::settings::Settings;
use crate::text::usd;
use crate::workflow::event::{FrameInWork, ProgressReport};

/// Draws the form.
pub(super) fn limits_ui(
    ui: &mut egui::Ui,
    choice: &mut Choice,
    settings: &Settings,
    wishes: &mut Vec<Wish>,
) {
    ui.strong("Limits");
    noise_ui(ui, &mut choice.noise);
    deadline_ui(ui, &mut choice.deadline);
    let has_price = settings.usd_micros_per_hour > 0;
    // What was written before the price went can be taken away.
    ui.add_enabled_ui(has_price || !choice.budget.is_empty(), |ui| {
        budget_ui(ui, &mut choice.budget);
    });
    if !has_price {
        row(ui, "", |ui| help(ui, "For a budget, say what an agent costs"));
        row(ui, "", |ui| {
            if ui.button("Cost of an agent…").on_hover_text("Settings (Ctrl+,)").clicked() {
                wishes.push(Wish::Go(Screen::Settings));
            }
        });
    }
    if let Err(why) = choice.limits(settings) {
        wrong(ui, &why);
    }
}

fn noise_ui(ui: &mut egui::Ui, text: &mut String) {
    let about = "A frame is done when its noise is no more than this share of a display's brightness. \
                 Where the scene samples adaptively, its own threshold decides.";
    told_row(ui, "Noise", text, "such as 0.01", about);
}

fn deadline_ui(ui: &mut egui::Ui, text: &mut String) {
    let about = "A time of day, a date with a time such as 2026-12-24T08:00, or so long after the \
                 start. A render that will be late says so.";
    told_row(ui, "Deadline", text, "such as 18:30 or 2h30m", about);
}

fn budget_ui(ui: &mut egui::Ui, text: &mut String) {
    let about = "Most that the render may cost, with the start and the end of its agents. What it \
                 buys is finished as a picture.";
    told_row(ui, "Budget", text, "US dollars, such as 2.50", about);
}

/// Draws the limits of a render that runs as a form, or the button for it.
pub(super) fn redraft_ui(
    ui: &mut egui::Ui,
    render: &Running,
    now: JobLimits,
    wishes: &mut Vec<Wish>,
) {
    let Some(before) = &render.redraft else {
        let hint = "Noise, deadline and budget, while it is rendered";
        if button_ui(ui, icons::SETTINGS, "Change limits").on_hover_text(hint).clicked() {
            wishes.push(Wish::Redraft(Some(Redraft::of(now, &Zoned::now()))));
        }
        return;
    };
    let mut redraft = before.clone();
    noise_ui(ui, &mut redraft.texts.noise);
    deadline_ui(ui, &mut redraft.texts.deadline);
    budget_ui(ui, &mut redraft.texts.budget);
    let limits = redraft.limits();
    if let Err(why) = &limits {
        wrong(ui, why);
    }
    let can = limits.is_ok() && redraft.is_changed();
    let mut ended = false;
    row(ui, "", |ui| {
        let set = ui.add_enabled(can, egui::Button::new("Set"));
        let set = set.on_hover_text("Holds from now on; an empty field is no limit").clicked();
        if let Some(limits) = limits.ok().filter(|_| set) {
            wishes.push(Wish::Limit(render.key, limits));
            ended = true;
        }
        if ui.button("Leave as they are").clicked() {
            wishes.push(Wish::Redraft(None));
            ended = true;
        }
    });
    if !ended && redraft != *before {
        wishes.push(Wish::Redraft(Some(redraft)));
    }
}

/// Draws how a render stands to its limits.
pub(super) fn limit_facts_ui(ui: &mut egui::Ui, progress: &ProgressReport) {
    let JobLimits { noise: target, budget_usd_micros, deadline_unix_secs } = progress.limits;
    let now = match progress.in_work.as_slice() {
        [FrameInWork { noise, .. }] => noise.map(|noise| format!("{noise:.4}")),
        _ => None,
    };
    match (now, target) {
        (Some(now), Some(target)) => fact(ui, "Noise", format!("{now} (to {target})")),
        (Some(now), None) => fact(ui, "Noise", now),
        (None, Some(target)) => fact(ui, "Noise", format!("to {target}")),
        (None, None) => {}
    }
    let spent = progress.spent_usd_micros;
    match budget_usd_micros {
        Some(budget) => fact(ui, "Cost", format!("{} of {}", usd(spent), usd(budget))),
        None if spent > 0 => fact(ui, "Cost", usd(spent)),
        None => {}
    }
    if let Some(due) = deadline_unix_secs.and_then(|secs| due(secs, &Zoned::now())) {
        fact(ui, "Due", due);
    }
}
