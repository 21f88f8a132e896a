//! `blendnet open`: the window, or what is handed over to the one that is open.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::farm::printed;
use super::printer::{print_json, print_lines};
use super::{Ending, exit};
use crate::gui;
use crate::workflow::data_dir::DataDir;
use crate::workflow::handoff::board::Standing;
use crate::workflow::handoff::client::Window;
use crate::workflow::handoff::door::{Claim, Order};
use crate::workflow::handoff::{FORMAT, Handoff, folder as folders};
use crate::workflow::problem::{Problem, ProblemKind};

/// How often a window is looked for, or asked how far it is with showing a scene.
const SOON: Duration = Duration::from_millis(30);
/// How often it is asked how far a render is.
const NOW_AND_THEN: Duration = Duration::from_millis(500);
/// Most lines of a window's log that are shown.
const LAST_LINES: usize = 8;

/// Options of `blendnet open`.
#[derive(Args, Debug, Default)]
pub(super) struct OpenArgs {
    /// The scene
    #[arg(value_name = "FILE.blend", conflicts_with = "handoff")]
    blend: Option<PathBuf>,
    /// A scene that Blender's add-on hands over; ends when the scene stands in the window
    #[arg(long, value_name = "HANDOFF.json")]
    handoff: Option<PathBuf>,
    /// Go on telling how far the render of that scene is, until the window or stdin is closed
    #[arg(long, requires = "handoff")]
    follow: bool,
}

/// Runs the command.
pub(super) fn run(args: &OpenArgs, data_dir: Option<&Path>, json: bool) -> Ending {
    let data = DataDir::open(data_dir)?;
    if let Some(handoff) = &args.handoff {
        let handoff = Handoff::read(handoff)?;
        return in_runtime(async {
            let window = hand_over(&data, &handoff).await?;
            follow(&window, &handoff.id, args.follow, &|now| tell(now, json)).await
        });
    }
    let scene = args.blend.as_ref().map(std::path::absolute).transpose();
    let scene = scene.map_err(|e| Problem::local_file(&e, ProblemKind::Input))?;
    // A window that ends while we knock leaves the place to us.
    loop {
        if let Some(claim) = Claim::take(&data)? {
            gui::check_display()?;
            return gui::run(data_dir, claim, scene).map(|()| exit::DONE);
        }
        let order = scene.clone().map_or(Order::Window, Order::Scene);
        if in_runtime(give(&data, &order))? {
            let said = "BlendNet is open already; its window shows it".to_owned();
            let shown = if json { print_json(&Standing::HandedOver) } else { print_lines(&[said]) };
            return printed(shown);
        }
    }
}

/// Makes a folder for a hand-over, and says where it is and what we understand.
pub(super) fn folder(data_dir: Option<&Path>) -> Ending {
    let folder = folders::make(&DataDir::open(data_dir)?)?;
    let version = env!("CARGO_PKG_VERSION");
    printed(print_json(&json!({"folder": folder, "format": FORMAT, "version": version})))
}

fn in_runtime<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    blendnet_net::init_crypto();
    let cant = |e: std::io::Error| Problem::farm(format!("this program can't start threads: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(cant)?.block_on(work)
}

/// Gives something to the window that is open; `false`: none is.
async fn give(data: &DataDir, order: &Order) -> Result<bool, Problem> {
    let Some(window) = Window::find(data).await? else { return Ok(false) };
    window.hand_over(order).await.map(|_id| true)
}

/// Hands a scene over, to a new window if none is open.
async fn hand_over(data: &DataDir, handoff: &Handoff) -> Result<Window, Problem> {
    let window = match Window::find(data).await? {
        Some(window) => window,
        None => start_window(data).await?,
    };
    let order = Order::Handoff(handoff.blend.with_file_name("handoff.json"));
    window.hand_over(&order).await?;
    Ok(window)
}

/// Tells how far a scene is: until it stands in the window, or, if `further`, its render too.
async fn follow(
    window: &Window,
    id: &str,
    further: bool,
    tell: &dyn Fn(&Standing) -> std::io::Result<()>,
) -> Ending {
    let closed = CancellationToken::new();
    if further {
        blendnet_net::parent::cancel_at_stdin_eof(closed.clone());
    }
    let mut told = None;
    loop {
        let now = window.standing(id).await?;
        if let Standing::Refused { message } = now {
            return Err(Problem::input(message));
        }
        let stands = now != Standing::HandedOver;
        if told.as_ref() != Some(&now) {
            printed(tell(&now))?;
            told = Some(now);
        }
        if stands && !further {
            return Ok(exit::DONE);
        }
        tokio::select! {
            () = tokio::time::sleep(if stands { NOW_AND_THEN } else { SOON }) => {}
            () = closed.cancelled() => return Ok(exit::DONE),
        }
    }
}

fn tell(now: &Standing, json: bool) -> std::io::Result<()> {
    if json {
        return print_json(now);
    }
    print_lines(&[match now {
        Standing::HandedOver => "the window has the scene".to_owned(),
        Standing::Shown => "the scene stands in the window".to_owned(),
        Standing::Refused { message } | Standing::Ended { message } => message.clone(),
        Standing::Rendering { done, .. } => format!("rendering, {}", crate::text::percent(*done)),
        Standing::Rendered { pictures, .. } => {
            format!("rendered: {}", crate::text::count(pictures.len(), "picture", "pictures"))
        }
    }])
}

/// Starts a window that stays when we end, and waits until it can be reached.
async fn start_window(data: &DataDir) -> Result<Window, Problem> {
    gui::check_display()?;
    let log = data.root().join("window.log");
    let mut window = spawn_window(data, &log)
        .map_err(|e| Problem::farm(format!("the window can't be started: {e}")))?;
    loop {
        if let Some(window) = Window::find(data).await? {
            return Ok(window);
        }
        if let Ok(Some(status)) = window.try_wait()
            && !status.success()
        {
            let said = fs_err::read_to_string(&log).unwrap_or_default();
            let mut lines: Vec<String> = said.lines().rev().map(str::to_owned).collect();
            lines.truncate(LAST_LINES);
            lines.reverse();
            return Err(Problem::farm("the window did not open").details(lines));
        }
        tokio::time::sleep(SOON).await;
    }
}

fn spawn_window(data: &DataDir, log: &Path) -> std::io::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    let log = fs_err::File::create(log)?.into_parts().0;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--data-dir").arg(data.root()).arg("open");
    // Its own group, so that Ctrl-C in Blender's terminal does not end it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()
}
