//! What the window shows: plain data, changed by [`State::apply`] alone when something happened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blendnet_pack::trace::Trace;

use super::choice::Choice;
use super::command::Command;
use super::event::{Event, Past, Picture, SceneRead};
use super::fetched::Fetched;
use super::noise::is_noise;
use super::places::PlacesState;
use super::queue::Queue;
use super::running::{Phase, Running, is_preview};
use super::screens::cost::Estimated;
use super::shown::Shown;
use crate::settings::Settings;
use crate::workflow::event::Summary;
use crate::workflow::handoff::Handoff;
use crate::workflow::handoff::door::Delivery;
use crate::workflow::problem::Problem;

/// Frames that are loaded before they are played.
const FRAMES_AHEAD: usize = 4;

/// Where the artist is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// The scene, what to render of it, and on what.
    #[default]
    Scene,
    /// Where it is rendered.
    Farm,
    /// The picture while it grows.
    Render,
    /// The renders that were made.
    Results,
    /// What the artist can set once for all scenes.
    Settings,
}

/// The scene that is open.
#[derive(Debug)]
pub struct OpenScene {
    /// The .blend.
    pub path: PathBuf,
    /// What is in it.
    pub read: Fetched<Arc<SceneRead>, Problem>,
    /// Which files it needs.
    pub trace: Fetched<Arc<Trace>, Problem>,
    /// What the artist wants of it.
    pub choice: Choice,
    /// What Blender said of it, if it was handed over.
    pub handoff: Option<Handoff>,
    /// How long it will take, once it was asked for.
    pub estimate: Option<Estimated>,
    /// The path that is typed in to find missing files.
    pub typed_path: String,
}

impl OpenScene {
    /// Files that the render can't do without and that are not there.
    pub fn missing_count(&self) -> usize {
        self.trace.value().map_or(0, |trace| trace.missing().count())
    }
}

/// Everything that is shown.
#[derive(Debug)]
pub struct State {
    /// Where the artist is.
    pub screen: Screen,
    /// The scene that is open.
    pub scene: Option<OpenScene>,
    /// The path that is typed in to open a scene.
    pub typed_path: String,
    /// The renders of this window.
    pub renders: Queue,
    /// The picture that is looked at.
    pub shown: Option<Shown>,
    /// The picture that it is compared with.
    pub beside: Option<Shown>,
    /// Pictures that arrived.
    pictures: u64,
    /// The renders of earlier.
    pub history: Fetched<Box<Past>, Problem>,
    /// Where can be rendered.
    pub places: PlacesState,
    /// The agent whose log is looked at, and the log.
    pub log: Option<(String, Fetched<Vec<String>, Problem>)>,
    /// What is kept between runs.
    pub settings: Settings,
    /// What went wrong and belongs to no screen; until the artist puts it away.
    pub troubles: Vec<Problem>,
    /// What went well, in a sentence.
    pub note: Option<String>,
    /// The window closes as soon as its renders are stopped.
    pub closing: bool,
    /// The finished frames are played; the next one is due then, in seconds of the window's clock.
    pub playing: Option<f64>,
    /// The keys are shown.
    pub help: bool,
    /// The artist looks at this window.
    pub focused: bool,
}

impl State {
    /// An empty window.
    pub fn new(settings: Settings) -> Self {
        Self {
            screen: Screen::Scene,
            scene: None,
            typed_path: String::new(),
            renders: Queue::default(),
            shown: None,
            beside: None,
            pictures: 0,
            history: Fetched::Unasked,
            places: PlacesState::default(),
            log: None,
            settings,
            troubles: Vec::new(),
            note: None,
            closing: false,
            playing: None,
            help: false,
            focused: true,
        }
    }

    /// The render that is looked at.
    pub fn render(&self) -> Option<&Running> {
        self.renders.shown()
    }

    /// Whether any render runs or waits.
    pub fn is_rendering(&self) -> bool {
        self.renders.going().next().is_some()
    }

