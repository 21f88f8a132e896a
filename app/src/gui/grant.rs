//! Grants what the artist wants, in one place: changes what is shown, and sends commands.

use std::path::{Path, PathBuf};

use blendnet_protocol::JobId;

use super::app::{App, Undoable};
use super::choice;
use super::command::{Command, FarmWish, Order, PlacesWish, picture_of_pass};
use super::event::Event;
use super::fetched::Fetched;
use super::running::Running;
use super::state::Screen;
use super::theme;
use super::widgets::viewer::Viewer;
use super::wish::Wish;
use crate::settings::Theme;
use crate::workflow::problem::Problem;
use crate::workflow::records::Record;

impl App {
    /// Does what the artist wants.
    pub fn grant(&mut self, context: &egui::Context, wish: Wish) {
        let Some(wish) = self.of_renders(wish) else { return };
        match wish {
            Wish::Go(screen) => self.go(screen),
            Wish::Places(wish) => self.places(wish),
            Wish::Open(path) => self.open(path),
            Wish::LookIn(path) => self.look_in(&path),
            Wish::Render => self.render(),
            Wish::Look(frame) => self.look(frame),
            Wish::Play => {
                let now = context.input(|input| input.time);
                self.state.playing = if self.state.playing.is_some() { None } else { Some(now) };
                context.request_repaint();
            }
            Wish::Thumb(path) => {
                self.thumbs.ask(path.clone());
                self.send(Command::LoadThumb(path));
            }
            Wish::Show(path) => self.show(path),
            Wish::LookBack(entry, path) => {
                self.state.note = Some(format!("{}: {}", entry.name, path.display()));
                self.show(path);
            }
            Wish::Compare(path) => self.compare(path),
            Wish::ComparePass(path, pass) => self.compare_pass(path, pass),
            Wish::Noise => {
                let command = self.state.switch_noise();
                self.send_all(command);
            }
            Wish::Step { later } => {
                let neighbour = self.state.render().and_then(|render| render.neighbour(later));
                if let Some(frame) = neighbour {
                    self.look(Some(frame));
                }
            }
            Wish::SaveShown => {
                if let Some(shown) = &self.state.shown {
                    self.send(Command::SaveAs(shown.path.clone()));
                }
            }
            Wish::Undo => {
                let before = self.undoer.undo(&self.undoable()).cloned();
                self.set_back(context, before);
            }
            Wish::Redo => {
                let after = self.undoer.redo(&self.undoable()).cloned();
                self.set_back(context, after);
            }
            Wish::Help => self.state.help = !self.state.help,
            Wish::Settings => self.settings_changed(context),
            Wish::OtherTheme => {
                let settings = &mut self.state.settings;
                settings.theme = match settings.theme {
                    Theme::Dark => Theme::Light,
                    Theme::Light => Theme::Dark,
                };
                self.settings_changed(context);
            }
            Wish::PutAway(at) => {
                if at < self.state.troubles.len() {
                    self.state.troubles.remove(at);
                }
            }
            // The window system asks back, and then renders are stopped first.
            Wish::Close => context.send_viewport_cmd(egui::ViewportCommand::Close),
            Wish::Ask(Command::Estimate(order)) => self.estimate(order),
            Wish::Ask(command) => self.send(command),
            // Granted before.
            Wish::Stop(_)
            | Wish::StopAll
            | Wish::Resume(_)
            | Wish::LookAt(_)
            | Wish::Discard(_)
            | Wish::Delete(_)
            | Wish::Log(_)
            | Wish::GoOn(_)
            | Wish::Settle(_)
            | Wish::First(_)
            | Wish::FrameFirst(_)
            | Wish::Redraft(_)
            | Wish::Limit(..) => {}
        }
    }

    /// Does it, if it is about renders that run, wait, or ended; else gives it back.
    fn of_renders(&mut self, wish: Wish) -> Option<Wish> {
        match wish {
            Wish::Stop(key) => self.stop(key),
            Wish::StopAll => {
                let keys: Vec<u64> = self.state.renders.going().map(|going| going.key).collect();
                for key in keys {
                    self.stop(key);
                }
            }
            Wish::Resume(key) => self.resume(key),
            Wish::LookAt(key) => {
                let command = self.state.look_at(key);
                self.viewer = Viewer::default();
                self.send_all(command);
            }
            Wish::Discard(key) => {
                let commands = self.state.discard(key);
                self.send_all(commands);
            }
            Wish::Delete(job) => self.send(Command::Delete(job)),
            Wish::Log(agent) => self.log(agent),
            Wish::GoOn(record) => self.go_on(*record),
            Wish::Settle(key) => self.of_job(key, FarmWish::Settle),
            Wish::First(key) => {
                let before_all = self.state.renders.before_all();
                self.of_job(key, |job| FarmWish::Priority(job, before_all));
            }
            Wish::Redraft(redraft) => {
                if let Some(render) = self.state.renders.shown_mut() {
                    render.redraft = redraft;
                }
            }
            Wish::Limit(key, limits) => {
                if let Some(render) = self.state.renders.get_mut(key) {
                    render.redraft = None;
                }
                self.of_job(key, |job| FarmWish::Limit(job, limits));
            }
            Wish::FrameFirst(frame) => {
                let key = self.state.render().map_or(0, |render| render.key);
                self.of_job(key, |job| FarmWish::FrameFirst(job, frame));
            }
            other => return Some(other),
        }
        None
    }

    fn go(&mut self, screen: Screen) {
        self.state.screen = screen;
        if screen == Screen::Farm {
            self.places(PlacesWish::Look);
        }
    }

    fn places(&mut self, wish: PlacesWish) {
        let command = self.state.places.ask(wish);
        self.send(command);
    }

