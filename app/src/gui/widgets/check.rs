//! A check of a lender: how it went, what was found, what to do.

use blendnet_protocol::{LenderCheck, Verdict};

use crate::gui::icons;
use crate::gui::theme;

/// Draws it.
pub fn check_ui(ui: &mut egui::Ui, check: &LenderCheck) {
    let signals = theme::signals(ui.visuals());
    let (sign, color) = match check.verdict {
        Verdict::Passed => (icons::GOOD, signals.good),
        Verdict::Warned => (icons::FELT, signals.warning),
        Verdict::Failed => (icons::WRONG, signals.bad),
    };
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(sign).color(color));
        ui.label(egui::RichText::new(&check.name).strong());
        ui.add(egui::Label::new(egui::RichText::new(&check.found).color(color)).wrap());
    });
    if let Some(remedy) = &check.remedy {
        ui.indent(&check.name, |ui| ui.add(egui::Label::new(remedy).wrap()));
    }
}
