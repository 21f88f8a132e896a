//! The renders that go on, with the same workflow as the command line.

use std::collections::BTreeMap;
use std::sync::Arc;

use blendnet_protocol::JobId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Outbox, Served};
use crate::gui::command::Order;
use crate::gui::event::Event;
use crate::workflow::estimate;
use crate::workflow::event::{Events, Summary};
use crate::workflow::launch::{StartOptions, named_blender};
use crate::workflow::problem::Problem;
use crate::workflow::records::Record;
use crate::workflow::render::{self, Setting};

/// What the artist typed in, as far as only the disk can tell whether it is right.
pub(super) fn checked(mut order: Order) -> Result<Order, Problem> {
    for blender in &mut order.start.blenders {
        *blender = named_blender(blender)?;
    }
    Ok(order)
}

/// Renders by their keys. The farm shares its agents among them.
#[derive(Debug, Default)]
pub(super) struct Renders {
    running: BTreeMap<u64, (CancellationToken, JoinHandle<()>)>,
    estimating: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Renders {
    /// Renders.
    pub(super) fn render(&mut self, served: &Served, key: u64, order: Order) {
        let data = served.data.clone();
        served.outbox.board.render_begins(key, &order.request.blend);
        self.run(served, key, |events, stop| async move {
            let Order { request, start } = checked(order)?;
            let setting = Setting { data: &data, start: &start, events: &events, stop: &stop };
            render::render(&setting, &request).await
        });
    }

    /// Goes on with a render.
    pub(super) fn resume(&mut self, served: &Served, key: u64, job: JobId, start: StartOptions) {
        let data = served.data.clone();
        if let Some(record) = Record::load(&data, &job) {
            served.outbox.board.render_begins(key, &record.blend);
        }
        self.run(served, key, |events, stop| async move {
            let setting = Setting { data: &data, start: &start, events: &events, stop: &stop };
            render::resume(&setting, Some(&job), None).await
        });
    }

    fn run<W, F>(&mut self, served: &Served, key: u64, work: W)
    where
        W: FnOnce(Events, CancellationToken) -> F,
        F: Future<Output = Result<Summary, Problem>> + 'static,
    {
        self.running.retain(|_, (_, task)| !task.is_finished());
        let stop = CancellationToken::new();
        let (events, mut steps) = Events::channel();
        let outbox: Outbox = served.outbox.clone();
        let work = work(events, stop.clone());
        let task = tokio::task::spawn_local(async move {
            let forward = async {
                while let Some(step) = steps.recv().await {
                    outbox.tell(Event::Step(key, Box::new(step)));
                }
            };
            let (ended, ()) = tokio::join!(work, forward);
            outbox.tell(Event::RenderEnded(key, ended.map(Box::new)));
        });
        self.running.insert(key, (stop, task));
    }

    /// Says how long a render would take; the newest question is answered.
    pub(super) fn estimate(&mut self, served: &Served, order: Box<Order>) {
        let stop = CancellationToken::new();
        let (data, outbox) = (served.data.clone(), served.outbox.clone());
        let task = tokio::task::spawn_local({
            let stop = stop.clone();
            async move {
                let (events, _nobody) = Events::channel();
                let estimated = async {
                    let Order { request, start } = checked((*order).clone())?;
                    let setting =
                        Setting { data: &data, start: &start, events: &events, stop: &stop };
                    estimate::estimate(&setting, &request).await
                };
                let estimated = estimated.await.map(Arc::new);
                outbox.tell(Event::Estimated(order, estimated));
            }
        });
        if let Some((before, _)) = self.estimating.replace((stop, task)) {
            before.cancel();
        }
    }

    /// Stops a render; what is rendered is kept.
    pub(super) fn stop(&self, key: u64) {
        if let Some((stop, _)) = self.running.get(&key) {
            stop.cancel();
        }
    }

    /// Stops all renders and waits for them.
    pub(super) async fn end(self) {
        let all = || self.running.values().chain(&self.estimating);
        for (stop, _) in all() {
            stop.cancel();
        }
        for (_, task) in self.running.into_values().chain(self.estimating) {
            drop(task.await);
        }
    }
}
