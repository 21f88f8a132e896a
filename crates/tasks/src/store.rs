//! All tasks of a server: in memory, and one JSON file each that survives a restart.

use crate::host::{RunProgress, TaskHost};
use crate::task::{Task, TaskFile};
use blendnet_net::answer::ApiError;
use blendnet_net::blobs::BlobStore;
use blendnet_net::log::RecentLog;
use blendnet_net::secret::{create_private_dir, write_private};
use blendnet_protocol::BlobId;
use fs_err as fs;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

/// Longest task name in characters.
const MAX_NAME_CHARS: usize = 100;

/// Why the tasks of a server can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TasksError {
    /// The folder of the tasks.
    #[error("task folder can't be used")]
    Folder(#[source] std::io::Error),
}

type Entry = Arc<AsyncMutex<Task>>;

/// The tasks of a server, and what their REST surface needs.
pub struct Tasks<H> {
    pub(crate) host: H,
    pub(crate) blobs: BlobStore,
    pub(crate) log: RecentLog,
    /// The server's data folder, whose disk `GET status` tells of.
    pub(crate) data_dir: PathBuf,
    dir: PathBuf,
    entries: Mutex<BTreeMap<String, Entry>>,
    /// Blobs that each task needs, to be read while tasks are locked.
    held: AsyncMutex<BTreeMap<String, Vec<BlobId>>>,
    /// Blobs by the SHA-1 that old clients ask with; only ever a hint, never an identity.
    by_sha1: Mutex<HashMap<String, TaskFile>>,
    pub(crate) sha1_of_results: Mutex<HashMap<BlobId, String>>,
}

/// A lock whose holder panicked still guards valid data: each change is one assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn not_found(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no task `{name}`"))
        .hint("GET task lists all tasks; uploading a file or a config makes a new one")
}

pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count())
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
        && !matches!(name, "." | "..");
    if fits {
        return Ok(());
    }
    let shown: String = name.chars().take(MAX_NAME_CHARS).collect();
    Err(ApiError::bad_request(format!("`{}` can't be a task name", shown.escape_debug()))
        .hint("use 1 to 100 characters without `/`, `\\` and control characters"))
}

impl<H: TaskHost> Tasks<H> {
    /// Loads the tasks below `dir`, the server's data folder. Those that ran when the server
    /// ended are stopped, here and at the host.
    pub async fn open(
        dir: &Path,
        blobs: BlobStore,
        log: RecentLog,
        host: H,
    ) -> Result<Self, TasksError> {
        let tasks_dir = dir.join("tasks");
        create_private_dir(&tasks_dir)
            .map_err(|error| TasksError::Folder(std::io::Error::other(error)))?;
        let tasks = Self {
            host,
            blobs,
            log,
            data_dir: dir.to_owned(),
            entries: Mutex::default(),
            held: AsyncMutex::default(),
            by_sha1: Mutex::default(),
            sha1_of_results: Mutex::default(),
            dir: tasks_dir,
        };
        for mut task in tasks.load_all().map_err(TasksError::Folder)? {
            tasks.remember(&task);
            tasks.keep_blobs(&task).await;
            if task.state.is_active() {
                tasks.stop_left_over(&mut task).await;
            }
            lock(&tasks.entries).insert(task.name.clone(), Arc::new(AsyncMutex::new(task)));
        }
        Ok(tasks)
    }