    /// Why the scene can't be rendered now, in a sentence; `None`: it can.
    pub fn obstacle(&self) -> Option<String> {
        let scene = self.scene.as_ref()?;
        if scene.missing_count() > 0 && !scene.choice.allow_missing {
            return Some("files that the scene needs are missing".to_owned());
        }
        let order = match scene.choice.order(&scene.path, &self.settings) {
            Ok(order) => order,
            Err(why) => return Some(why),
        };
        let name = scene.path.file_name().unwrap_or_default().to_string_lossy();
        let writes = self.renders.writes(&name, &order.request.output);
        writes.then(|| "it is rendered to this folder already; choose another folder".to_owned())
    }

    /// Shows a scene that is about to be read.
    pub fn open_scene(&mut self, path: PathBuf) {
        let before = self.scene.take().filter(|scene| scene.path == path);
        let mut scene = before.unwrap_or_else(|| OpenScene {
            choice: Choice::of(&path, &self.settings),
            path,
            read: Fetched::Unasked,
            trace: Fetched::Unasked,
            handoff: None,
            estimate: None,
            typed_path: String::new(),
        });
        // Perhaps the paths were mended in Blender meanwhile.
        scene.choice.moved.clear();
        scene.read.ask();
        scene.trace.ask();
        self.scene = Some(scene);
        self.screen = Screen::Scene;
        self.note = None;
    }

    /// Shows another picture; the one before it stays until it is there.
    pub fn show_picture(&mut self, path: PathBuf) -> Command {
        Shown::begin(&mut self.shown, path)
    }

    /// Compares the picture that is shown with another one.
    pub fn show_beside(&mut self, path: PathBuf) -> Command {
        Shown::begin(&mut self.beside, path)
    }

    /// Plays on: looks at the next finished frame when it is due and the one before was seen. Gives
    /// what is to be loaded for that.
    pub fn play(&mut self, now: f64) -> Vec<Command> {
        let Some(due) = self.playing.filter(|due| now >= *due) else { return Vec::new() };
        if self.shown.as_ref().is_some_and(|shown| shown.picture.is_pending()) {
            return Vec::new();
        }
        let Some(render) = self.renders.shown_mut() else {
            self.playing = None;
            return Vec::new();
        };
        let mut next = render.next_played(1 + FRAMES_AHEAD).into_iter();
        let Some((frame, picture)) = next.next() else {
            self.playing = None;
            return Vec::new();
        };
        render.looked_at = Some(frame);
        // A film that was late goes on from now instead of hurrying after.
        let each = 1.0 / render.fps.clamp(0.1, 240.0);
        self.playing = Some(if now - due > each { now + each } else { due + each });
        let ahead = next.map(|(_, picture)| picture).collect();
        self.put_noise_away();
        vec![self.show_picture(picture), Command::LoadAhead(ahead)]
    }

