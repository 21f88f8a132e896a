//! `blendnet render` and `blendnet resume`.

use std::path::PathBuf;
use std::pin::Pin;

use blendnet_protocol::{FrameSet, JobId, Overrides, SplitChoice};
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::farm::printed;
use super::farm_args::FarmArgs;
use super::limits::LimitArgs;
use super::moved::MovedArgs;
use super::printer::{Printer, print_json, print_lines};
use super::{Ending, Shared};
use crate::workflow::add_ons::AddOn;
use crate::workflow::estimate::{self, Estimate};
use crate::workflow::event::{Event, Events, Summary};
use crate::workflow::launch::StartOptions;
use crate::workflow::problem::Problem;
use crate::workflow::render::{self, Setting};
use crate::workflow::submit::Request;

/// Most samples that Cycles takes.
const MAX_SAMPLES: i64 = 1 << 24;

/// Arguments of `blendnet render`.
#[derive(Args, Debug)]
pub(super) struct RenderArgs {
    /// The scene to render
    #[arg(value_name = "FILE.blend")]
    file: PathBuf,
    /// Frames, such as 1-10,20 or 1-100:2 [default: the scene's current frame]
    #[arg(long, value_name = "FRAMES", allow_hyphen_values = true)]
    frames: Option<FrameSet>,
    /// Cycles samples of each frame [default: the scene's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_SAMPLES))]
    samples: Option<u32>,
    /// Folder for the pictures
    #[arg(long, short, value_name = "DIR", default_value = "render")]
    output: PathBuf,
    /// Scene to render [default: the one that was open when the file was saved]
    #[arg(long, value_name = "NAME")]
    scene: Option<String>,
    /// Camera to render with; markers that switch cameras are then ignored
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// View layer to render; may be given several times [default: as in the scene]
    #[arg(long = "view-layer", value_name = "NAME")]
    view_layers: Vec<String>,
    /// How to split a frame that several agents render together
    #[arg(long, value_enum, default_value_t = SplitArg::Auto)]
    split: SplitArg,
    /// Add-on that the render needs: a folder, a .py file, or the module of one that is installed in
    /// Blender here; may be given several times
    #[arg(long = "add-on", value_name = "ADD-ON")]
    add_ons: Vec<String>,
    /// Render although files that the scene needs are missing
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    moved: MovedArgs,
    #[command(flatten)]
    farm: FarmArgs,
}

/// Arguments of `blendnet resume`.
#[derive(Args, Debug)]
pub(super) struct ResumeArgs {
    /// The job to go on with [default: the paused one]
    #[arg(value_name = "JOB")]
    job: Option<JobId>,
    /// Folder for the pictures [default: as the job was started with]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    farm: FarmArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitArg {
    /// As suits the scene
    Auto,
    /// Every agent renders some samples of all pixels
    Samples,
    /// Every agent renders all samples of some pixels
    Tiles,
    /// Not at all: every frame is rendered by one agent
    Frames,
}

impl From<SplitArg> for SplitChoice {
    fn from(split: SplitArg) -> Self {
        match split {
            SplitArg::Auto => Self::Auto,
            SplitArg::Samples => Self::Samples,
            SplitArg::Tiles => Self::Tiles,
            SplitArg::Frames => Self::Frames,
        }
    }
}

/// What the arguments ask for.
fn order(args: RenderArgs) -> Result<(Request, StartOptions), Problem> {
    let start = args.farm.start_options()?;
    let add_ons =
        args.add_ons.iter().map(|given| AddOn::find(given)).collect::<Result<Vec<_>, _>>()?;
    let request = Request {
        blend: args.file,
        output: args.output,
        overrides: Overrides {
            scene: args.scene,
            camera: args.camera,
            view_layers: args.view_layers,
            samples: args.samples,
            seed: None,
            compositor: None,
            add_ons: Vec::new(),
        },
        add_ons,
        frames: args.frames,
        split: args.split.into(),
        priority: args.limits.priority().unwrap_or(0),
        limits: args.limits.limits(),
        max_agents: args.farm.agents(),
        allow_missing: args.allow_missing,
        moved: args.moved.moved(),
        estimated_secs: None,
    };
    Ok((request, start))
}

/// Renders a .blend.
pub(super) async fn run(args: RenderArgs, shared: &Shared) -> Ending {
    let farm = args.farm.clone();
    let (request, start) = order(args)?;
    let data = shared.data_dir()?;
    let (events, receiver) = Events::channel();
    let stop = shared.soft.child_token();
    let setting = Setting { data: &data, start: &start, events: &events, stop: &stop };
    let work = async {
        farm.warn_if_ignored(&data, &events).await;
        render::render(&setting, &request).await
    };
    show(Box::pin(work), receiver, &stop, shared.json).await
}

/// Says how long a render will take.
pub(super) async fn estimate(args: RenderArgs, shared: &Shared) -> Ending {
    let (request, start) = order(args)?;
    let data = shared.data_dir()?;
    // What is sent and started is no news to somebody who only asks.
    let (events, receiver) = Events::channel();
    drop(receiver);
    let stop = shared.soft.child_token();
    let setting = Setting { data: &data, start: &start, events: &events, stop: &stop };
    let estimate = estimate::estimate(&setting, &request).await?;
    if shared.json {
        return printed(print_json(&Told {
            usd_micros: start.usd_micros_per_hour.map(|price| estimate.usd_micros(price)),
            estimate: &estimate,
        }));
    }
    printed(print_lines(&super::text::estimate(&estimate, start.usd_micros_per_hour)))
}

/// An estimate for scripts.
#[derive(serde::Serialize)]
struct Told<'e> {
    #[serde(flatten)]
    estimate: &'e Estimate,
    /// What it will most likely cost, in millionths of a dollar; without a price: `null`.
    usd_micros: Option<u64>,
}

/// Goes on with a job.
pub(super) async fn resume(args: ResumeArgs, shared: &Shared) -> Ending {
    let start = args.farm.start_options()?;
    let data = shared.data_dir()?;
    let (events, receiver) = Events::channel();
    let stop = shared.soft.child_token();
    let setting = Setting { data: &data, start: &start, events: &events, stop: &stop };
    let work = render::resume(&setting, args.job.as_ref(), args.output.as_deref());
    show(Box::pin(work), receiver, &stop, shared.json).await
}

/// Runs `work` and shows its events. When nobody reads them any more, it is stopped as by Ctrl-C.
async fn show(
    mut work: Pin<Box<impl Future<Output = Result<Summary, Problem>>>>,
    mut events: tokio::sync::mpsc::Receiver<Event>,
    stop: &CancellationToken,
    json: bool,
) -> Ending {
    let mut printer = Printer::new(json);
    let mut heard = true;
    let mut show = |printer: &mut Printer, event: &Event| {
        if heard && printer.show(event).is_err() {
            heard = false;
            stop.cancel();
        }
    };
    let result = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => show(&mut printer, &event),
            result = &mut work => break result,
        }
    };
    while let Ok(event) = events.try_recv() {
        show(&mut printer, &event);
    }
    match result {
        Ok(_) => Ok(super::exit::DONE),
        Err(problem) => {
            printer.problem(&problem);
            Ok(super::exit::code(problem.kind))
        }
    }
}
