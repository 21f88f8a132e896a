//! The only place with colours and sizes.

use std::sync::Arc;

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, vec2};

use crate::settings::{Settings, Theme};

/// Space between groups, in points.
pub const GAP: f32 = 10.0;
/// Width of a column of controls, in points.
pub const COLUMN: f32 = 320.0;
/// Width of a field's name, in points.
pub const LABEL: f32 = 92.0;

/// Blender's orange: what is chosen, and the one thing to do next.
pub const ACCENT: Color32 = Color32::from_rgb(0xE8, 0x7D, 0x0D);
/// Text on the accent.
pub const ON_ACCENT: Color32 = Color32::from_rgb(0x18, 0x10, 0x06);

/// Samples that are merged.
pub const MERGED: Color32 = Color32::from_gray(0x78);

/// Colours that can be told from each other, on dark and light.
const AGENTS: [Color32; 8] = [
    Color32::from_rgb(0x4E, 0x9F, 0xE0),
    Color32::from_rgb(0xE0, 0x9B, 0x2D),
    Color32::from_rgb(0x5B, 0xB0, 0x5B),
    Color32::from_rgb(0xD9, 0x5F, 0x8D),
    Color32::from_rgb(0x9B, 0x7F, 0xE0),
    Color32::from_rgb(0x3F, 0xB5, 0xB0),
    Color32::from_rgb(0xC8, 0xB5, 0x2E),
    Color32::from_rgb(0xD4, 0x6A, 0x4C),
];

/// The colour of an agent, by its place in the farm.
pub fn agent(place: usize) -> Color32 {
    AGENTS.get(place % AGENTS.len()).copied().unwrap_or(ACCENT)
}

/// Colours that say how something is.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    /// Fine.
    pub good: Color32,
    /// To be looked at.
    pub warning: Color32,
    /// Wrong.
    pub bad: Color32,
}

/// The signals on this background; all have at least 4.5:1 contrast to it.
pub fn signals(visuals: &egui::Visuals) -> Signals {
    if visuals.dark_mode {
        Signals {
            good: Color32::from_rgb(0x7A, 0xC9, 0x6F),
            warning: Color32::from_rgb(0xF0, 0xC0, 0x4A),
            bad: Color32::from_rgb(0xFF, 0x7B, 0x6B),
        }
    } else {
        Signals {
            good: Color32::from_rgb(0x1F, 0x70, 0x2A),
            warning: Color32::from_rgb(0x85, 0x57, 0x00),
            bad: Color32::from_rgb(0xB3, 0x26, 0x1E),
        }
    }
}

/// Sets both themes, and which of them is shown.
pub fn apply(context: &egui::Context, settings: &Settings) {
    context.set_visuals_of(egui::Theme::Dark, dark());
    context.set_visuals_of(egui::Theme::Light, light());
    context.all_styles_mut(|style| {
        style.spacing.item_spacing = vec2(8.0, 6.0);
        style.spacing.button_padding = vec2(10.0, 4.0);
        style.spacing.interact_size.y = 24.0;
        // Bars float beside what is scrolled, not over it.
        style.spacing.scroll.floating_allocated_width = 8.0;
        style.spacing.window_margin = Margin::same(12);
        style.text_styles = [
            (TextStyle::Heading, FontId::new(18.0, FontFamily::Proportional)),
            (TextStyle::Body, FontId::new(13.5, FontFamily::Proportional)),
            (TextStyle::Button, FontId::new(13.5, FontFamily::Proportional)),
            (TextStyle::Small, FontId::new(11.5, FontFamily::Proportional)),
            (TextStyle::Monospace, FontId::new(12.5, FontFamily::Monospace)),
        ]
        .into();
    });
    show(context, settings);
}

/// Changes which theme is shown, and how large.
pub fn show(context: &egui::Context, settings: &Settings) {
    let percent = if settings.scale_percent == 0 { 100 } else { settings.scale_percent };
    let factor = f32::from(u16::try_from(percent).unwrap_or(100)) / 100.0;
    context.set_zoom_factor(factor.clamp(0.5, 3.0));
    context.set_theme(match settings.theme {
        Theme::Dark => egui::Theme::Dark,
        Theme::Light => egui::Theme::Light,
    });
}

fn dark() -> egui::Visuals {
    let mut visuals = egui::Visuals::dark();
    visuals.panel_fill = Color32::from_gray(0x28);
    visuals.window_fill = Color32::from_gray(0x2E);
    visuals.extreme_bg_color = Color32::from_gray(0x1A);
    visuals.faint_bg_color = Color32::from_gray(0x21);
    visuals.override_text_color = Some(Color32::from_gray(0xDE));
    shared(&mut visuals);
    visuals
}

fn light() -> egui::Visuals {
    let mut visuals = egui::Visuals::light();
    visuals.panel_fill = Color32::from_gray(0xF0);
    visuals.window_fill = Color32::from_gray(0xF8);
    visuals.extreme_bg_color = Color32::WHITE;
    visuals.faint_bg_color = Color32::from_gray(0xE6);
    visuals.override_text_color = Some(Color32::from_gray(0x20));
    shared(&mut visuals);
    visuals
}

fn shared(visuals: &mut egui::Visuals) {
    visuals.selection.bg_fill = ACCENT.gamma_multiply(0.55);
    visuals.selection.stroke = Stroke::new(1.0, ACCENT);
    let widgets = &mut visuals.widgets;
    for widget in
        [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active, &mut widgets.open]
    {
        widget.corner_radius = CornerRadius::same(4);
    }
    widgets.noninteractive.corner_radius = CornerRadius::same(6);
}

/// The one thing to do next.
pub fn main_button_ui(ui: &mut egui::Ui, enabled: bool, text: &str) -> egui::Response {
    let text = egui::RichText::new(text).color(ON_ACCENT).strong();
    ui.add_enabled_ui(enabled, |ui| {
        ui.add_sized([140.0, 32.0], egui::Button::new(text).fill(ACCENT))
    })
    .inner
}

/// A frame around what belongs together.
pub fn group(ui: &egui::Ui) -> egui::Frame {
    egui::Frame::new()
        .fill(ui.visuals().faint_bg_color)
        .corner_radius(CornerRadius::same(6))
        .inner_margin(Margin::same(10))
}

/// Pictures are shown on this in both themes: colours are judged beside gray.
pub fn behind_pictures() -> Color32 {
    Color32::from_gray(0x20)
}

/// Keeps pixels apart when they are looked at closely, and leaves none out when they are small.
pub fn texture_options() -> egui::TextureOptions {
    egui::TextureOptions {
        magnification: egui::TextureFilter::Nearest,
        mipmap_mode: Some(egui::TextureFilter::Linear),
        ..egui::TextureOptions::LINEAR
    }
}

/// A picture of one pixel, where there is none.
pub fn nothing() -> Arc<egui::ColorImage> {
    Arc::new(egui::ColorImage::filled([1, 1], Color32::TRANSPARENT))
}
