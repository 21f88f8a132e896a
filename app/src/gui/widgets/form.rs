//! Rows of a form: a name, then a field that a screen reader knows by it.

use std::path::PathBuf;

use egui::{Align, Layout, vec2};

use crate::gui::theme;

/// A row with a name before its field.
pub fn row<R>(ui: &mut egui::Ui, name: &str, field: impl FnOnce(&mut egui::Ui) -> R) -> R {
    let shown = ui.horizontal(|ui| {
        label(ui, name);
        field(ui)
    });
    shown.inner
}

/// A row with a line of text. Gives whether it was changed.
pub fn text_row(ui: &mut egui::Ui, name: &str, text: &mut String, hint: &str) -> bool {
    row(ui, name, |ui| text_ui(ui, name, text, hint, ui.available_width()))
}

/// A row with a line of text, about which there is more to say while it is pointed at.
pub fn told_row(ui: &mut egui::Ui, name: &str, text: &mut String, hint: &str, about: &str) {
    row(ui, name, |ui| {
        let width = ui.available_width();
        field_ui(ui, name, text, hint, width).on_hover_text(about);
    });
}

/// A line of text that is so wide. Gives whether it was changed.
pub fn text_ui(ui: &mut egui::Ui, name: &str, text: &mut String, hint: &str, width: f32) -> bool {
    field_ui(ui, name, text, hint, width).changed()
}

fn field_ui(
    ui: &mut egui::Ui,
    name: &str,
    text: &mut String,
    hint: &str,
    width: f32,
) -> egui::Response {
    let hint = egui::RichText::new(hint).weak();
    let field = egui::TextEdit::singleline(text).hint_text(hint).id_salt(name);
    let response = ui.add_sized([width, 24.0], field);
    name_it(&response, name, text);
    response
}

/// A line for a path in all the width. Gives the path when it is entered.
pub fn path_ui(ui: &mut egui::Ui, name: &str, typed: &mut String, hint: &str) -> Option<PathBuf> {
    let response = field_ui(ui, name, typed, hint, ui.available_width());
    let entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    let path = Some(typed.trim()).filter(|path| entered && !path.is_empty()).map(PathBuf::from);
    if path.is_some() {
        typed.clear();
    }
    path
}

/// A row with a number; 0 shows `automatic`. Gives whether it was changed.
pub fn number_row(ui: &mut egui::Ui, name: &str, number: &mut u32, most: u32, zero: &str) -> bool {
    row(ui, name, |ui| {
        let zero = zero.to_owned();
        let field = egui::DragValue::new(number).range(0..=most).speed(0.05).custom_formatter(
            move |value, _| match value {
                v if v < 0.5 => zero.clone(),
                v => format!("{v:.0}"),
            },
        );
        let response = ui.add(field);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, name));
        response.changed()
    })
}

/// A row with an amount of money, in millionths of a dollar; 0 shows `none`.
pub fn usd_row(ui: &mut egui::Ui, name: &str, micros: &mut u64) {
    row(ui, name, |ui| {
        let field = egui::DragValue::new(micros)
            .range(0..=1_000_000_000_u64)
            .speed(10_000.0)
            .custom_formatter(|micros, _| match micros {
                none if none < 0.5 => "none".to_owned(),
                micros => format!("${}", micros / 1e6),
            })
            .custom_parser(|text| {
                text.trim().trim_start_matches('$').parse::<f64>().ok().map(|usd| usd * 1e6)
            });
        let response = ui.add(field);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, name));
    });
}

/// A fact: a name and what it is.
pub fn fact(ui: &mut egui::Ui, name: &str, value: impl Into<String>) {
    row(ui, name, |ui| {
        ui.add(egui::Label::new(value.into()).wrap());
    });
}

/// Why what is written in the field above can't be.
pub fn wrong(ui: &mut egui::Ui, why: &str) {
    let bad = theme::signals(ui.visuals()).bad;
    row(ui, "", |ui| ui.add(egui::Label::new(egui::RichText::new(why).color(bad)).wrap()));
}

/// What a field is for, in a sentence.
pub fn help(ui: &mut egui::Ui, text: &str) {
    ui.add(egui::Label::new(egui::RichText::new(text).weak()).wrap());
}

fn label(ui: &mut egui::Ui, name: &str) {
    let size = vec2(theme::LABEL, 24.0);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(theme::LABEL);
        ui.label(egui::RichText::new(name).weak());
    });
}

fn name_it(response: &egui::Response, name: &str, text: &str) {
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::labeled(egui::Role::TextInput, true, name);
        info.current_text_value = Some(text.to_owned());
        info
    });
}

/// A choice of one of several names. Gives another one that was chosen.
pub fn combo_ui<'n>(
    ui: &mut egui::Ui,
    name: &str,
    now: &str,
    names: impl Iterator<Item = &'n str>,
) -> Option<String> {
    let mut chosen = None;
    row(ui, name, |ui| {
        let shown = egui::ComboBox::from_id_salt(name).selected_text(now).show_ui(ui, |ui| {
            for other in names {
                if ui.selectable_label(other == now, other).clicked() {
                    chosen = Some(other.to_owned());
                }
            }
        });
        shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name));
    });
    chosen
}
