//! Running, stopping and removing tasks.

use crate::host::{RunProgress, TaskHost, TaskRun, TaskState};
use crate::paths::ClientPath;
use crate::store::{Tasks, check_name, now_secs};
use crate::task::{RunPlan, Task, TaskFile};
use blendnet_net::answer::ApiError;

impl<H: TaskHost> Tasks<H> {
    /// Runs a task; says what that meant.
    pub(crate) async fn run(&self, name: &str) -> Result<String, ApiError> {
        let entry = self.entry(name)?;
        let (mut task, _) = self.hold(&entry, name).await?;
        let (run, fresh) = match task.plan(self.host.is_manager())? {
            RunPlan::Active => return Ok(format!("task `{name}` is running already")),
            RunPlan::Done => {
                return Ok(format!("task `{name}` is completed, and nothing has changed since"));
            }
            RunPlan::Continue(run) => (run, false),
            RunPlan::Fresh(run) => (run, true),
        };
        self.check_can_run(&task)?;
        self.start(&mut task, run, fresh).await?;
        Ok(format!("task `{name}` {}", if fresh { "is started" } else { "goes on" }))
    }

    fn check_can_run(&self, task: &Task) -> Result<(), ApiError> {
        if self.host.terminating() {
            return Err(ApiError::unavailable("the server is shutting down and starts nothing")
                .hint("run the task again when the server is back"));
        }
        let gone = |file: &&TaskFile| !self.blobs.contains(&file.blob);
        if let Some((path, _)) = task.files.iter().find(|(_, file)| gone(file)) {
            return Err(ApiError::conflict(format!(
                "file `{}` of task `{}` is no longer on the server",
                path.as_str(),
                task.name
            ))
            .hint("upload it again, then run"));
        }
        Ok(())
    }

    /// The intent is stored before the host is asked, so that a crash leaves no run unknown.
    async fn start(&self, task: &mut Task, run: TaskRun, fresh: bool) -> Result<(), ApiError> {
        let before = task.clone();
        task.begin(run.clone(), fresh, now_secs());
        let started = match self.save(task).await {
            Ok(()) => self.host.start(run).await,
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            *task = before;
            self.save(task).await?;
            return Err(error);
        }
        if fresh && let Some(old) = &before.run {
            self.host.forget(&old.run_id).await;
        }
        Ok(())
    }

    /// Stops a task; one that does not run stays as it is.
    pub(crate) async fn stop(&self, name: &str) -> Result<String, ApiError> {
        let entry = self.entry(name)?;
        let (mut task, _) = self.hold(&entry, name).await?;
        let Some(run) = task.run.clone().filter(|_| task.state.is_active()) else {
            return Ok(format!("task `{name}` does not run"));
        };
        self.host.stop(&run.run_id).await?;
        let progress = self.host.progress(&run.run_id).await;
        task.observe(&progress, now_secs());
        if task.state.is_active() {
            task.observe(
                &RunProgress { state: TaskState::Stopped, ..RunProgress::default() },
                now_secs(),
            );
        }
        self.save(&task).await?;
        Ok(format!("task `{name}` is stopped; run it to go on"))
    }

    /// Removes a task and all that belongs to it.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), ApiError> {
        let entry = self.entry(name)?;
        let (mut task, _) = self.hold(&entry, name).await?;
        task.check_changeable()?;
        self.remove(&mut task).await?;
        if let Some(run) = &task.run {
            self.host.forget(&run.run_id).await;
        }
        Ok(())
    }

    /// An error unless a file may be uploaded to the task, which need not exist.
    pub(crate) async fn check_upload(&self, name: &str, path: &ClientPath) -> Result<(), ApiError> {
        check_name(name)?;
        let Ok((task, _)) = self.look(name).await else { return Ok(()) };
        task.check_changeable()?;
        if task.config.has_roots() {
            let place = task.config.roots().place(path);
            place.map_err(|error| ApiError::bad_request(error.to_string()))?;
        }
        Ok(())
    }
}
