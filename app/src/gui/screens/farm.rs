//! Where is rendered: on this computer or on machines that others lend, and on those of the room. All
//! of it is what lenders say of themselves.

use blendnet_protocol::{Lender, LenderCheck, LenderSetting, LenderSettingKind};

use super::places::{room_ui, runs_ui};
use crate::gui::command::PlacesWish;
use crate::gui::fetched::Fetched;
use crate::gui::places::{Checked, PlacesState, choose, is_chosen};
use crate::gui::state::State;
use crate::gui::theme;
use crate::gui::widgets::check::check_ui;
use crate::gui::widgets::form::{help, number_row, row, text_row, text_ui};
use crate::gui::widgets::problem::problem_ui;
use crate::gui::wish::Wish;
use crate::settings::Settings;
use crate::workflow::problem::Problem;

/// Width of a field that has its help beside it, in points.
const FIELD: f32 = 200.0;

/// Draws the screen.
pub(super) fn farm_ui(ui: &mut egui::Ui, state: &mut State, wishes: &mut Vec<Wish>) {
    let before = state.settings.clone();
    egui::Panel::left("places").exact_size(theme::COLUMN + 40.0).resizable(false).show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            lenders_ui(ui, &state.places, &mut state.settings);
            ui.add_space(theme::GAP);
            runs_ui(ui, state, wishes);
        });
    });
    egui::CentralPanel::default().show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(ui.available_width().min(2.0 * theme::COLUMN));
            chosen_ui(ui, &state.places, &mut state.settings, wishes);
            ui.add_space(2.0 * theme::GAP);
            room_ui(ui, &mut state.places, wishes);
        });
    });
    if state.settings != before {
        wishes.push(Wish::Settings);
    }
}

/// Who lends machines; one of them is chosen.
fn lenders_ui(ui: &mut egui::Ui, places: &PlacesState, settings: &mut Settings) {
    ui.heading("Render on");
    if let Some(problem) = places.seen.error() {
        problem_ui(ui, problem);
    }
    if places.seen.value().is_none() && places.seen.is_pending() {
        ui.spinner();
    }
    for lender in places.lenders() {
        let chosen = is_chosen(settings, &lender.name);
        if ui.radio(chosen, &lender.title).clicked() {
            choose(settings, &lender.name);
        }
        ui.indent(&lender.name, |ui| help(ui, &lender.about));
    }
}

/// What the lender that is chosen wants to be told, and whether it would launch something.
fn chosen_ui(
    ui: &mut egui::Ui,
    places: &PlacesState,
    settings: &mut Settings,
    wishes: &mut Vec<Wish>,
) {
    let lender = places.lenders().iter().find(|known| is_chosen(settings, &known.name));
    let title = places.chosen_title(settings).to_owned();
    let beside = |ui: &mut egui::Ui| {
        ui.heading(title);
        if let Some(lender) = lender {
            trial_ui(ui, lender, places, settings, wishes);
        }
    };
    if ui.available_width() > theme::COLUMN {
        ui.horizontal(beside);
    } else {
        beside(ui);
    }
    if let Some(lender) = lender {
        checks_ui(ui, checks(lender, places, settings));
    }
    agents_rows_ui(ui, settings);
    if settings.other_lender().is_some() {
        row(ui, "", |ui| help(ui, "There, not here: agents are machines of the lender."));
    }
    for (lender, setting) in lender.into_iter().flat_map(|l| l.settings.iter().map(move |s| (l, s)))
    {
        setting_ui(ui, lender, setting, settings);
    }
}

/// What was found with the settings as they are.
fn checks<'p>(
    lender: &Lender,
    places: &'p PlacesState,
    settings: &Settings,
) -> Option<&'p Fetched<Vec<LenderCheck>, Problem>> {
    let told = settings.told(&lender.name);
    let of_these = |checked: &&Checked| checked.0 == lender.name && checked.1 == told;
    places.checked.as_ref().filter(of_these).map(|(_, _, checks)| checks)
}

fn trial_ui(
    ui: &mut egui::Ui,
    lender: &Lender,
    places: &PlacesState,
    settings: &Settings,
    wishes: &mut Vec<Wish>,
) {
    let pending = checks(lender, places, settings).is_some_and(Fetched::is_pending);
    let button = if settings.other_lender().is_some() {
        theme::main_button_ui(ui, !pending, "Test connection")
    } else {
        ui.add_enabled(!pending, egui::Button::new("Check"))
    };
    if button.on_hover_text("Launches nothing").clicked() {
        let told = settings.told(&lender.name);
        wishes.push(Wish::Places(PlacesWish::Check(lender.name.clone(), told)));
    }
    if pending {
        ui.spinner();
    }
}

fn checks_ui(ui: &mut egui::Ui, checked: Option<&Fetched<Vec<LenderCheck>, Problem>>) {
    let Some(checked) = checked else { return };
    if let Some(problem) = checked.error() {
        problem_ui(ui, problem);
    }
    for check in checked.value().into_iter().flatten() {
        check_ui(ui, check);
    }
    ui.add_space(theme::GAP);
}

fn setting_ui(
    ui: &mut egui::Ui,
    lender: &Lender,
    setting: &LenderSetting,
    settings: &mut Settings,
) {
    let told = settings.lenders.entry(lender.name.clone()).or_default();
    let default = setting.default.as_deref().unwrap_or_default();
    let mut value = told.get(&setting.name).cloned().unwrap_or_default();
    let is_wide = ui.available_width() > theme::LABEL + 2.0 * FIELD;
    row(ui, &setting.name.replace('_', " "), |ui| {
        let width = if is_wide { FIELD } else { ui.available_width() };
        value_ui(ui, setting, &mut value, width);
        if is_wide {
            help(ui, &setting.help);
        }
    });
    if !is_wide {
        row(ui, "", |ui| help(ui, &setting.help));
    }
    if value.is_empty() || (setting.kind == LenderSettingKind::Flag && value == default) {
        told.remove(&setting.name);
    } else {
        told.insert(setting.name.clone(), value);
    }
    if told.is_empty() {
        settings.lenders.remove(&lender.name);
    }
}

fn value_ui(ui: &mut egui::Ui, setting: &LenderSetting, value: &mut String, width: f32) {
    let default = setting.default.as_deref().unwrap_or_default();
    let name = setting.name.replace('_', " ");
    match setting.kind {
        LenderSettingKind::Text | LenderSettingKind::Number => {
            text_ui(ui, &name, value, default, width);
        }
        LenderSettingKind::Flag => {
            let now = if value.is_empty() { default } else { value.as_str() };
            let mut on = now == "yes";
            let response = ui.add_sized([24.0, 24.0], egui::Checkbox::without_text(&mut on));
            response
                .widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, on, &name));
            if response.changed() {
                *value = String::from(if on { "yes" } else { "no" });
            }
        }
    }
}

/// How many agents of which size; the scene's screen has the same, as it is needed there.
pub(super) fn agents_rows_ui(ui: &mut egui::Ui, settings: &mut Settings) -> bool {
    let all = if settings.other_lender().is_some() { "a whole machine" } else { "shared evenly" };
    let mut changed = number_row(ui, "Agents", &mut settings.agents, 256, "automatic");
    changed |= number_row(ui, "Threads each", &mut settings.threads_per_agent, 1024, all);
    changed |= text_row(ui, "Blender", &mut settings.blender, "the ones that are found");
    changed
}
