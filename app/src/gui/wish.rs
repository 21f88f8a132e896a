//! What the artist wants. Buttons, keys and drops make wishes; the app grants them all in one place.

use std::path::PathBuf;

use blendnet_protocol::{JobId, JobLimits};

use crate::gui::command::{Command, PlacesWish};
use crate::gui::redraft::Redraft;
use crate::gui::state::Screen;
use crate::workflow::history::Entry;
use crate::workflow::records::Record;

/// Something that the artist wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// See another screen.
    Go(Screen),
    /// Open a scene.
    Open(PathBuf),
    /// Look for the missing files there: their folder, or one of them.
    LookIn(PathBuf),
    /// Render the scene that is open.
    Render,
    /// Stop a render; what is rendered is kept.
    Stop(u64),
    /// Stop all renders; what is rendered is kept.
    StopAll,
    /// Go on with a render that was stopped.
    Resume(u64),
    /// Look at another render of this window.
    LookAt(u64),
    /// Take a render off the list; what the farm keeps of one that is not finished is deleted.
    Discard(u64),
    /// Delete what the farm keeps of a render of earlier.
    Delete(JobId),
    /// Read the last lines of an agent's log; of the same one again: no more.
    Log(String),
    /// Go on with a render of earlier.
    GoOn(Box<Record>),
    /// Look at a finished frame; `None`: at what is in work.
    Look(Option<i32>),
    /// Play the finished frames, or halt.
    Play,
    /// Have a small picture of a frame.
    Thumb(PathBuf),
    /// Finish a render with the samples that it has.
    Settle(u64),
    /// Let a render go before the others.
    First(u64),
    /// Write the limits of the render that is looked at anew; `None`: no more.
    Redraft(Option<Redraft>),
    /// Let a render that runs have these limits from now on.
    Limit(u64, JobLimits),
    /// Let a frame go before the others.
    FrameFirst(i32),
    /// Look at a picture.
    Show(PathBuf),
    /// Look at a picture of an older render.
    LookBack(Box<Entry>, PathBuf),
    /// Compare what is looked at with this picture; with the same one again, or none: no more.
    Compare(Option<PathBuf>),
    /// Compare an EXR with this pass of it; again: no more.
    ComparePass(PathBuf, String),
    /// See where the frame in work is noisy; again: no more.
    Noise,
    /// Look at the finished frame after this one, or before it.
    Step {
        /// After it.
        later: bool,
    },
    /// Save the picture that is shown under another name.
    SaveShown,
    /// Take back the last change of settings or of what to render.
    Undo,
    /// Change it again.
    Redo,
    /// Show which keys there are, or no more.
    Help,
    /// Find out where can be rendered, or change it.
    Places(PlacesWish),
    /// Keep changed settings.
    Settings,
    /// Light instead of dark, or back.
    OtherTheme,
    /// Put away a trouble, by its place.
    PutAway(usize),
    /// Close the window; a render is stopped first, and what is rendered kept.
    Close,
    /// Something for the background, as it is.
    Ask(Command),
}
