//! What the background tells the window.

use std::path::PathBuf;
use std::sync::Arc;

use blendnet_net::discovery::Found;
use blendnet_pack::inspect::{Inspection, Thumbnail};
use blendnet_pack::trace::Trace;
use blendnet_protocol::{FarmView, JobId, Lender, LenderCheck, RoomMachine};

use super::command::Order;
use super::fonts::Font;
use super::linear::Linear;
use crate::workflow::estimate::Estimate;
use crate::workflow::event::{Event as Step, Summary};
use crate::workflow::handoff::door::Delivery;
use crate::workflow::history::Entry;
use crate::workflow::problem::Problem;
use crate::workflow::records::Record;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The artist chose a .blend, which is being read.
    SceneChosen(PathBuf),
    /// Blender, or a second window, handed something over to be shown.
    Delivered(Delivery),
    /// A .blend was read.
    SceneRead(PathBuf, Result<Arc<SceneRead>, Problem>),
    /// The files that a .blend needs are known.
    SceneTraced(PathBuf, Result<Arc<Trace>, Problem>),
    /// The artist showed where a missing file is.
    Found {
        /// Where it should be.
        missing: PathBuf,
        /// Where it is.
        file: PathBuf,
    },
    /// The artist chose the folder of the pictures.
    OutputChosen(PathBuf),
    /// How long a render will take, or why that can't be said.
    Estimated(Box<Order>, Result<Arc<Estimate>, Problem>),
    /// A step of the render with this key.
    Step(u64, Box<Step>),
    /// The render with this key ended.
    RenderEnded(u64, Result<Box<Summary>, Problem>),
    /// A job was deleted.
    Deleted(JobId),
    /// The last lines of an agent's log, or why they did not come.
    Log(String, Result<Vec<String>, Problem>),
    /// Something of the places where can be rendered.
    Places(PlacesEvent),
    /// A picture was loaded, or can't be.
    Picture(PathBuf, Result<Arc<Picture>, Problem>),
    /// A small picture was loaded, or can't be.
    Thumb(PathBuf, Option<egui::ColorImage>),
    /// A picture was saved where the artist wanted it.
    SavedAs(PathBuf),
    /// The renders that were made.
    History(Box<Past>),
    /// Fonts with more letters were read.
    Fonts(Vec<Font>),
    /// Something went wrong that belongs to no screen.
    Trouble(Problem),
}

/// Something of the places where can be rendered.
#[derive(Clone, Debug)]
pub enum PlacesEvent {
    /// Which there are, and what runs.
    Seen(Result<Box<Places>, Problem>),
    /// Who tells of itself in the room.
    Around(Result<Vec<Found>, Problem>),
    /// Whether a lender would launch something, told `NAME=VALUE`.
    Checked(String, Vec<String>, Result<Vec<LenderCheck>, Problem>),
    /// A machine of the room renders for this farm now, or why not.
    Paired(Result<RoomMachine, Problem>),
    /// A machine of the room was let go of; what to know of that.
    Unpaired(Result<Option<String>, Problem>),
    /// The farm that ran has ended.
    Ended,
}

/// Where can be rendered, and what runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    /// Who lends machines.
    pub lenders: Vec<Lender>,
    /// Machines of the room that are paired.
    pub room: Vec<RoomMachine>,
    /// The farm, if one runs.
    pub farm: Option<FarmView>,
}

/// Renders of earlier, and those that wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Those that came to their end, newest first.
    pub ended: Vec<Entry>,
    /// Those that were stopped, or not saved.
    pub unfinished: Vec<Record>,
}

/// What is in a .blend.
#[derive(Debug)]
pub struct SceneRead {
    /// Its scenes and settings.
    pub inspection: Inspection,
    /// Its small picture, if it has one.
    pub thumbnail: Option<Thumbnail>,
}

/// Pixels, ready to be shown.
#[derive(Debug, PartialEq)]
pub struct Picture {
    /// What is drawn.
    pub pixels: Arc<egui::ColorImage>,
    /// Of an EXR: its passes, and the values of the one that is drawn.
    pub pass: Option<Pass>,
}

/// A pass of an EXR.
#[derive(Debug, PartialEq)]
pub struct Pass {
    /// Such as `ViewLayer.Combined`.
    pub name: String,
    /// All passes of the file.
    pub all: Vec<String>,
    /// Its values.
    pub linear: Linear,
}
