//! The window's program: takes in events, draws the screens.

use std::path::PathBuf;
use std::sync::mpsc as std_mpsc;

use egui::util::undoer::Undoer;
use tokio::sync::mpsc;

use super::choice::Choice;
use super::command::Command;
use super::event::Event;
use super::fonts;
use super::keys;
use super::noise::is_noise;
use super::screens;
use super::state::State;
use super::theme;
use super::thumbs::Thumbs;
use super::widgets::viewer::Viewer;
use super::wish::Wish;
use crate::settings::Settings;
use crate::workflow::problem::Problem;

/// What can be taken back.
pub(super) type Undoable = (Option<(PathBuf, Choice)>, Settings);

/// The window's program.
pub struct App {
    /// What is shown.
    pub state: State,
    /// How the picture is looked at.
    pub viewer: Viewer,
    /// The scene's small picture on the graphics chip, and of which scene.
    pub(super) thumbnail: Option<(PathBuf, egui::TextureHandle)>,
    pub(super) thumbs: Thumbs,
    pub(super) undoer: Undoer<Undoable>,
    commands: mpsc::Sender<Command>,
    events: std_mpsc::Receiver<Event>,
}

impl App {
    /// A window that shows nothing yet.
    pub fn new(
        settings: Settings,
        commands: mpsc::Sender<Command>,
        events: std_mpsc::Receiver<Event>,
    ) -> Self {
        let state = State::new(settings);
        let (viewer, undoer) = (Viewer::default(), Undoer::default());
        let thumbs = Thumbs::default();
        Self { state, viewer, thumbnail: None, thumbs, undoer, commands, events }
    }

    /// Sets the theme, asks for what is shown first, opens `scene`.
    pub fn begin(&mut self, context: &egui::Context, scene: Option<PathBuf>) {
        theme::apply(context, &self.state.settings);
        self.state.history.ask();
        self.send(Command::LoadHistory);
        if let Some(scene) = scene {
            self.grant(context, Wish::Open(scene));
        }
    }

    /// Takes in what happened since the last call.
    pub fn take_events(&mut self, context: &egui::Context) {
        self.state.focused = context.input(|input| input.focused);
        while let Ok(event) = self.events.try_recv() {
            match &event {
                Event::Fonts(fonts) => fonts::add(context, fonts),
                Event::Thumb(path, Some(image)) => self.thumbs.take(context, path, image.clone()),
                _ => {}
            }
            if matches!(event, Event::Delivered(_)) {
                context.send_viewport_cmd(egui::ViewportCommand::Focus);
            }
            for command in self.state.apply(event) {
                if matches!(command, Command::Notify { .. }) {
                    let attention = egui::UserAttentionType::Informational;
                    let asked = egui::ViewportCommand::RequestUserAttention(attention);
                    context.send_viewport_cmd(asked);
                }
                self.send(command);
            }
        }
        self.state.renders.count_frames();
        self.play(context);
        let shown = self.state.shown.as_ref();
        if let Some((shown, picture)) = shown.and_then(|s| Some((s, s.picture.value()?))) {
            let plays = self.state.playing.is_some();
            self.viewer.upload(context, (picture, shown.generation), plays);
        }
        let beside = self.state.beside.as_ref();
        let beside = beside.and_then(|s| {
            // The colours of a noise map stand for figures, whatever the exposure.
            Some((s.picture.value()?.as_ref(), s.generation, !is_noise(&s.path)))
        });
        self.viewer.upload_beside(context, beside);
        if self.state.closing && !self.state.is_rendering() {
            context.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// Plays on, and wakes up when the next frame is due.
    fn play(&mut self, context: &egui::Context) {
        let now = context.input(|input| input.time);
        let commands = self.state.play(now);
        self.send_all(commands);
        if let Some(due) = self.state.playing {
            let wait = (due - now).clamp(0.004, 1.0);
            context.request_repaint_after(std::time::Duration::from_secs_f64(wait));
        }
    }

    /// Draws the window and grants what the artist wants.
    pub fn draw(&mut self, ui: &mut egui::Ui) {
        let mut wishes = keys::pressed(ui.ctx(), &self.state);
        wishes.extend(dropped(ui.ctx()));
        screens::window_ui(ui, self, &mut wishes);
        let context = ui.ctx().clone();
        let now = context.input(|input| input.time);
        self.undoer.feed_state(now, &self.undoable());
        for wish in wishes {
            self.grant(&context, wish);
        }
    }

    /// What can be taken back, as it is now. What was opened lately is no setting of the artist.
    pub(super) fn undoable(&self) -> Undoable {
        let scene = self.state.scene.as_ref();
        let choice = scene.map(|scene| (scene.path.clone(), scene.choice.clone()));
        let settings = Settings { recent: Vec::new(), ..self.state.settings.clone() };
        (choice, settings)
    }

    /// Never waits. The background reads at once, so there is room unless it is gone.
    pub(super) fn send(&mut self, command: Command) {
        if let Err(error) = self.commands.try_send(command) {
            tracing::debug!("{error}");
            let problem = Problem::farm("the window's background does not answer")
                .hint("close the window and open it again; renders are kept");
            self.state.apply(Event::Trouble(problem));
        }
    }

    pub(super) fn send_all(&mut self, commands: impl IntoIterator<Item = Command>) {
        for command in commands {
            self.send(command);
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, context: &egui::Context, _frame: &mut eframe::Frame) {
        let asked = context.input(|input| input.viewport().close_requested());
        if asked && self.state.is_rendering() {
            context.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.state.closing = true;
            self.grant(context, Wish::StopAll);
        }
        self.take_events(context);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }
}

/// The scene that was dropped on the window.
fn dropped(context: &egui::Context) -> Option<Wish> {
    context.input(|input| {
        let path = input.raw.dropped_files.first()?.path().to_owned();
        Some(Wish::Open(path))
    })
}
