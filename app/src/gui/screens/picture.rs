//! A picture with what belongs to it: how it is looked at, its passes, the value of a pixel.

use crate::gui::command::Command;
use crate::gui::event::Pass;
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

/// Draws it, and `over` on it.
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
                denoise_ui(ui, &shown.path, pass, viewer.compares(), wishes);
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
