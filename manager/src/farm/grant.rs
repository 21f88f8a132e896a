//! Grants what people and programs ask for, or says why not.

use super::execute::Deed;
use super::holds;
use super::owner::Owner;
use super::record::{JobFolder, JobRecord};
use super::request::{FarmError, Request};
use crate::reconcile::AgentLink;
use crate::store::{Change, SavedAgent};
use blendnet_protocol::{AgentId, BlobId, FileKind, JobId, JobSpec, JobState, JobView, Manifest};
use blendnet_scheduler::{Event, Job};
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

impl Owner {
    pub(crate) fn grant(&mut self, request: Request) -> Result<Option<JobView>, FarmError> {
        if self.is_ending() {
            return Err(FarmError::Ended);
        }
        match request {
            Request::Submit { spec, id } => self.submit(*spec, id),
            Request::Files(id, manifest) => self.set_files(&id, manifest),
            Request::Run(id) => self.run_job(&id),
            Request::Stop(id) => {
                self.job_state(&id)?;
                self.apply(Event::JobStop(id.clone()));
                self.answer(&id)
            }
            Request::Settle(id) => self.settle(&id),
            Request::Priority(id, priority) => self.set_priority(&id, priority),
            Request::Limits(id, limits) => self.set_limits(&id, limits),
            Request::Frame(id, frame, wish) => self.frame_wish(&id, frame, wish),
            Request::Delete(id) => self.delete(&id),
            Request::AddAgent { agent, address, password, ca_pem } => {
                self.add_agent(agent, (address, password, ca_pem))
            }
            Request::RemoveAgent(agent) => {
                if !self.farm.agents.contains_key(&agent) {
                    return Err(FarmError::UnknownAgent(agent));
                }
                self.end_agent(&agent);
                Ok(None)
            }
            Request::LaunchedAgents(count) => {
                if count > 1024 {
                    return Err(FarmError::Invalid(format!("{count} agents are more than 1024")));
                }
                self.apply(Event::LaunchedAgents(count));
                Ok(None)
            }
            Request::Shutdown { when_idle } => {
                self.end_when_idle = true;
                self.context.released.cancel();
                if !when_idle {
                    self.context.shutdown.cancel();
                }
                Ok(None)
            }
        }
    }

    fn add_agent(
        &mut self,
        agent: AgentId,
        endpoint: (String, String, Option<String>),
    ) -> Result<Option<JobView>, FarmError> {
        if self.farm.agents.get(&agent).is_some_and(|agent| agent.launched) {
            return Err(FarmError::Invalid(format!(
                "agent `{agent}` was launched by the farm; choose another name"
            )));
        }
        if self.links.get(&agent).is_some_and(|old| old.endpoint.as_ref() == Some(&endpoint)) {
            // Remembered from before, or said twice.
            return Ok(None);
        }
        if let Some(old) = self.links.remove(&agent) {
            old.end();
            self.apply(Event::AgentEnded(agent.clone(), None));
        }
        let (address, password, ca_pem) = endpoint.clone();
        self.changes.push(Change::Agent(SavedAgent {
            agent: agent.clone(),
            launched: false,
            address: Some(address),
            password: Some(password),
            ca_pem,
            lease: None,
        }));
        let link = AgentLink::add(&self.context, &self.handle, agent.clone(), (endpoint, vec![]));
        self.links.insert(agent.clone(), link);
        self.apply(Event::AgentAdded { agent, launched: false });
        self.apply(Event::Activity);
        Ok(None)
    }

    pub(crate) fn job_state(&self, id: &JobId) -> Result<JobState, FarmError> {
        let job = self.farm.jobs.get(id).ok_or_else(|| FarmError::UnknownJob(id.clone()))?;
        Ok(job.state)
    }

    fn submit(&mut self, spec: JobSpec, id: Option<JobId>) -> Result<Option<JobView>, FarmError> {
        self.check(&spec)?;
        let id = match id {
            Some(id) if self.jobs.contains_key(&id) => return Err(FarmError::JobExists(id)),
            Some(id) => id,
            None => self.fresh_job_id(&spec.name),
        };
        let folder = JobFolder::new(&self.context.jobs_dir, &id);
        folder.prepare().map_err(|e| FarmError::Store(e.to_string()))?;
        let number = self.jobs.values().map(|record| record.number + 1).max().unwrap_or(0);
        let scene = crate::scene_id(&spec.scene).map_err(|e| FarmError::Store(e.to_string()))?;
        let mut job = Job::new(number, scene, spec.hold, spec.max_agents);
        (job.priority, job.limits) = (spec.priority, spec.limits);
        let record = JobRecord {
            number,
            spec,
            created_secs: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            state: JobState::Inspecting,
            info: None,
            split: None,
            missing: vec![],
            messages: vec![],
            failure: None,
            elapsed_secs: 0.0,
            spent: None,
            results: std::collections::BTreeMap::new(),
            previews: std::collections::BTreeMap::new(),
            running_since: None,
        };
        tracing::info!(job = %id, name = record.spec.name, "job submitted");
        self.jobs.insert(id.clone(), record);
        self.save(&id);
        self.apply(Event::JobAdded(id.clone(), Box::new(job)));
        self.answer(&id)
    }