    fn open(&mut self, path: PathBuf) {
        let path = std::path::absolute(&path).unwrap_or(path);
        self.state.open_scene(path.clone());
        self.send(Command::OpenScene(path));
    }

    fn look_in(&mut self, path: &Path) {
        let Some(scene) = &mut self.state.scene else { return };
        let Some(trace) = scene.trace.value() else { return };
        let missing: Vec<PathBuf> = trace.missing().map(|file| file.path.clone()).collect();
        scene.choice.found_in(&missing, path);
        scene.trace.ask();
        let trace = Command::Trace(scene.path.clone(), scene.choice.moved.clone());
        self.send(trace);
    }

    fn render(&mut self) {
        let state = &mut self.state;
        if let Some(why) = state.obstacle() {
            state.apply(Event::Trouble(Problem::input(why)));
            return;
        }
        let Some(scene) = &state.scene else { return };
        let Ok(mut order) = scene.choice.order(&scene.path, &state.settings) else { return };
        let estimate = scene.estimate.as_ref().filter(|(asked, _)| asked.is_same_work(&order));
        let estimate = estimate.and_then(|(_, estimate)| estimate.value());
        order.request.estimated_secs = estimate.map(|estimate| estimate.likely_secs);
        let name = scene.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = scene.read.value().and_then(|read| scene.choice.scene(&read.inspection));
        let fps = read.map_or(24.0, |scene| scene.fps);
        let mut render = Running::new(name, order.request.output.clone());
        render.fps = fps;
        self.thumbs.forget(&order.request.output);
        let key = self.begin_render(render);
        self.send(Command::Render(key, Box::new(order)));
    }

    fn estimate(&mut self, order: Box<Order>) {
        let Some(scene) = &mut self.state.scene else { return };
        scene.estimate = Some((order.clone(), Fetched::Pending(None)));
        self.send(Command::Estimate(order));
    }

    /// Asks the farm something of a render's job.
    fn of_job(&mut self, key: u64, wish: impl FnOnce(JobId) -> FarmWish) {
        let job = self.state.renders.get(key).and_then(|render| render.job.clone());
        self.send_all(job.map(|job| Command::Farm(wish(job))));
    }

    fn stop(&mut self, key: u64) {
        if let Some(render) = self.state.renders.get_mut(key) {
            render.stop();
            self.send(Command::Stop(key));
        }
    }

    fn resume(&mut self, key: u64) {
        let state = &mut self.state;
        let Some(before) = state.renders.get(key).filter(|render| !render.is_going()) else {
            return;
        };
        let Some(job) = before.job.clone() else { return };
        let start = choice::start_options(&state.settings);
        let render = before.again();
        state.renders.remove(key);
        let key = self.begin_render(render);
        self.send(Command::Resume(key, job, start));
    }

    /// Goes on with a render of earlier.
    fn go_on(&mut self, record: Record) {
        let known = self.state.renders.all().iter().find(|r| r.job.as_ref() == Some(&record.job));
        if let Some(known) = known {
            let (key, going) = (known.key, known.is_going());
            return if going {
                self.state.screen = Screen::Render;
                let command = self.state.look_at(key);
                self.send_all(command);
            } else {
                self.resume(key);
            };
        }
        let name = record.blend.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut render = Running::new(name, record.output);
        render.job = Some(record.job.clone());
        render.is_kept = true;
        let key = self.begin_render(render);
        let start = choice::start_options(&self.state.settings);
        self.send(Command::Resume(key, record.job, start));
    }

    fn begin_render(&mut self, render: Running) -> u64 {
        let state = &mut self.state;
        let key = state.renders.add(render);
        state.shown = None;
        state.beside = None;
        state.note = None;
        state.playing = None;
        state.screen = Screen::Render;
        self.viewer = Viewer::default();
        key
    }

    fn look(&mut self, frame: Option<i32>) {
        let Some(render) = self.state.renders.shown_mut() else { return };
        render.looked_at = frame;
        if let Some(path) = render.to_show() {
            self.show(path);
        }
    }

    fn show(&mut self, path: PathBuf) {
        self.state.put_noise_away();
        let command = self.state.show_picture(path);
        self.send(command);
    }

    fn compare(&mut self, path: Option<PathBuf>) {
        let is_other =
            |path: &PathBuf| self.state.beside.as_ref().is_none_or(|beside| beside.path != *path);
        if let Some(path) = path.filter(is_other) {
            let command = self.state.show_beside(path);
            self.send(command);
        } else {
            self.state.beside = None;
        }
    }

    fn compare_pass(&mut self, path: PathBuf, pass: String) {
        let picture = picture_of_pass(&path, &pass);
        if self.state.beside.take_if(|beside| beside.path == picture).is_none() {
            let _whole = self.state.show_beside(picture);
            self.send(Command::LoadBeside(path, pass));
        }
    }

    fn log(&mut self, agent: String) {
        if self.state.log.take().is_some_and(|(shown, _)| shown == agent) {
            return;
        }
        self.state.log = Some((agent.clone(), Fetched::Pending(None)));
        self.send(Command::Farm(FarmWish::Log(agent)));
    }

    fn set_back(&mut self, context: &egui::Context, to: Option<Undoable>) {
        let Some((choice, settings)) = to else { return };
        let state = &mut self.state;
        if let (Some(scene), Some((path, choice))) = (&mut state.scene, choice)
            && scene.path == path
        {
            scene.choice = choice;
        }
        let recent = std::mem::take(&mut state.settings.recent);
        state.settings = crate::settings::Settings { recent, ..settings };
        self.settings_changed(context);
    }

    fn settings_changed(&mut self, context: &egui::Context) {
        theme::show(context, &self.state.settings);
        self.send(Command::StoreSettings(Box::new(self.state.settings.clone())));
    }
}
