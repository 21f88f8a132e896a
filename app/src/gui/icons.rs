//! Signs on buttons: letters of the fonts that come with egui (Noto Emoji under the OFL, and
//! emoji-icon-font under the MIT license).

/// Starts, goes on, plays.
pub const PLAY: &str = "▶";
/// Stops, and what there is is kept.
pub const PAUSE: &str = "⏸";
/// The first of all.
pub const FIRST: &str = "⏮";
/// Is taken away for good.
pub const DELETE: &str = "🗑";
/// A file or folder is opened.
pub const FOLDER: &str = "📂";
/// A file is written.
pub const SAVE: &str = "💾";
/// Something is looked at.
pub const LOOK: &str = "👁";
/// Passes on top of each other.
pub const LAYERS: &str = "🎨";
/// One more.
pub const MORE: &str = "➕";
/// One less.
pub const LESS: &str = "➖";
/// What can be changed.
pub const SETTINGS: &str = "⚙";
/// Light colours.
pub const LIGHT: &str = "☀";
/// Dark colours.
pub const DARK: &str = "🌙";
/// Which keys there are.
pub const HELP: &str = "?";
/// Text is copied.
pub const COPY: &str = "🗐";
/// Finished with what there is.
pub const ENOUGH: &str = "✔";
/// Once more.
pub const AGAIN: &str = "🔄";
/// As it should be.
pub const GOOD: &str = "✔";
/// It will be felt.
pub const FELT: &str = "❗";
/// Wrong.
pub const WRONG: &str = "✖";
/// How long it will take.
pub const CLOCK: &str = "⏱";
/// Two are compared.
pub const COMPARE: &str = "◑";
/// A film.
pub const FILM: &str = "🎞";

/// A button with a sign; a screen reader reads the name alone.
pub fn button_ui(ui: &mut egui::Ui, icon: &str, name: &str) -> egui::Response {
    named(ui.button(format!("{icon} {name}")), name)
}

/// The same, greyed out where it can do nothing.
pub fn button_enabled_ui(
    ui: &mut egui::Ui,
    enabled: bool,
    icon: &str,
    name: &str,
) -> egui::Response {
    named(ui.add_enabled(enabled, egui::Button::new(format!("{icon} {name}"))), name)
}

/// A button with nothing but a sign; pointing at it shows the name.
pub fn sign_button_ui(ui: &mut egui::Ui, icon: &str, name: &str) -> egui::Response {
    named(ui.button(icon), name).on_hover_text(name)
}

/// Tells a screen reader what a button is called.
pub fn named(response: egui::Response, name: &str) -> egui::Response {
    let enabled = response.enabled();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, name));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    /// A sign that no font has would end the drawing.
    #[test]
    fn the_fonts_have_every_sign_and_a_screen_reader_reads_only_names() {
        let signs = [
            PLAY, PAUSE, FIRST, DELETE, FOLDER, SAVE, LOOK, LAYERS, MORE, LESS, SETTINGS, LIGHT,
            DARK, HELP, COPY, ENOUGH, CLOCK, COMPARE, FILM, AGAIN, GOOD, FELT, WRONG,
        ];
        let harness = Harness::new_ui(|ui| {
            for (at, sign) in signs.iter().enumerate() {
                sign_button_ui(ui, sign, &format!("sign {at}"));
            }
            button_ui(ui, SAVE, "Save");
        });
        assert!(harness.query_by_label("Save").is_some());
        assert_eq!(harness.query_all_by_label_contains("sign").count(), signs.len());
    }
}
