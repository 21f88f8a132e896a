//! A part in steps: each is stored while the next one is rendered.

use std::sync::Arc;
use std::time::Instant;

use blendnet_protocol::{
    Outcome, PartFile, Region, SampleRange, Timing, Work, WorkFailure, WorkId, WorkKind,
};
use tokio::task::JoinHandle;

use super::engine::Shared;
use super::failure;
use super::pace::{Pace, next_step};
use super::runner::{Rendered, Runner};
use super::steps::{self, Made, Product};
use super::store::{self, Clock};
use crate::blender::driver::Opened;

/// A step on its way into a blob.
pub(super) type Storing = JoinHandle<Result<Timing, WorkFailure>>;

/// What of a work is rendered in steps, and how often these are handed in; `None`: it is one step.
pub(super) fn in_steps(work: &Work) -> Option<(Region, f64)> {
    match work.kind {
        WorkKind::Part { region, margin_px: 0, .. } => Some((region, work.save_secs?)),
        _ => None,
    }
}

/// File name of a work's image, without its extension.
pub(super) fn frame_name(work: &Work) -> String {
    format!("{:04}", work.kind.frame().unwrap_or(0))
}

impl Runner {
    /// Renders the steps of a region in order of samples; no more of them when the machine is taken
    /// away.
    pub(super) async fn make_steps(
        &mut self,
        work: &Work,
        (region, save_secs): (Region, f64),
        opened: &Opened,
        mut clock: Clock,
        storing: &mut Vec<Storing>,
    ) -> Result<Rendered, WorkFailure> {
        let pixels = region.tile.pixel_count();
        let mut rest = Some(region.samples);
        while let Some(samples) = rest {
            if self.shared.leave.is_begun() {
                return Ok(Rendered::Left);
            }
            let (count, of) = (samples.sample_count(), (&work.scene, pixels));
            let step = next_step(self.pace.as_ref(), of, count, save_secs);
            let (samples, after) = samples.split_at(step.samples);
            self.shared.leave.begin_step(step.expected_secs);
            let made = self.step(work, samples, opened).await?;
            let region = Region { samples, ..region };
            storing.push(store_step(&self.shared, work, region, made, clock));
            clock = Clock { began: Instant::now(), load_secs: 0.0 };
            rest = after;
        }
        Ok(Rendered::InSteps)
    }

    async fn step(
        &mut self,
        work: &Work,
        samples: SampleRange,
        opened: &Opened,
    ) -> Result<Made, WorkFailure> {
        let shared = self.shared.clone();
        let mut work = work.clone();
        if let WorkKind::Part { region, .. } = &mut work.kind {
            region.samples = samples;
        }
        let mut watch = |glimpse| shared.progress(&work.id, glimpse);
        let warm = self.warm.as_mut().ok_or_else(|| failure::internal("no Blender is running"))?;
        let made = steps::make(warm, &work, opened, &shared.blobs, &mut watch).await?;
        shared.board().step_rendered(&work.id, samples.sample_count());
        self.note_pace(&work, &made);
        Ok(made)
    }

    /// Notes how fast a part was rendered.
    pub(super) fn note_pace(&mut self, work: &Work, made: &Made) {
        if let (WorkKind::Part { region, .. }, Product::Part { timing, .. }) =
            (&work.kind, &made.product)
        {
            let (pixels, samples) = (region.tile.pixel_count(), region.samples.sample_count());
            self.pace = Some(Pace::of(&work.scene, pixels, samples, timing.render_secs));
        }
    }
}

fn store_step(
    shared: &Arc<Shared>,
    work: &Work,
    region: Region,
    made: Made,
    clock: Clock,
) -> Storing {
    let (shared, id, name) = (shared.clone(), work.id.clone(), frame_name(work));
    shared.clone().background.spawn(async move {
        let storing = shared.storing.read().await;
        let stored = store::store(made, &name, clock, &shared.blobs).await?;
        let Outcome::Part { image, timing } = stored else {
            return Err(failure::internal("a step gave no part"));
        };
        let late = shared.step_stored(&id, PartFile { region, image, timing });
        drop(storing);
        shared.free(late).await;
        Ok(timing)
    })
}

/// Ends a work once all its steps are in its status.
pub(super) async fn end_steps(
    shared: &Shared,
    id: &WorkId,
    rendered: Result<Rendered, WorkFailure>,
    storing: Vec<Storing>,
    began: Instant,
) {
    let left = matches!(rendered, Ok(Rendered::Left));
    let mut ended = rendered.map(|_done| Timing::default());
    for step in storing {
        let stored = step.await.map_err(failure::internal).flatten();
        ended = ended.and_then(|sum| {
            stored.map(|step| Timing {
                load_secs: sum.load_secs + step.load_secs,
                render_secs: sum.render_secs + step.render_secs,
                total_secs: began.elapsed().as_secs_f64(),
            })
        });
    }
    if left && ended.is_ok() {
        return shared.give_back(id);
    }
    drop(shared.finish(id, ended.map(|timing| Outcome::Parts { timing })));
}
