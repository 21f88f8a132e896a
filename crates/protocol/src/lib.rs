//! Types that travel between the programs and into stored files.
//!
//! Architecture invariant: this crate does nothing. Constructors check what they are given;
//! there is no I/O, no clock and no decision here.

mod agent;
mod answer;
mod blender;
mod frames;
mod ids;
mod job;
mod lender;
mod path;
mod region;
mod scene;
mod scene_info;
mod work;

pub use agent::{
    AgentReport, BlenderBuild, Host, PairRequest, Parity, RoomMachine, SceneState, Unpaired,
};
pub use answer::{Answer, Done, VERSION};
pub use blender::{BlenderState, KeptBlender, platform};
pub use frames::{FrameSet, FrameSetError};
pub use ids::{AgentId, BlobId, IdError, JobId, SceneId, WorkId};
pub use job::{
    AgentState, AgentView, CostView, FarmView, FrameState, FrameView, JobLimits, JobSpec, JobState,
    JobView, Rendering, Split, SplitChoice, SplitPlan,
};
pub use lender::{Lender, LenderCheck, LenderSetting, LenderSettingKind, Verdict};
pub use path::{PackPath, PackPathError};
pub use region::{Region, RegionError, SampleRange, Tile};
pub use scene::{ADD_ONS, Manifest, ManifestFile, Overrides, SceneSpec};
pub use scene_info::{
    Adaptive, ExternalFile, FileKind, FilmRect, OutputFormat, SceneInfo, ViewLayerInfo,
};
pub use work::{
    FailureKind, Fault, Outcome, PartFile, Progress, ResultFile, Timing, Work, WorkFailure,
    WorkKind, WorkState, WorkStatus,
};
