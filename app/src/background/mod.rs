//! What the window must not wait for: a tokio runtime on its own thread that takes
//! [`Command`]s and gives [`Event`]s.

mod exr;
mod farm;
mod files;
mod fonts;
mod notify;
mod pictures;
mod places;
mod render;
mod video;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::gui::command::{Command, picture_of_pass};
use crate::gui::event::{Event, Past};
use crate::settings::{self, Settings};
use crate::workflow::data_dir::DataDir;
use crate::workflow::handoff::board::Board;
use crate::workflow::handoff::door::{Claim, Door};
use crate::workflow::history;
use crate::workflow::problem::Problem;
use crate::workflow::records::Record;

/// Commands that may wait; a window sends a few a second at most.
const COMMANDS_WAITING: usize = 64;

/// The window's end of the background.
#[derive(Debug)]
pub struct Background {
    /// Takes commands.
    pub commands: mpsc::Sender<Command>,
    /// Gives events.
    pub events: std_mpsc::Receiver<Event>,
}

/// Gives events to the window, and wakes it.
#[derive(Clone)]
pub struct Outbox {
    events: std_mpsc::Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// What Blender may want to know, too.
    board: Board,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbox")
    }
}

impl Outbox {
    /// Tells the window; when there is none any more, nobody.
    pub fn tell(&self, event: Event) {
        match &event {
            Event::SceneRead(path, read) => self.board.read(path, read.as_ref().err()),
            Event::Step(key, step) => self.board.step(*key, step),
            Event::RenderEnded(key, ended) => self.board.render_ended(*key, ended.as_deref()),
            _ => {}
        }
        drop(self.events.send(event));
        (self.wake)();
    }
}

/// Starts the thread. `wake` is called after each event.
pub fn start(
    data_dir: Option<&Path>,
    claim: Claim,
    wake: impl Fn() + Send + Sync + 'static,
) -> Result<Background, Problem> {
    let data = DataDir::open(data_dir)?;
    let settings = settings::path(data_dir);
    let (commands, commanded) = mpsc::channel(COMMANDS_WAITING);
    let (sender, events) = std_mpsc::channel();
    let outbox = Outbox { events: sender, wake: Arc::new(wake), board: Board::default() };
    let cant = |e: std::io::Error| Problem::farm(format!("this program can't start threads: {e}"));
    let runtime = tokio::runtime::Runtime::new().map_err(cant)?;
    let thread = std::thread::Builder::new().name("background".to_owned());
    let run = move || {
        let local = tokio::task::LocalSet::new();
        let served = Served { data, settings, outbox, pictures: pictures::Pictures::default() };
        runtime.block_on(local.run_until(serve(served, claim, commanded)));
        runtime.shutdown_background();
    };
    // The thread ends when the window drops its end; nobody has to wait for it.
    drop(thread.spawn(run).map_err(cant)?);
    Ok(Background { commands, events })
}

/// What the commands work with.
#[derive(Clone, Debug)]
struct Served {
    data: DataDir,
    settings: PathBuf,
    outbox: Outbox,
    pictures: pictures::Pictures,
}

async fn serve(served: Served, claim: Claim, mut commands: mpsc::Receiver<Command>) {
    blendnet_net::init_crypto();
    drop(tokio::spawn(open_door(claim, served.outbox.clone())));
    let outbox = served.outbox.clone();
    drop(tokio::task::spawn_blocking(move || outbox.tell(Event::Fonts(fonts::load()))));
    let mut renders = render::Renders::default();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Render(key, order) => renders.render(&served, key, *order),
            Command::Resume(key, job, start) => renders.resume(&served, key, job, start),
            Command::Estimate(order) => renders.estimate(&served, order),
            Command::Stop(key) => renders.stop(key),
            other => drop(tokio::spawn(at_hand(served.clone(), other))),
        }
    }
    renders.end().await;
}

/// Takes what Blender and second windows hand over; open as long as this program runs.
async fn open_door(claim: Claim, outbox: Outbox) {
    match Door::put_up(claim).await {
        Ok(door) => {
            let board = outbox.board.clone();
            let deliver = move |delivery| outbox.tell(Event::Delivered(delivery));
            door.serve(board, deliver, CancellationToken::new()).await;
        }
        Err(problem) => outbox.tell(Event::Trouble(problem)),
    }
}

/// Commands that don't depend on each other.
async fn at_hand(served: Served, command: Command) {
    let outbox = &served.outbox;
    match command {
        Command::ChooseScene => files::choose_scene(outbox).await,
        Command::OpenScene(path) => files::read_scene(path, outbox).await,
        Command::Trace(path, moved) => files::trace_scene(path, moved, outbox).await,
        Command::Find(missing) => files::find(missing, outbox).await,
        Command::ChooseOutput(from) => files::choose_output(from, outbox).await,
        Command::LoadPicture(path) => served.pictures.show(path, outbox).await,
        Command::LoadAhead(paths) => served.pictures.load_ahead(paths).await,
        Command::LoadThumb(path) => files::load_thumb(path, outbox).await,
        Command::SaveVideo(pictures, fps) => video::save(pictures, fps, outbox).await,
        Command::LoadPass(path, pass) => files::load_pass(path, Some(pass), outbox).await,
        Command::LoadBeside(path, pass) => {
            let picture = picture_of_pass(&path, &pass);
            outbox.tell(Event::Picture(picture, files::load(&path, Some(pass)).await));
        }
        Command::LoadNoise(job, frame) => farm::noise(job, frame, &served).await,
        Command::OpenWithDesktop(path) => files::open_with_desktop(path, outbox).await,
        Command::SaveAs(path) => files::save_as(path, outbox).await,
        Command::LoadHistory => {
            let data = served.data.clone();
            let read = tokio::task::spawn_blocking(move || past(&data)).await;
            outbox.tell(Event::History(Box::new(read.unwrap_or_default())));
        }
        Command::StoreSettings(settings) => store(*settings, &served).await,
        Command::Delete(job) => farm::delete(job, &served).await,
        Command::Farm(wish) => farm::ask(wish, &served).await,
        Command::Places(wish) => places::ask(wish, &served).await,
        Command::Notify { title, text } => notify::tell(&title, &text).await,
        Command::Estimate(_) | Command::Render(..) | Command::Resume(..) | Command::Stop(_) => {}
    }
}

fn past(data: &DataDir) -> Past {
    let mut unfinished = Record::all(data);
    unfinished.retain(|record| !record.saved);
    Past { ended: history::all(data), unfinished }
}

async fn store(settings: Settings, served: &Served) {
    let path = served.settings.clone();
    let stored = tokio::task::spawn_blocking(move || settings.store(&path)).await;
    if let Ok(Err(problem)) = stored {
        served.outbox.tell(Event::Trouble(problem));
    }
}
