//! What the window asks the background to do.

use std::path::PathBuf;

use blendnet_protocol::JobId;

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
    /// Render.
    Render(Box<Order>),
    /// Go on with a render that was stopped.
    Resume(JobId, StartOptions),
    /// Stop the render; what is rendered is kept.
    Stop,
    /// Load a picture to look at.
    LoadPicture(PathBuf),
    /// Load a pass of an EXR to look at, by its full name.
    LoadPass(PathBuf, String),
    /// Open a file or folder with the program that the desktop has for it.
    OpenWithDesktop(PathBuf),
    /// Ask where to, and save a picture there; the ending chooses the format.
    SaveAs(PathBuf),
    /// Read the renders that were made.
    LoadHistory,
    /// Keep the settings.
    StoreSettings(Box<Settings>),
}

/// What to render, and on what.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The scene and what to change in it.
    pub request: Request,
    /// How to start a farm, if none runs.
    pub start: StartOptions,
}
