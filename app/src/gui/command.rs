//! What the window asks the background to do.

use std::path::{Path, PathBuf};

use blendnet_protocol::{AgentId, JobId, JobLimits, PairRequest};

use crate::settings::Settings;
use crate::workflow::launch::StartOptions;
use crate::workflow::scene_files::Moved;
use crate::workflow::submit::Request;

/// A wish of the artist. Buttons, keys and tests send the same ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask which .blend to open.
    ChooseScene,
    /// Read a .blend.
    OpenScene(PathBuf),
    /// Find the files of a .blend once more, knowing where some of them are.
    Trace(PathBuf, Moved),
    /// Ask where a missing file is.
    Find(PathBuf),
    /// Ask for the folder of the pictures; the dialog begins at this one.
    ChooseOutput(PathBuf),
    /// Say how long a render would take.
    Estimate(Box<Order>),
    /// Render; the key names it in what is told of it.
    Render(u64, Box<Order>),
    /// Go on with a render that was stopped.
    Resume(u64, JobId, StartOptions),
    /// Stop a render; what is rendered is kept.
    Stop(u64),
    /// Delete a job that does not run, with all that the farm keeps of it.
    Delete(JobId),
    /// Ask something of the farm that runs.
    Farm(FarmWish),
    /// Find out where can be rendered, or change it.
    Places(PlacesWish),
    /// Tell the artist, wherever they look.
    Notify {
        /// What happened.
        title: String,
        /// To what.
        text: String,
    },
    /// Load a picture to look at.
    LoadPicture(PathBuf),
    /// Load a picture and keep it at hand: it is soon looked at.
    LoadAhead(Vec<PathBuf>),
    /// Load a small picture of a picture.
    LoadThumb(PathBuf),
    /// Ask where to, and make a video of pictures, so many a second.
    SaveVideo(Vec<PathBuf>, f64),
    /// Load a pass of an EXR to look at, by its full name.
    LoadPass(PathBuf, String),
    /// Load a pass of an EXR to compare with; it comes as [`picture_of_pass`].
    LoadBeside(PathBuf, String),
    /// Load the noise map of a frame in work; it comes as [`super::noise::noise_picture`].
    LoadNoise(JobId, i32),
    /// Open a file or folder with the program that the desktop has for it.
    OpenWithDesktop(PathBuf),
    /// Ask where to, and save a picture there; the ending chooses the format.
    SaveAs(PathBuf),
    /// Read the renders that were made.
    LoadHistory,
    /// Keep the settings.
    StoreSettings(Box<Settings>),
}

/// What a pass that is compared with is called among the pictures: as if it lay in its EXR.
pub fn picture_of_pass(path: &Path, pass: &str) -> PathBuf {
    path.join(pass)
}

/// Something of the places where can be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacesWish {
    /// Which there are, and what runs.
    Look,
    /// Who tells of itself in the room.
    LookAround,
    /// Whether a lender would launch something, told `NAME=VALUE`.
    Check(String, Vec<String>),
    /// Let a machine of the room render for this farm.
    Pair(PairRequest),
    /// Let go of a machine of the room.
    Unpair(AgentId),
    /// End the farm that runs, for everybody.
    End,
}

/// Something that is asked of the farm that runs.
#[derive(Clone, Debug, PartialEq)]
pub enum FarmWish {
    /// So many agents on this computer.
    Agents(u32),
    /// The last lines of an agent's log.
    Log(String),
    /// Good enough: finish every frame that was begun with the samples that it has.
    Settle(JobId),
    /// A job has these limits from now on.
    Limit(JobId, JobLimits),
    /// Jobs with a larger one come first.
    Priority(JobId, i32),
    /// This frame before the others.
    FrameFirst(JobId, i32),
}

/// What to render, and on what.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The scene and what to change in it.
    pub request: Request,
    /// How to start a farm, if none runs.
    pub start: StartOptions,
}

impl Order {
    /// Whether both are done by the same work. What a render has to keep has nothing to do with how
    /// fast its scene is, nor has what agents cost; and a deadline moves with the clock.
    pub fn is_same_work(&self, other: &Self) -> bool {
        let mut other = other.clone();
        other.request.limits = self.request.limits;
        other.start.usd_micros_per_hour = self.start.usd_micros_per_hour;
        *self == other
    }
}
