//! The command line: reads arguments, runs one command, shows what it reports.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::workflow::data_dir::DataDir;
use crate::workflow::problem::Problem;

mod blender;
pub mod exit;
mod farm;
mod farm_args;
mod jobs;
mod limits;
mod moved;
mod open;
mod pack;
mod printer;
mod render;
mod room;
mod scene;
mod text;

/// Renders Blender scenes on a farm.
#[derive(Parser, Debug)]
#[command(name = "blendnet", version, after_help = "Without a command the window opens.")]
struct Cli {
    /// Folder for the farm's data [default: the user's data folder]
    #[arg(long, global = true, value_name = "DIR", env = "BLENDNET_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    /// Print JSON, one object a line, for scripts
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[command(flatten)]
    OnFarm(Box<OnFarm>),
    #[command(flatten)]
    OfScene(scene::SceneCommand),
    /// Open the window, with a scene in it; a window that is open already shows it
    Open(open::OpenArgs),
    /// Blenders of this computer: list, add, install
    #[command(subcommand)]
    Blender(blender::BlenderCommand),
    /// Make a folder for a scene that Blender's add-on hands over
    #[command(hide = true)]
    Handoff,
}

/// Commands that start or reach a farm.
#[derive(Subcommand, Debug)]
enum OnFarm {
    /// Render a .blend
    Render(render::RenderArgs),
    /// Say how long a render will take; a few samples of it are rendered
    Estimate(render::RenderArgs),
    /// Go on with a render that was stopped
    Resume(render::ResumeArgs),
    /// Keep a farm warm on this machine
    #[command(subcommand)]
    Farm(farm::FarmCommand),
    /// List, change, pause, finish or delete the jobs that the farm keeps
    Jobs {
        #[command(subcommand)]
        command: Option<jobs::JobsCommand>,
    },
}

/// What every command gets.
#[derive(Debug)]
struct Shared {
    data_dir: Option<PathBuf>,
    json: bool,
    /// Cancelled by the first Ctrl-C.
    soft: CancellationToken,
}

impl Shared {
    fn data_dir(&self) -> Result<DataDir, Problem> {
        DataDir::open(self.data_dir.as_deref())
    }
}

/// The exit code, or a problem that was not shown yet.
type Ending = Result<u8, Problem>;

/// Runs the command that `arguments`, with the program's name first, ask for. Gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, arguments.iter().any(|a| a == "--json")),
    };
    start_log();
    let Cli { data_dir, json, command } = cli;
    let command = match command {
        Some(Command::OnFarm(command)) => *command,
        Some(Command::OfScene(command)) => return ended(scene::run(&command, json), json),
        Some(Command::Open(args)) => {
            return ended(open::run(&args, data_dir.as_deref(), json), json);
        }
        Some(Command::Blender(command)) => {
            let data = DataDir::open(data_dir.as_deref());
            return ended(data.and_then(|data| blender::run(&command, &data, json)), json);
        }
        Some(Command::Handoff) => return ended(open::folder(data_dir.as_deref()), json),
        None => {
            let args = open::OpenArgs::default();
            return ended(open::run(&args, data_dir.as_deref(), json), json);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let problem = Problem::farm(format!("this program can't start threads: {error}"));
            printer::show_problem(&problem, json);
            return exit::FARM;
        }
    };
    let code = runtime.block_on(until_interrupted(command, data_dir, json));
    // A file that is being read must not hold up the end.
    runtime.shutdown_background();
    code
}

/// Runs the command; the second Ctrl-C ends it at once.
async fn until_interrupted(asked: OnFarm, data_dir: Option<PathBuf>, json: bool) -> u8 {
    blendnet_net::init_crypto();
    let (soft, hard) = blendnet_net::shutdown_signals();
    let shared = Shared { data_dir, json, soft };
    let ending = tokio::select! {
        ending = command(asked, &shared) => ending,
        () = hard.cancelled() => return exit::INTERRUPTED,
    };
    ended(ending, json)
}

