//! A picture with what belongs to it: how it is looked at, its passes, the value of a pixel.

use crate::gui::command::Command;
use crate::gui::event::{Pass, Picture};
use crate::gui::noise::noise_at;
use crate::gui::shown::Shown;
use crate::gui::widgets::problem::problem_ui;
use crate::gui::widgets::viewer::{Pixel, Viewer};
use crate::gui::wish::Wish;

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

/// The picture beside what it was before it was denoised, where the file has both.
fn denoise_ui(
    ui: &mut egui::Ui,
    path: &std::path::Path,
    pass: &Pass,
    compares: bool,
    wishes: &mut Vec<Wish>,
) {
    let Some(layer) = pass.name.strip_suffix("Combined") else { return };
    let Some(noisy) = pass.all.iter().find(|name| **name == format!("{layer}Noisy Image")) else {
        return;
    };
    let hint = "Right of the line it is as it was rendered; drag the line";
    let button = ui.selectable_label(compares, "Before denoising").on_hover_text(hint);
    if button.clicked() {
        wishes.push(Wish::ComparePass(path.to_owned(), noisy.clone()));
    }
}

/// The noise map, where there may be one.
pub(super) struct NoiseSwitch<'s> {
    /// Whether it is shown.
    pub on: bool,
    /// Why there is none.
    pub none: Option<&'static str>,
    /// The map that is shown.
    pub map: Option<&'s Picture>,
}

impl NoiseSwitch<'_> {
    fn ui(&self, ui: &mut egui::Ui, wishes: &mut Vec<Wish>) {
        let hint = "Right of the line: black is clean, then red and yellow; white is a noise of 0.1 or \
                    more. Drag the line (N)";
        let enabled = self.on || self.none.is_none();
        let button = ui.add_enabled(enabled, egui::Button::selectable(self.on, "Noise"));
        let button = button.on_hover_text(hint);
        if button.on_disabled_hover_text(self.none.unwrap_or_default()).clicked() {
            wishes.push(Wish::Noise);
        }
    }

    /// What the map tells of a pixel of the picture.
    fn told(&self, (x, y): (usize, usize), [width, height]: [usize; 2]) -> Option<String> {
        let share = |at: usize, length: usize| (as_f32(at) + 0.5) / as_f32(length.max(1));
        let noise = noise_at(&self.map?.pixels, (share(x, width), share(y, height)))?;
        Some(format!("noise {noise:.3}"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "pictures have less than 2^24 pixels in a row")]
fn as_f32(length: usize) -> f32 {
    length as f32
}

/// Draws it, and `over` on it.
pub(super) fn picture_ui(
    ui: &mut egui::Ui,
    (shown, nothing): (Option<&Shown>, &str),
    (viewer, noise): (&mut Viewer, Option<NoiseSwitch<'_>>),
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
                let compares = viewer.compares() && noise.as_ref().is_none_or(|noise| !noise.on);
                denoise_ui(ui, &shown.path, pass, compares, wishes);
            }
            if let Some(noise) = &noise {
                noise.ui(ui, wishes);
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
                let told = noise.as_ref().and_then(|noise| noise.told((x, y), [width, height]));
                if let Some(told) = told {
                    ui.monospace(told);
                }
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
