//! Keeps the newest view of the farm at hand, by asking the manager again and again in the
//! background.

use std::sync::Arc;
use std::time::{Duration, Instant};

use blendnet_protocol::FarmView;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::farm::Alive;
use super::manager::Manager;
use super::problem::Problem;

/// How long the manager may not answer before the farm counts as lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// Pause after a failed try.
const PAUSE: Duration = Duration::from_secs(1);

/// Least time between two answers: changes that come faster are seen together.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

type Seen = Option<Result<Arc<FarmView>, Problem>>;

/// Views of the farm, newest only. Ends its background work when dropped.
#[derive(Debug)]
pub struct Watch {
    seen: watch::Receiver<Seen>,
    task: AbortHandle,
}

impl Watch {
    /// Begins to watch.
    pub fn start(manager: Manager, alive: Alive) -> Self {
        let (sender, seen) = watch::channel(None);
        let task = tokio::spawn(poll(manager, alive, sender)).abort_handle();
        Self { seen, task }
    }

    /// The next view that was not returned before.
    pub async fn next(&mut self) -> Result<Arc<FarmView>, Problem> {
        if self.seen.changed().await.is_err() {
            return Err(Problem::farm("the farm is no longer watched"));
        }
        match &*self.seen.borrow_and_update() {
            Some(seen) => seen.clone(),
            None => Err(Problem::farm("the farm was not seen yet")),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn poll(manager: Manager, alive: Alive, sender: watch::Sender<Seen>) {
    let mut after = None;
    let mut answered = Instant::now();
    loop {
        let asked = match after {
            None => manager.farm().await,
            Some(generation) => manager.farm_after(generation).await,
        };
        match asked {
            Ok(view) => {
                answered = Instant::now();
                after = Some(view.generation);
                if sender.send(Some(Ok(Arc::new(view)))).is_err() {
                    return;
                }
                tokio::time::sleep(LEAST_INTERVAL).await;
            }
            Err(error) => {
                let lost = !error.is_transient() || answered.elapsed() > PATIENCE;
                if lost || !alive.is_alive() {
                    let problem = alive
                        .explain()
                        .unwrap_or_else(|| manager.problem("watching the farm", &error));
                    drop(sender.send(Some(Err(problem))));
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
