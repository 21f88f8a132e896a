//! The window's program: takes in events, grants wishes, draws the screens.

use std::path::PathBuf;
use std::sync::mpsc as std_mpsc;

use tokio::sync::mpsc;

use super::choice;
use super::command::Command;
use super::event::Event;
use super::fonts;
use super::running::Running;
use super::screens;
use super::state::{Screen, State};
use super::theme;
use super::widgets::viewer::Viewer;
use super::wish::Wish;
use crate::settings::{Settings, Theme};
use crate::workflow::problem::Problem;
use crate::workflow::records::Record;

/// The window's program.
pub struct App {
    /// What is shown.
    pub state: State,
    /// How the picture is looked at.
    pub viewer: Viewer,
    /// The scene's small picture on the graphics chip, and of which scene.
    pub(super) thumbnail: Option<(PathBuf, egui::TextureHandle)>,
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
        Self { state, viewer: Viewer::default(), thumbnail: None, commands, events }
    }

    /// Sets the theme, asks for what is shown first, opens `scene`.
    pub fn begin(&mut self, context: &egui::Context, scene: Option<PathBuf>) {
        theme::apply(context, self.state.settings.theme);
        self.state.history.ask();
        self.send(Command::LoadHistory);
        if let Some(scene) = scene {
            self.grant(context, Wish::Open(scene));
        }
    }

    /// Takes in what happened since the last call.
    pub fn take_events(&mut self, context: &egui::Context) {
        while let Ok(event) = self.events.try_recv() {
            if let Event::Fonts(fonts) = &event {
                fonts::add(context, fonts);
            }
            for command in self.state.apply(event) {
                self.send(command);
            }
        }
        let shown = self.state.shown.as_ref();
        if let Some((shown, picture)) = shown.and_then(|s| Some((s, s.picture.value()?))) {
            self.viewer.upload(context, picture, shown.generation);
        }
        let beside = self.state.beside.as_ref();
        let beside = beside.and_then(|s| Some((s.picture.value()?.as_ref(), s.generation)));
        self.viewer.upload_beside(context, beside);
        if self.state.closing && !self.state.is_rendering() {
            context.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// Draws the window and grants what the artist wants.
    pub fn draw(&mut self, ui: &mut egui::Ui) {
        let mut wishes = keys(ui.ctx(), &self.state);
        wishes.extend(dropped(ui.ctx()));
        screens::window_ui(ui, self, &mut wishes);
        let context = ui.ctx().clone();
        for wish in wishes {
            self.grant(&context, wish);
        }
    }

    /// Does what the artist wants.
    pub fn grant(&mut self, context: &egui::Context, wish: Wish) {
        match wish {
            Wish::Go(screen) => self.state.screen = screen,
            Wish::Open(path) => {
                let path = std::path::absolute(&path).unwrap_or(path);
                self.state.open_scene(path.clone());
                self.send(Command::OpenScene(path));
            }
            Wish::Render => self.render(),
            Wish::Stop => {
                if let Some(render) = &mut self.state.render {
                    render.stop();
                }
                self.send(Command::Stop);
            }
            Wish::Resume => self.resume(),
            Wish::GoOn(record) => self.go_on(*record),
            Wish::Look(frame) => self.look(frame),
            Wish::Show(path) => self.show(path),
            Wish::LookBack(entry, path) => {
                self.state.note = Some(format!("{}: {}", entry.name, path.display()));
                self.show(path);
            }
            Wish::Compare(path) => {
                let path = path.filter(|path| {
                    self.state.beside.as_ref().is_none_or(|beside| beside.path != *path)
                });
                if let Some(path) = path {
                    let command = self.state.show_beside(path);
                    self.send(command);
                } else {
                    self.state.beside = None;
                }
            }
            Wish::Step { later } => {
                let render = self.state.render.as_ref();
                if let Some(frame) = render.and_then(|render| render.neighbour(later)) {
                    self.look(Some(frame));
                }
            }
            Wish::Settings => {
                let command = self.store_settings();
                self.send(command);
            }
            Wish::OtherTheme => {
                let settings = &mut self.state.settings;
                settings.theme = match settings.theme {
                    Theme::Dark => Theme::Light,
                    Theme::Light => Theme::Dark,
                };
                theme::show(context, settings.theme);
                let command = self.store_settings();
                self.send(command);
            }
            Wish::PutAway(at) => {
                if at < self.state.troubles.len() {
                    self.state.troubles.remove(at);
                }
            }
            // The window system asks back, and then the render is stopped first.
            Wish::Close => context.send_viewport_cmd(egui::ViewportCommand::Close),
            Wish::Ask(command) => self.send(command),
        }
    }

    fn render(&mut self) {
        let state = &mut self.state;
        if let Some(why) = state.obstacle() {
            state.apply(Event::Trouble(Problem::input(why)));
            return;
        }
        let Some(scene) = &state.scene else { return };
        let Ok(order) = scene.choice.order(&scene.path, &state.settings) else { return };
        let name = scene.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.begin_render(Running::new(name, order.request.output.clone()));
        self.send(Command::Render(Box::new(order)));
    }

    fn resume(&mut self) {
        let state = &self.state;
        let Some(before) = state.render.as_ref().filter(|render| !render.is_going()) else {
            return;
        };
        let Some(job) = before.job.clone() else { return };
        let start = choice::start_options(&state.settings);
        let mut render = Running::new(before.name.clone(), before.output.clone());
        render.job = Some(job.clone());
        render.frames.clone_from(&before.frames);
        render.scene.clone_from(&before.scene);
        self.begin_render(render);
        self.send(Command::Resume(job, start));
    }

    /// Goes on with a render of earlier.
    fn go_on(&mut self, record: Record) {
        if self.state.is_rendering() {
            self.state.apply(Event::Trouble(Problem::input("a render runs already")));
            return;
        }
        let name = record.blend.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut render = Running::new(name, record.output);
        render.job = Some(record.job.clone());
        self.begin_render(render);
        let start = choice::start_options(&self.state.settings);
        self.send(Command::Resume(record.job, start));
    }

    fn begin_render(&mut self, render: Running) {
        self.state.render = Some(render);
        self.state.shown = None;
        self.state.beside = None;
        self.state.note = None;
        self.state.screen = Screen::Render;
        self.viewer = Viewer::default();
    }

    fn look(&mut self, frame: Option<i32>) {
        let Some(render) = &mut self.state.render else { return };
        render.looked_at = frame;
        if let Some(path) = frame.and_then(|frame| render.picture(frame)) {
            self.show(path);
        }
    }

    fn show(&mut self, path: PathBuf) {
        let command = self.state.show_picture(path);
        self.send(command);
    }

    fn store_settings(&self) -> Command {
        Command::StoreSettings(Box::new(self.state.settings.clone()))
    }

    /// Never waits. The background reads at once, so there is room unless it is gone.
    fn send(&mut self, command: Command) {
        if let Err(error) = self.commands.try_send(command) {
            tracing::debug!("{error}");
            let problem = Problem::farm("the window's background does not answer")
                .hint("close the window and open it again; renders are kept");
            self.state.apply(Event::Trouble(problem));
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, context: &egui::Context, _frame: &mut eframe::Frame) {
        let asked = context.input(|input| input.viewport().close_requested());
        if asked && self.state.is_rendering() {
            context.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.state.closing = true;
            self.grant(context, Wish::Stop);
        }
        self.take_events(context);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }
}

/// Keys that work on every screen. While text is typed, only those with Ctrl.
fn keys(context: &egui::Context, state: &State) -> Vec<Wish> {
    use egui::{Key, KeyboardShortcut, Modifiers};
    let ctrl = |key| KeyboardShortcut::new(Modifiers::COMMAND, key);
    let bare = |key| KeyboardShortcut::new(Modifiers::NONE, key);
    let mut known = vec![
        (ctrl(Key::O), Wish::Ask(Command::ChooseScene)),
        (ctrl(Key::Q), Wish::Close),
        (ctrl(Key::Num1), Wish::Go(Screen::Scene)),
        (ctrl(Key::Num2), Wish::Go(Screen::Render)),
        (ctrl(Key::Num3), Wish::Go(Screen::Results)),
        (ctrl(Key::Enter), Wish::Render),
        (bare(Key::F12), Wish::Render),
    ];
    if !context.egui_wants_keyboard_input() && state.screen == Screen::Render {
        known.push((bare(Key::ArrowLeft), Wish::Step { later: false }));
        known.push((bare(Key::ArrowRight), Wish::Step { later: true }));
    }
    let pressed = |(shortcut, wish): (KeyboardShortcut, Wish)| {
        context.input_mut(|input| input.consume_shortcut(&shortcut)).then_some(wish)
    };
    known.into_iter().filter_map(pressed).collect()
}

/// The scene that was dropped on the window.
fn dropped(context: &egui::Context) -> Option<Wish> {
    context.input(|input| {
        let path = input.raw.dropped_files.first()?.path().to_owned();
        Some(Wish::Open(path))
    })
}
