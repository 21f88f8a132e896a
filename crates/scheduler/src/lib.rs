//! Decides what is rendered where.
//!
//! Pure: a [`Farm`] is plain data, [`Farm::apply`] takes one event, [`plan`] says what to do
//! next. The manager runs it on real time, the tests on virtual time.
//!
//! Architecture invariant: no clock, no I/O, no randomness, no async. The time is an argument.

mod apply;
mod budget;
mod collecting;
mod coverage;
mod event;
mod farm;
mod fleet;
mod frames;
mod job;
mod kept;
mod offer;
mod plan;
mod predict;
mod queue;
mod round;
mod saving;
mod seed;
mod settle;
mod size;
mod speed;
mod split;
mod unsaved;

pub use coverage::{Coverage, CoverageError};
pub use event::Event;
pub use farm::{Agent, AgentPhase, Assignment, Farm, Limits, MAX_FAILURES, Task};
pub use frames::Frames;
pub use job::{Frame, Job, JobPlan};
pub use offer::Offer;
pub use plan::{Action, plan};
pub use predict::{AgentCost, predict_secs};
pub use saving::{Lifetimes, SavingLimits};
pub use settle::SettleError;
pub use speed::Speed;
pub use split::{choose, grid};
pub use unsaved::{KeptFrame, Unsaved};

#[cfg(test)]
#[path = "tests/simulation.rs"]
mod simulation;
