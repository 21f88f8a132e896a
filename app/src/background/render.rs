//! The one render that runs, with the same workflow as the command line.

use blendnet_protocol::JobId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Outbox, Served};
use crate::gui::command::Order;
use crate::gui::event::Event;
use crate::workflow::event::{Events, Summary};
use crate::workflow::launch::{StartOptions, named_blender};
use crate::workflow::problem::Problem;
use crate::workflow::render::{self, Setting};

/// What the artist typed in, as far as only the disk can tell whether it is right.
fn checked(mut order: Order) -> Result<Order, Problem> {
    for blender in &mut order.start.blenders {
        *blender = named_blender(blender)?;
    }
    Ok(order)
}

/// At most one render at a time.
#[derive(Debug, Default)]
pub(super) struct Renders {
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Renders {
    /// Renders, unless a render runs.
    pub(super) fn render(&mut self, served: &Served, order: Order) {
        let data = served.data.clone();
        self.run(served, |events, stop| async move {
            let Order { request, start } = checked(order)?;
            let setting = Setting { data: &data, start: &start, events: &events, stop: &stop };
            render::render(&setting, &request).await
        });
    }

    /// Goes on with a render, unless one runs.
    pub(super) fn resume(&mut self, served: &Served, job: JobId, start: StartOptions) {
        let data = served.data.clone();
        self.run(served, |events, stop| async move {
            let setting = Setting { data: &data, start: &start, events: &events, stop: &stop };
            render::resume(&setting, Some(&job), None).await
        });
    }

    fn run<W, F>(&mut self, served: &Served, work: W)
    where
        W: FnOnce(Events, CancellationToken) -> F,
        F: Future<Output = Result<Summary, Problem>> + 'static,
    {
        if self.running.as_ref().is_some_and(|(_, task)| !task.is_finished()) {
            let problem = Problem::input("a render runs already").hint("stop it first");
            served.outbox.tell(Event::Trouble(problem));
            return;
        }
        let stop = CancellationToken::new();
        let (events, mut steps) = Events::channel();
        let outbox: Outbox = served.outbox.clone();
        let work = work(events, stop.clone());
        let task = tokio::task::spawn_local(async move {
            let forward = async {
                while let Some(step) = steps.recv().await {
                    outbox.tell(Event::Step(Box::new(step)));
                }
            };
            let (ended, ()) = tokio::join!(work, forward);
            outbox.tell(Event::RenderEnded(ended.map(Box::new)));
        });
        self.running = Some((stop, task));
    }

    /// Stops the render; what is rendered is kept.
    pub(super) fn stop(&self) {
        if let Some((stop, _)) = &self.running {
            stop.cancel();
        }
    }

    /// Stops the render and waits for it.
    pub(super) async fn end(self) {
        if let Some((stop, task)) = self.running {
            stop.cancel();
            drop(task.await);
        }
    }
}