    fn load_all(&self) -> std::io::Result<Vec<Task>> {
        let mut loaded = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match serde_json::from_slice::<Task>(&fs::read(&path)?) {
                Ok(task) => loaded.push(task),
                Err(error) => {
                    tracing::warn!("task file {} is left out: {error}", path.display());
                }
            }
        }
        Ok(loaded)
    }

    async fn stop_left_over(&self, task: &mut Task) {
        task.come_back(now_secs());
        if let Some(run) = &task.run
            && let Err(error) = self.host.stop(&run.run_id).await
        {
            tracing::warn!("run {} of before the restart: {}", run.run_id, error.message);
        }
        if let Err(error) = self.save(task).await {
            tracing::warn!("task `{}` is not saved: {}", task.name, error.message);
        }
    }

    /// Blobs that tasks need; a host that removes blobs leaves these.
    pub async fn blobs_in_use(&self) -> BTreeSet<BlobId> {
        self.held.lock().await.values().flatten().cloned().collect()
    }

    async fn keep_blobs(&self, task: &Task) {
        let blobs = task.blobs();
        self.held.lock().await.insert(task.name.clone(), blobs.clone());
        self.host.hold(&task.name, blobs);
    }

    fn all(&self) -> Vec<Entry> {
        lock(&self.entries).values().cloned().collect()
    }

    pub(crate) fn entry(&self, name: &str) -> Result<Entry, ApiError> {
        lock(&self.entries).get(name).cloned().ok_or_else(|| not_found(name))
    }

    /// The entry of a task; a new one where there is none.
    pub(crate) fn entry_or_new(&self, name: &str) -> Result<Entry, ApiError> {
        check_name(name)?;
        let new = || Arc::new(AsyncMutex::new(Task::new(name, now_secs())));
        Ok(lock(&self.entries).entry(name.to_owned()).or_insert_with(new).clone())
    }

    /// Changes a task, or a new one, and saves it; on an error it stays as it was.
    pub(crate) async fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Task) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        loop {
            let entry = self.entry_or_new(name)?;
            let mut task = entry.lock().await;
            if task.deleted {
                continue;
            }
            self.refresh(&mut task).await?;
            let mut changed = task.clone();
            let answer = change(&mut changed);
            let answer = match answer {
                Ok(answer) => self.save(&changed).await.map(|()| answer),
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => {
                    *task = changed;
                    return Ok(answer);
                }
                Err(error) => {
                    self.drop_if_empty(&mut task);
                    return Err(error);
                }
            }
        }
    }

    /// A task that only came into being for a request that failed.
    fn drop_if_empty(&self, task: &mut Task) {
        if !self.task_path(&task.name).exists() {
            task.deleted = true;
            lock(&self.entries).remove(&task.name);
        }
    }

    /// Forgets the task; who waits for it finds it deleted.
    pub(crate) async fn remove(&self, task: &mut Task) -> Result<(), ApiError> {
        match fs::remove_file(self.task_path(&task.name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(ApiError::internal(&error));
            }
            _ => {}
        }
        task.deleted = true;
        self.held.lock().await.remove(&task.name);
        self.host.hold(&task.name, Vec::new());
        lock(&self.entries).remove(&task.name);
        Ok(())
    }

    /// The task as it is now; holds it, so that nothing changes meanwhile.
    pub(crate) async fn hold<'a>(
        &self,
        entry: &'a Entry,
        name: &str,
    ) -> Result<(MutexGuard<'a, Task>, RunProgress), ApiError> {
        let mut task = entry.lock().await;
        if task.deleted {
            return Err(not_found(name));
        }
        let progress = self.refresh(&mut task).await?;
        Ok((task, progress))
    }

    /// A copy of the task as it is now.
    pub(crate) async fn look(&self, name: &str) -> Result<(Task, RunProgress), ApiError> {
        let entry = self.entry(name)?;
        let (task, progress) = self.hold(&entry, name).await?;
        Ok((task.clone(), progress))
    }

    /// Copies of all tasks as they are now.
    pub(crate) async fn look_at_all(&self) -> Result<Vec<(Task, RunProgress)>, ApiError> {
        let mut all = Vec::new();
        for entry in self.all() {
            let mut task = entry.lock().await;
            if !task.deleted {
                let progress = self.refresh(&mut task).await?;
                all.push((task.clone(), progress));
            }
        }
        Ok(all)
    }

    async fn refresh(&self, task: &mut Task) -> Result<RunProgress, ApiError> {
        let Some(run) = &task.run else { return Ok(RunProgress::default()) };
        let progress = self.host.progress(&run.run_id).await;
        if task.observe(&progress, now_secs()) {
            self.save(task).await?;
        }
        Ok(progress)
    }

    /// The file that a client means with a SHA-1, if it is here and has the announced size.
    pub(crate) fn known(&self, sha1: &str, size_bytes: u64) -> Option<TaskFile> {
        let file = lock(&self.by_sha1).get(sha1).cloned()?;
        (file.size_bytes == size_bytes && self.blobs.contains(&file.blob)).then_some(file)
    }

    pub(crate) fn learn(&self, file: &TaskFile) {
        if let Some(sha1) = &file.sha1 {
            lock(&self.by_sha1).insert(sha1.clone(), file.clone());
        }
    }

    fn remember(&self, task: &Task) {
        task.files.values().for_each(|file| self.learn(file));
    }

    /// Names are the client's, so the file is called by their hash.
    fn task_path(&self, name: &str) -> PathBuf {
        self.dir.join(hex::encode(Sha256::digest(name))).with_extension("json")
    }

    pub(crate) async fn save(&self, task: &Task) -> Result<(), ApiError> {
        self.keep_blobs(task).await;
        let path = self.task_path(&task.name);
        let json = serde_json::to_vec(task).map_err(|error| ApiError::internal(&error))?;
        let written = tokio::task::spawn_blocking(move || write_private(&path, &json)).await;
        written
            .map_err(|error| ApiError::internal(&error))?
            .map_err(|error| ApiError::internal(&error))
    }
}