    /// Takes in what happened. Gives what the background is to do about it.
    pub fn apply(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::SceneChosen(path) => self.open_scene(path),
            Event::Delivered(delivery) => return self.delivered(delivery),
            Event::SceneRead(path, read) => return self.scene_read(&path, read),
            Event::SceneTraced(path, traced) => {
                if let Some(scene) = self.scene_of(&path) {
                    scene.trace.take(traced);
                }
            }
            Event::Found { missing, file } => {
                let Some(scene) = &mut self.scene else { return Vec::new() };
                scene.choice.found(&missing, &file);
                scene.trace.ask();
                return vec![Command::Trace(scene.path.clone(), scene.choice.moved.clone())];
            }
            Event::OutputChosen(folder) => {
                if let Some(scene) = &mut self.scene {
                    scene.choice.output = folder.display().to_string();
                }
            }
            Event::Estimated(order, estimated) => {
                let scene = self.scene_of(&order.request.blend);
                let known = scene.and_then(|scene| scene.estimate.as_mut());
                if let Some((_, estimate)) = known.filter(|(asked, _)| *asked == order) {
                    estimate.take(estimated);
                }
            }
            Event::Step(key, step) => {
                let shown = self.is_shown(key);
                let Some(render) = self.renders.get_mut(key) else { return Vec::new() };
                if let Some(picture) = render.take(*step).filter(|_| shown) {
                    let show = self.show_picture(picture);
                    return std::iter::once(show).chain(self.renew_noise()).collect();
                }
            }
            Event::RenderEnded(key, ended) => return self.render_ended(key, ended),
            Event::Deleted(_) => return vec![Command::LoadHistory],
            Event::Log(agent, lines) => {
                if let Some((_, log)) = self.log.as_mut().filter(|(name, _)| *name == agent) {
                    log.take(lines);
                }
            }
            Event::Places(event) => {
                let (commands, told) = self.places.apply(event);
                self.note = told.or(self.note.take());
                return commands;
            }
            Event::Picture(path, picture) => self.picture(&path, &picture),
            // The app gives them to the painter before.
            Event::Fonts(_) | Event::Thumb(..) => {}
            Event::SavedAs(path) => self.note = Some(format!("Saved as {}", path.display())),
            Event::History(past) => self.history = Fetched::There(past),
            Event::Trouble(problem) => self.trouble(problem),
        }
        Vec::new()
    }

    fn delivered(&mut self, delivery: Delivery) -> Vec<Command> {
        let path = match delivery {
            Delivery::Window => return Vec::new(),
            Delivery::Scene(path) => {
                self.open_scene(path.clone());
                path
            }
            Delivery::Handoff(handoff) => {
                let path = handoff.blend.clone();
                self.open_scene(path.clone());
                if let Some(scene) = &mut self.scene {
                    scene.choice = Choice::of_handoff(&handoff);
                    scene.handoff = Some(*handoff);
                }
                path
            }
        };
        vec![Command::OpenScene(path)]
    }

    fn scene_of(&mut self, path: &Path) -> Option<&mut OpenScene> {
        self.scene.as_mut().filter(|scene| scene.path == path)
    }

    fn scene_read(&mut self, path: &Path, read: Result<Arc<SceneRead>, Problem>) -> Vec<Command> {
        let Some(scene) = self.scene_of(path) else { return Vec::new() };
        if let Ok(read) = &read {
            scene.choice.settle(&read.inspection);
        } else {
            scene.trace = Fetched::Unasked;
        }
        // Of what was handed over only the user's own file is worth remembering, and it differs.
        let remembered = read.is_ok() && scene.handoff.is_none();
        scene.read.take(read);
        if !remembered {
            return Vec::new();
        }
        self.settings.remember(path);
        vec![Command::StoreSettings(Box::new(self.settings.clone()))]
    }

    fn is_shown(&self, key: u64) -> bool {
        self.renders.shown().is_some_and(|render| render.key == key)
    }

    fn render_ended(&mut self, key: u64, ended: Result<Box<Summary>, Problem>) -> Vec<Command> {
        let mut follow = vec![Command::LoadHistory];
        let shown = self.is_shown(key);
        let Some(render) = self.renders.get_mut(key) else { return follow };
        let picture = render.end(ended);
        if render.discarded {
            return self.discard(key);
        }
        let (title, text) = render.told();
        let looks = self.focused && self.screen == Screen::Render && shown;
        if !looks && render.phase.wants_attention() {
            self.note = Some(format!("{title}: {text}"));
        }
        if !self.focused && !self.settings.quiet {
            follow.push(Command::Notify { title, text });
        }
        follow.extend(picture.filter(|_| shown).map(|path| self.show_picture(path)));
        follow
    }

    /// Looks at another render.
    pub fn look_at(&mut self, key: u64) -> Option<Command> {
        self.renders.look_at(key);
        self.look_again()
    }

    /// Shows what the render that is looked at has to show.
    fn look_again(&mut self) -> Option<Command> {
        self.shown = None;
        self.beside = None;
        self.playing = None;
        let picture = self.renders.shown().and_then(Running::to_show)?;
        Some(self.show_picture(picture))
    }

    /// Takes a render off the list; one that runs is stopped first. What the farm keeps of one that
    /// is not finished is deleted.
    pub fn discard(&mut self, key: u64) -> Vec<Command> {
        let shown = self.is_shown(key);
        let Some(render) = self.renders.get_mut(key) else { return Vec::new() };
        if render.is_going() {
            render.discarded = true;
            render.stop();
            return vec![Command::Stop(key)];
        }
        let finished = matches!(render.phase, Phase::Done(_));
        let job = render.job.clone().filter(|_| !finished);
        self.renders.remove(key);
        let mut follow: Vec<Command> = job.map(Command::Delete).into_iter().collect();
        if shown {
            follow.extend(self.look_again());
        }
        follow
    }

    fn picture(&mut self, path: &Path, picture: &Result<Arc<Picture>, Problem>) {
        if let Some(problem) = picture.as_ref().err().filter(|_| is_noise(path)) {
            return self.no_noise(path, problem);
        }
        for shown in [&mut self.shown, &mut self.beside] {
            let Some(shown) = shown.as_mut().filter(|shown| shown.path == path) else { continue };
            let before = shown.picture.value().cloned();
            match (picture, before) {
                // A preview may be replaced in the moment in which it is read; the next one comes.
                (Err(_), Some(before)) if is_preview(path) => {
                    shown.picture = Fetched::There(before);
                }
                (picture, _) => {
                    self.pictures += 1;
                    shown.generation = self.pictures;
                    shown.picture.take(picture.clone());
                }
            }
        }
    }

    fn trouble(&mut self, problem: Problem) {
        if !self.troubles.contains(&problem) {
            self.troubles.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(path: &str, gray: u8) -> Event {
        let pixels = Arc::new(egui::ColorImage::filled([2, 2], egui::Color32::from_gray(gray)));
        Event::Picture(path.into(), Ok(Arc::new(Picture { pixels, pass: None })))
    }

    #[test]
    fn what_is_read_of_another_scene_is_not_shown() {
        let mut state = State::new(Settings::default());
        state.open_scene("/a.blend".into());
        state.open_scene("/b.blend".into());
        let late = Err(Problem::input("no .blend"));
        assert!(state.apply(Event::SceneRead("/a.blend".into(), late)).is_empty());
        assert!(state.scene.unwrap().read.is_pending());
    }

    #[test]
    fn a_broken_scene_is_not_remembered() {
        let mut state = State::new(Settings::default());
        state.open_scene("/a.blend".into());
        let follow =
            state.apply(Event::SceneRead("/a.blend".into(), Err(Problem::input("no .blend"))));
        assert!(follow.is_empty() && state.settings.recent.is_empty());
        assert_eq!(state.scene.unwrap().read.error().unwrap().message, "no .blend");
    }

    #[test]
    fn what_blender_hands_over_is_shown_as_it_is_there_and_not_remembered() {
        let mut state = State::new(Settings::default());
        let said = serde_json::json!({"format": 1, "blend": "a.blend", "frame": 4, "frame_start": 1,
            "frame_end": 9, "frame_step": 2, "animation": true, "scene": "Two", "camera": "Left",
            "view_layers": ["Front"], "original": "/home/ann/a.blend"});
        let said = serde_json::from_value(said).unwrap();
        let blend = PathBuf::from("/data/handoffs/1/a.blend");
        let handoff = Handoff { id: "1".to_owned(), blend: blend.clone(), said };
        let follow = state.apply(Event::Delivered(Delivery::Handoff(Box::new(handoff))));
        assert_eq!(follow, [Command::OpenScene(blend)]);
        let choice = &state.scene.as_ref().unwrap().choice;
        assert_eq!((choice.frames.as_str(), choice.camera.as_str()), ("1-9:2", "Left"));
        assert_eq!(choice.scene.as_deref(), Some("Two"));
        assert_eq!(
            (&choice.view_layers[..], choice.output.as_str()),
            (&["Front".to_owned()][..], "/home/ann/render")
        );
        assert!(state.settings.recent.is_empty() && !state.is_rendering());
    }

    #[test]
    fn the_old_picture_stays_until_the_next_one_is_there() {
        let mut state = State::new(Settings::default());
        assert_eq!(state.show_picture("/p.png".into()), Command::LoadPicture("/p.png".into()));
        state.apply(picture("/p.png", 1));
        state.show_picture("/q.png".into());
        assert!(state.shown.as_ref().unwrap().picture.value().is_some());
        state.apply(picture("/p.png", 2));
        assert_eq!(state.shown.as_ref().unwrap().generation, 1, "late ones are left out");
        state.apply(picture("/q.png", 3));
        assert_eq!(state.shown.as_ref().unwrap().generation, 2);
    }

    #[test]
    fn the_same_trouble_is_shown_once() {
        let mut state = State::new(Settings::default());
        for _ in 0..3 {
            state.apply(Event::Trouble(Problem::farm("no farm")));
        }
        assert_eq!(state.troubles.len(), 1);
    }
}