/// The exit code; a problem is shown.
fn ended(ending: Ending, json: bool) -> u8 {
    match ending {
        Ok(code) => code,
        Err(problem) => {
            printer::show_problem(&problem, json);
            exit::code(problem.kind)
        }
    }
}

async fn command(command: OnFarm, shared: &Shared) -> Ending {
    match command {
        OnFarm::Render(args) => render::run(args, shared).await,
        OnFarm::Estimate(args) => render::estimate(args, shared).await,
        OnFarm::Resume(args) => render::resume(args, shared).await,
        OnFarm::Farm(command) => unless_stopped(farm::run(command, shared), shared).await,
        OnFarm::Jobs { command } => unless_stopped(jobs::run(command, shared), shared).await,
    }
}

/// Commands that have nothing to keep end with the first Ctrl-C.
async fn unless_stopped(ending: impl Future<Output = Ending>, shared: &Shared) -> Ending {
    tokio::select! {
        ending = ending => ending,
        () = shared.soft.cancelled() => Ok(exit::INTERRUPTED),
    }
}

/// Help and version are no errors; the rest is bad input.
fn refused(error: &clap::Error, json: bool) -> u8 {
    if error.use_stderr() && json {
        let rendered = error.to_string();
        let message = rendered.lines().next().unwrap_or_default();
        let problem = Problem::input(message.trim_start_matches("error: "))
            .hint("`blendnet --help` shows commands and options");
        printer::show_problem(&problem, true);
    } else {
        // Nobody may listen; the code says it too.
        drop(error.print());
    }
    if error.use_stderr() { exit::BAD_INPUT } else { exit::DONE }
}

/// Our own log is for developers: `RUST_LOG=blendnet_app=debug`.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_e| tracing_subscriber::EnvFilter::new("off"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    drop(log.try_init());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    fn run_line(line: &str) -> u8 {
        run(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn negative_frames_are_no_options() {
        assert!(parse("blendnet render a.blend --frames -5--3,1").is_ok());
    }

    #[test]
    fn wrong_options_are_bad_input() {
        for line in [
            "blendnet render",
            "blendnet render a.blend --samples 0",
            "blendnet render a.blend --samples 99999999999",
            "blendnet render a.blend --frames 5-1",
            "blendnet render a.blend --frames x",
            "blendnet render a.blend --agents 0",
            "blendnet render a.blend --split pixels",
            "blendnet render a.blend --nonsense",
            "blendnet resume ../../etc",
            "blendnet jobs delete a/b",
            "blendnet nonsense",
            "blendnet render a.blend --samples 0 --json",
        ] {
            assert_eq!(run_line(line), exit::BAD_INPUT, "{line}");
        }
    }

    #[test]
    fn help_and_version_succeed() {
        assert_eq!(run_line("blendnet --version"), exit::DONE);
        assert_eq!(run_line("blendnet render --help"), exit::DONE);
    }

    #[test]
    fn wrong_files_are_refused_before_a_farm_is_started() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let other = dir.path().join("page.blend");
        fs_err::write(&other, b"<html>").unwrap();
        for file in [&other, &dir.path().to_owned(), &dir.path().join("no.blend")] {
            let arguments = ["blendnet", "render", "--data-dir"].map(OsString::from);
            let rest = [data.clone().into_os_string(), file.clone().into_os_string()];
            assert_eq!(run(arguments.into_iter().chain(rest)), exit::BAD_INPUT);
        }
        assert!(!data.join("farm/farm.json").exists());
        assert!(!data.join("farm.log").exists(), "no manager was started");
    }

    #[test]
    fn a_blender_that_is_not_there_is_bad_input() {
        let line = "blendnet render a.blend --blender /no/such/blender --data-dir /no/such";
        assert_eq!(run_line(line), exit::BAD_INPUT);
    }
}
