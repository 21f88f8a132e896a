//! Which Blenders were tried out with known colours, and what that means for the work.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blendnet_protocol::{BlenderBuild, Parity};

use super::engine::{EngineSettings, Shared};
use crate::blender::find::Found;
use crate::blender::parity;

/// What Blenders made of known colours, as far as they were tried.
#[derive(Debug, Default)]
pub(super) struct Trials(Mutex<Vec<Parity>>);

impl Trials {
    fn lock(&self) -> MutexGuard<'_, Vec<Parity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, instead of what was known of that Blender.
    pub(super) fn add(&self, verdict: Parity) {
        let mut all = self.lock();
        all.retain(|known| known.path != verdict.path);
        all.push(verdict);
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Parity> {
        self.lock().clone()
    }

    /// Why nothing may be rendered with what is in use: one of it came out unfit since the start, or
    /// nothing is in use because all were known to be unfit.
    pub(super) fn unfit(&self, in_use: &[BlenderBuild]) -> Option<String> {
        let matters = |parity: &&Parity| {
            in_use.is_empty() || in_use.iter().any(|build| build.path == parity.path)
        };
        self.lock().iter().filter(matters).find_map(|parity| parity.unfit.clone())
    }

    /// Those that may render, and of these the ones that were not tried yet.
    pub(super) fn sort_out(&self, found: Vec<Found>, cache: &Path) -> (Vec<Found>, Vec<Found>) {
        let (mut fit, mut untried) = (Vec::new(), Vec::new());
        for found in found {
            let Some(verdict) = parity::known(cache, &found) else {
                untried.push(found.clone());
                fit.push(found);
                continue;
            };
            if verdict.unfit.is_none() {
                fit.push(found);
            }
            self.lock().push(verdict);
        }
        (fit, untried)
    }
}

/// Renders patches of known colours with one Blender after the other, beside the work.
pub(super) async fn try_out(shared: Arc<Shared>, untried: Vec<Found>, settings: EngineSettings) {
    let work = settings.dir.join("work");
    tokio::select! {
        () = tokio::time::sleep(settings.trial_delay) => {}
        () = shared.stopping.cancelled() => return,
    }
    for found in untried {
        let checked = tokio::select! {
            checked = parity::check(&found, &settings.agent_program, &work) => checked,
            () = shared.stopping.cancelled() => return,
        };
        let Some(verdict) = checked else { continue };
        tracing::info!(?verdict, "rendered known colours");
        parity::keep(&settings.cache, &found, &verdict);
        shared.trials.add(verdict);
        shared.changed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parity(path: &str, unfit: Option<&str>) -> Parity {
        Parity {
            version: "4.5.1".to_owned(),
            path: path.to_owned(),
            device: "CPU".to_owned(),
            pixel_samples_per_sec: 1,
            unfit: unfit.map(str::to_owned),
        }
    }

    fn build(path: &str) -> BlenderBuild {
        BlenderBuild { version: "4.5.1".to_owned(), path: path.to_owned(), is_module: false }
    }

    #[test]
    fn an_agent_wants_no_work_when_a_blender_in_use_is_unfit_or_none_is_left() {
        let trials = Trials(Mutex::new(vec![parity("/good", None), parity("/bad", Some("red"))]));
        assert_eq!(trials.unfit(&[build("/good"), build("/bad")]).as_deref(), Some("red"));
        assert_eq!(trials.unfit(&[build("/good")]), None, "the bad one is not used");
        assert_eq!(trials.unfit(&[]).as_deref(), Some("red"));
        assert_eq!(Trials::default().unfit(&[]), None, "there is just no Blender");
    }
}
