//! A simulated instance with its agent: arithmetic instead of Blender.

use blendnet_protocol::{Region, SampleRange};
use blendnet_scheduler::{Assignment, Offer, Task};
use std::collections::VecDeque;

/// What rendering takes on an instance of speed 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    /// A sample of all pixels.
    pub(crate) sample_secs: f64,
    /// Every call of Blender, whatever it renders.
    pub(crate) call_secs: f64,
    /// The first call for a scene.
    pub(crate) load_secs: f64,
    /// Handing in and merging a part.
    pub(crate) hand_in_secs: f64,
    /// Denoising and composing a frame.
    pub(crate) finish_secs: f64,
    /// Samples of a frame.
    pub(crate) samples: u32,
}

/// What is being done.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) assignment: Assignment,
    pub(crate) save_secs: Option<f64>,
    /// Of a part: what is not rendered yet.
    pub(crate) rest: Option<SampleRange>,
    /// Seconds of rendering so far, loading left out.
    pub(crate) rendered_secs: f64,
}

/// A call of Blender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) samples: Option<SampleRange>,
    pub(crate) secs: f64,
    pub(crate) load_secs: f64,
}

/// An instance.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) offer: Option<Offer>,
    pub(crate) speed: f64,
    /// Billed until `paid_until`, in millionths of a dollar.
    pub(crate) owed: f64,
    pub(crate) paid_until: f64,
    pub(crate) up: Option<f64>,
    pub(crate) warm: bool,
    pub(crate) queue: VecDeque<(Assignment, Option<f64>)>,
    pub(crate) current: Option<Current>,
    pub(crate) step: Option<Step>,
    /// Changes with every step, so that the end of a stopped one is known as such.
    pub(crate) epoch: u64,
    /// It was told that it is taken away.
    pub(crate) leaving: bool,
    /// It is ended and only waits for that.
    pub(crate) ending: bool,
    /// When it last handed something in.
    pub(crate) last_saved: Option<f64>,
}

impl Instance {
    /// Takes the next work of the queue, if it does nothing.
    pub(crate) fn begin(&mut self) {
        if self.current.is_some() || self.up.is_none() || self.leaving || self.ending {
            return;
        }
        let Some((assignment, save_secs)) = self.queue.pop_front() else { return };
        let rest = match assignment.task {
            Task::Part { region, .. } => Some(region.samples),
            _ => None,
        };
        self.current = Some(Current { assignment, save_secs, rest, rendered_secs: 0.0 });
    }

    /// The next call of Blender for what it does.
    pub(crate) fn next_step(&mut self, costs: &Costs) -> Option<Step> {
        let current = self.current.as_ref()?;
        let load_secs = if self.warm { 0.0 } else { costs.load_secs };
        self.warm = true;
        let each = costs.sample_secs / self.speed;
        let (samples, secs) = match (current.assignment.task, current.rest) {
            (Task::Part { region, .. }, Some(rest)) => {
                let share = region.tile.pixel_count() as f64 / FULL_PX;
                let fits = current.save_secs.map_or(u32::MAX, |secs| {
                    ((secs - costs.call_secs) / (each * share)).max(1.0) as u32
                });
                let (now, _) = rest.split_at(fits);
                (Some(now), costs.call_secs + f64::from(now.sample_count()) * each * share)
            }
            (Task::Whole { .. }, _) => {
                let finish = costs.finish_secs / self.speed;
                (None, costs.call_secs + f64::from(costs.samples) * each + finish)
            }
            (Task::Finish { .. }, _) => (None, costs.finish_secs / self.speed),
            _ => (None, 1.0),
        };
        self.epoch += 1;
        let step = Step { samples, secs, load_secs };
        self.step = Some(step);
        Some(step)
    }

    /// The step has ended: the region that is rendered, and whether the work is done.
    pub(crate) fn step_done(&mut self) -> Option<(Current, Option<Region>, bool)> {
        let step = self.step.take()?;
        let current = self.current.as_mut()?;
        current.rendered_secs += step.secs;
        let mut region = None;
        let mut done = true;
        if let (Task::Part { region: whole, .. }, Some(samples), Some(rest)) =
            (current.assignment.task, step.samples, current.rest)
        {
            region = Some(Region { samples, ..whole });
            current.rest = SampleRange::new(samples.end(), rest.end()).ok();
            done = current.rest.is_none();
        }
        let now = current.clone();
        if done {
            self.current = None;
        }
        Some((now, region, done))
    }
}

/// Width and height of simulated frames.
pub(crate) const SIZE_PX: (u32, u32) = (640, 360);
const FULL_PX: f64 = 640.0 * 360.0;