    fn check(&self, spec: &JobSpec) -> Result<(), FarmError> {
        if spec.scene.overrides.samples == Some(0) {
            return Err(FarmError::Invalid("a frame needs at least 1 sample".to_owned()));
        }
        if spec.max_agents == Some(0) {
            return Err(FarmError::Invalid("a job needs at least 1 agent".to_owned()));
        }
        self.check_limits(&spec.limits, None)?;
        self.check_manifest(&spec.scene.manifest)
    }

    fn check_manifest(&self, manifest: &Manifest) -> Result<(), FarmError> {
        if !manifest.files.iter().any(|file| file.path == manifest.project) {
            return Err(FarmError::NoProject(manifest.project.to_string()));
        }
        let blobs: Vec<BlobId> = manifest.files.iter().map(|file| file.blob.clone()).collect();
        let missing = self.context.blobs.missing(&blobs);
        if missing.is_empty() { Ok(()) } else { Err(FarmError::MissingBlobs(missing)) }
    }

    fn set_files(&mut self, id: &JobId, manifest: Manifest) -> Result<Option<JobView>, FarmError> {
        let state = self.job_state(id)?;
        if state != JobState::Ready {
            return Err(FarmError::WrongState {
                job: id.clone(),
                state: format!("{state:?}").to_lowercase(),
                hint: "its files can be set while it is ready; submit it with hold",
            });
        }
        self.check_manifest(&manifest)?;
        let Some(record) = self.jobs.get_mut(id) else { return self.answer(id) };
        let files = record.info.iter().flat_map(|info| &info.files);
        let inspect = files.filter(|file| file.kind == FileKind::Library).any(|library| {
            holds(&manifest, library) && !holds(&record.spec.scene.manifest, library)
        });
        record.spec.scene.manifest = manifest;
        if let Some(info) = &record.info {
            let held =
                |file: &&blendnet_protocol::ExternalFile| !holds(&record.spec.scene.manifest, file);
            record.missing = info.files.iter().filter(held).cloned().collect();
            record.messages.clone_from(&info.warnings);
            record.messages.extend(record.missing.iter().map(|f| format!("missing: {}", f.path)));
        }
        let scene =
            crate::scene_id(&record.spec.scene).map_err(|e| FarmError::Store(e.to_string()))?;
        self.apply(Event::JobFiles { job: id.clone(), scene, inspect });
        self.save(id);
        self.answer(id)
    }

    fn run_job(&mut self, id: &JobId) -> Result<Option<JobView>, FarmError> {
        self.job_state(id)?;
        if let Some(record) = self.jobs.get_mut(id) {
            record.spec.hold = false;
        }
        self.apply(Event::JobRun(id.clone()));
        self.save(id);
        self.answer(id)
    }

    fn delete(&mut self, id: &JobId) -> Result<Option<JobView>, FarmError> {
        self.job_state(id)?;
        if self.farm.jobs.get(id).is_some_and(Job::is_active) {
            return Err(FarmError::WrongState {
                job: id.clone(),
                state: "running".to_owned(),
                hint: "stop it first",
            });
        }
        let Some(record) = self.jobs.remove(id) else { return Ok(None) };
        self.apply(Event::JobRemoved(id.clone()));
        self.context.merger.forget_job(id);
        self.changes.push(Change::JobGone(id.clone()));
        self.deeds.push(Deed::Forget(id.clone(), Box::new(record)));
        Ok(None)
    }

    /// Removes the folder of a deleted job, and its blobs that no other job and no task has.
    pub(super) fn forget(&self, id: &JobId, gone: &JobRecord) {
        let folder = JobFolder::new(&self.context.jobs_dir, id);
        if let Err(error) = fs_err::remove_dir_all(folder.path()) {
            tracing::error!(job = %id, %error, "the folder of a deleted job stays");
        }
        let kept: BTreeSet<BlobId> =
            self.jobs.values().flat_map(JobRecord::blobs).cloned().collect();
        let mut free: BTreeSet<BlobId> = gone.blobs().cloned().collect();
        free.retain(|blob| !kept.contains(blob));
        let context = self.context.clone();
        self.context.tasks.spawn(async move {
            let kept = match context.task_api.get() {
                Some(tasks) => tasks.blobs_in_use().await,
                None => BTreeSet::new(),
            };
            for blob in free.difference(&kept) {
                if let Err(error) = context.blobs.remove(blob) {
                    tracing::warn!(%blob, %error, "a blob is not freed");
                }
            }
        });
    }

    fn fresh_job_id(&self, name: &str) -> JobId {
        let stem = name.strip_suffix(".blend").unwrap_or(name);
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let stem: String = stem.chars().map(safe).take(40).collect();
        loop {
            let id = JobId::new(format!("{stem}-{}", crate::random_name()));
            match id {
                Ok(id) if !self.jobs.contains_key(&id) => return id,
                _ => {}
            }
        }
    }
}
