//! The keys of the window, in one table: what is pressed and what is shown of it come from here.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::command::Command;
use super::state::{Screen, State};
use super::wish::Wish;

/// A key and what it does.
#[derive(Clone, Debug)]
pub struct Shortcut {
    /// The key.
    pub key: KeyboardShortcut,
    /// What it does, in words.
    pub does: &'static str,
    /// What it wants.
    pub wish: Wish,
    /// Where it works.
    pub works: Works,
}

/// Where a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// Everywhere.
    Always,
    /// Where no text is typed.
    NotWhileTyping,
    /// At the render, where no text is typed.
    AtTheRender,
}

/// What the picture understands by itself.
pub const OF_THE_PICTURE: [(&str, &str); 4] = [
    ("F", "All of the picture"),
    ("1", "Pixel for pixel"),
    ("Wheel", "Closer, further away"),
    ("Drag", "Moves the picture"),
];

/// All keys.
pub fn all() -> Vec<Shortcut> {
    use Works::{Always, AtTheRender, NotWhileTyping};
    let ctrl = |key| KeyboardShortcut::new(Modifiers::COMMAND, key);
    let bare = |key| KeyboardShortcut::new(Modifiers::NONE, key);
    let again = KeyboardShortcut::new(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    let step = |later| Wish::Step { later };
    let table = [
        (ctrl(Key::O), "Open a scene", Wish::Ask(Command::ChooseScene), Always),
        (bare(Key::F12), "Render", Wish::Render, Always),
        (ctrl(Key::Enter), "Render", Wish::Render, Always),
        (ctrl(Key::Num1), "Scene", Wish::Go(Screen::Scene), Always),
        (ctrl(Key::Num2), "Farm", Wish::Go(Screen::Farm), Always),
        (ctrl(Key::Num3), "Render", Wish::Go(Screen::Render), Always),
        (ctrl(Key::Num4), "Results", Wish::Go(Screen::Results), Always),
        (ctrl(Key::Comma), "Settings", Wish::Go(Screen::Settings), Always),
        (ctrl(Key::S), "Save the picture as…", Wish::SaveShown, Always),
        // Before the shorter one, which would take it too.
        (again, "Changes it again", Wish::Redo, NotWhileTyping),
        (ctrl(Key::Z), "Takes back a changed setting", Wish::Undo, NotWhileTyping),
        (bare(Key::Space), "Plays the finished frames, halts", Wish::Play, AtTheRender),
        (bare(Key::ArrowLeft), "Finished frame before", step(false), AtTheRender),
        (bare(Key::ArrowRight), "Finished frame after", step(true), AtTheRender),
        (bare(Key::N), "Where the frame in work is noisy", Wish::Noise, AtTheRender),
        (bare(Key::F1), "Keys", Wish::Help, Always),
        (ctrl(Key::Q), "Close; renders are stopped first and kept", Wish::Close, Always),
    ];
    let shortcut = |(key, does, wish, works)| Shortcut { key, does, wish, works };
    table.into_iter().map(shortcut).collect()
}

/// What was wished for with keys. While text is typed, most of them belong to the text.
pub fn pressed(context: &egui::Context, state: &State) -> Vec<Wish> {
    let typing = context.egui_wants_keyboard_input();
    let works = |shortcut: &Shortcut| match shortcut.works {
        Works::Always => true,
        Works::NotWhileTyping => !typing,
        Works::AtTheRender => !typing && state.screen == Screen::Render,
    };
    let pressed = |shortcut: Shortcut| {
        context.input_mut(|input| input.consume_shortcut(&shortcut.key)).then_some(shortcut.wish)
    };
    all().into_iter().filter(works).filter_map(pressed).collect()
}

/// How a key is written.
pub fn written(key: KeyboardShortcut) -> String {
    let names = &egui::ModifierNames::NAMES;
    key.format(names, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things() {
        let mut keys: Vec<String> = all().iter().map(|shortcut| written(shortcut.key)).collect();
        keys.sort();
        let before = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), before, "{keys:?}");
    }
}
