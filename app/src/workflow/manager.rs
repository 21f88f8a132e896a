//! The manager's REST API as calls with types, and its errors as problems.

use std::path::Path;
use std::time::Duration;

use blendnet_net::blobs::Bundle;
use blendnet_net::client::{Client, ClientError, Sent, segment};
use blendnet_protocol::{
    AgentId, BlobId, FarmView, JobId, JobLimits, JobSpec, JobView, Manifest, PairRequest,
    RoomMachine, Unpaired,
};
use serde::Serialize;

use super::problem::{Problem, ProblemKind, is_disk_full};

/// How long the manager may hold back an answer when nothing changes.
const LONG_POLL_SECS: u64 = 20;

/// A manager that answers.
#[derive(Clone, Debug)]
pub struct Manager {
    client: Client,
    address: String,
}

#[derive(Serialize)]
struct Shutdown {
    when_idle: bool,
}

#[derive(Serialize)]
struct AgentCount {
    count: u32,
}

#[derive(Serialize)]
struct Priority {
    priority: i32,
}

impl Manager {
    /// The manager that `client` speaks to.
    pub fn new(client: Client, address: String) -> Self {
        Self { client, address }
    }

    /// Such as `127.0.0.1:41234`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The farm as it is now.
    pub async fn farm(&self) -> Result<FarmView, ClientError> {
        self.client.get("farm").await
    }

    /// The farm as soon as it differs from generation `after`, or after a while.
    pub async fn farm_after(&self, after: u64) -> Result<FarmView, ClientError> {
        let path = format!("farm?after={after}&wait_secs={LONG_POLL_SECS}");
        let timeout = Duration::from_secs(LONG_POLL_SECS + 15);
        self.client.get_with_timeout(&path, timeout).await
    }

    /// Which of the blobs the farm does not have.
    pub async fn missing(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, ClientError> {
        self.client.missing_blobs(blobs).await
    }

    /// Sends a file's content.
    pub async fn send(
        &self,
        blob: &BlobId,
        file: &Path,
        size_bytes: u64,
        sent: &Sent,
    ) -> Result<(), ClientError> {
        self.client.put_blob(blob, file, size_bytes, sent).await
    }

    /// Sends the content of many small files.
    pub async fn send_bundle(&self, bundle: Bundle) -> Result<(), ClientError> {
        self.client.put_bundle(bundle).await
    }

    /// Pairs with a machine of the room.
    pub async fn pair(&self, wish: &PairRequest) -> Result<RoomMachine, ClientError> {
        self.client.post("farm/room", wish).await
    }

    /// Lets go of a machine of the room.
    pub async fn unpair(&self, machine: &AgentId) -> Result<Unpaired, ClientError> {
        self.client.delete_answered(&format!("farm/room/{machine}")).await
    }

    /// Submits a job.
    pub async fn submit(&self, spec: &JobSpec) -> Result<JobView, ClientError> {
        self.client.post("job", spec).await
    }

    /// All jobs, oldest first.
    pub async fn jobs(&self) -> Result<Vec<JobView>, ClientError> {
        // Generation 0 is a manager that has not looked into its folder yet.
        Ok(self.farm_after(0).await?.jobs)
    }

    /// One job.
    pub async fn job(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.client.get(&format!("job/{job}")).await
    }

    /// Gives a held job its files.
    pub async fn put_files(
        &self,
        job: &JobId,
        manifest: &Manifest,
    ) -> Result<JobView, ClientError> {
        self.client.put(&format!("job/{job}/files"), manifest).await
    }

    /// Lets a held or paused job run.
    pub async fn run(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.client.post(&format!("job/{job}/run"), &()).await
    }

    /// Pauses a job; what is rendered is kept.
    pub async fn stop(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.client.post(&format!("job/{job}/stop"), &()).await
    }

    /// Finishes every frame that was begun with the samples that it has.
    pub async fn settle(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.client.post(&format!("job/{job}/settle"), &()).await
    }

    /// Jobs with a larger priority come first.
    pub async fn prioritise(&self, job: &JobId, priority: i32) -> Result<JobView, ClientError> {
        self.client.put(&format!("job/{job}/priority"), &Priority { priority }).await
    }

    /// Budget, deadline and noise target.
    pub async fn limit(&self, job: &JobId, limits: &JobLimits) -> Result<JobView, ClientError> {
        self.client.put(&format!("job/{job}/limits"), limits).await
    }

    /// Lets a frame go before the others.
    pub async fn frame_first(&self, job: &JobId, frame: i32) -> Result<JobView, ClientError> {
        self.client.post(&format!("job/{job}/frame/{frame}/first"), &()).await
    }

    /// Deletes a job that does not run, with all that was rendered.
    pub async fn delete(&self, job: &JobId) -> Result<(), ClientError> {
        self.client.delete(&format!("job/{job}")).await
    }

    /// Asks for the end of the farm.
    pub async fn shut_down(&self, when_idle: bool) -> Result<(), ClientError> {
        let answer: serde_json::Value =
            self.client.post("farm/shutdown", &Shutdown { when_idle }).await?;
        drop(answer);
        Ok(())
    }

    /// Sets how many local agents are wanted.
    pub async fn want_agents(&self, count: u32) -> Result<(), ClientError> {
        let answer: serde_json::Value =
            self.client.put("farm/agents", &AgentCount { count }).await?;
        drop(answer);
        Ok(())
    }

    /// The last lines of an agent's log.
    pub async fn agent_log(&self, agent: &str) -> Result<Vec<String>, ClientError> {
        self.client.get(&format!("agent/{}/log", segment(agent))).await
    }

    /// Fetches a frame's preview.
    pub async fn preview(&self, job: &JobId, frame: i32, to: &Path) -> Result<(), ClientError> {
        let path = format!("job/{job}/frame/{frame}/preview");
        self.client.download(&path, to, None).await
    }

    /// Fetches the map of a frame's noise.
    pub async fn noise_map(&self, job: &JobId, frame: i32, to: &Path) -> Result<(), ClientError> {
        let path = format!("job/{job}/frame/{frame}/noise");
        self.client.download(&path, to, None).await
    }

    /// Fetches a frame's lossless image, or the file called `composed`, and proves its content.
    pub async fn frame_file(
        &self,
        job: &JobId,
        frame: i32,
        composed: Option<&str>,
        blob: &BlobId,
        to: &Path,
    ) -> Result<(), ClientError> {
        let which = composed
            .map_or_else(|| "image".to_owned(), |name| format!("composed/{}", segment(name)));
        let path = format!("job/{job}/frame/{frame}/{which}");
        self.client.download(&path, to, Some(blob)).await
    }

    /// What an error of the manager means to the user. `doing` is such as `sending wood.png`.
    pub fn problem(&self, doing: &str, error: &ClientError) -> Problem {
        let message = format!("{doing}: {}", error.message());
        if disk_is_full(error) {
            return Problem::new(ProblemKind::DiskFull, message)
                .hint("free some space on that disk, then try again");
        }
        if error.is_auth() {
            return Problem::farm(message)
                .hint(
                    "the farm has another password; end it with `blendnet farm stop`, or choose \
                 another --data-dir",
                )
                .in_window("the farm has another password; end its manager, then try again");
        }
        if let ClientError::Refused { status, hint, code, .. } = error
            && status.is_client_error()
        {
            let mut problem = Problem::input(message);
            problem.hint.clone_from(hint);
            return match code.as_deref() {
                Some("no_price") => problem.in_window(
                    "the farm that runs was started before the settings had a price of agents: end it \
                     (Farm, End all…) and render again, or leave the budget out",
                ),
                _ => problem,
            };
        }
        if let ClientError::File(_) = error {
            return Problem::input(message);
        }
        let address = &self.address;
        Problem::farm(message)
            .hint(format!("see with `blendnet farm status` whether the farm at {address} runs"))
            .in_window(format!("Farm (Ctrl+2) shows whether the farm at {address} runs"))
    }
}

/// Whether the farm's disk, or ours, is full.
fn disk_is_full(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { status, .. } => status.as_u16() == 507,
        ClientError::Content { source, .. } => source.is_disk_full(),
        ClientError::File(error) => is_disk_full(error),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager() -> Manager {
        let dir = tempfile::tempdir().unwrap();
        let identity = blendnet_net::ca::Identity::load_or_create(dir.path(), &[]).unwrap();
        let password = blendnet_net::secret::Password::generate().unwrap();
        let client = Client::new("127.0.0.1:1", &identity.ca_pem, &password).unwrap();
        Manager::new(client, "127.0.0.1:1".to_owned())
    }

    fn kind(error: &ClientError) -> ProblemKind {
        manager().problem("sending wood.png", error).kind
    }

    fn refused(json: &str) -> ClientError {
        let (status, message) = json.split_once(' ').unwrap();
        ClientError::Refused {
            address: "127.0.0.1:1".to_owned(),
            status: status.parse::<u16>().unwrap().try_into().unwrap(),
            code: None,
            message: message.to_owned(),
            hint: Some("do this".to_owned()),
        }
    }

    #[test]
    fn what_the_manager_refuses_becomes_the_right_kind_of_problem() {
        assert_eq!(kind(&refused("507 no room")), ProblemKind::DiskFull);
        assert_eq!(kind(&refused("401 who are you")), ProblemKind::Farm);
        assert_eq!(kind(&refused("400 no such thing")), ProblemKind::Input);
        assert_eq!(kind(&refused("503 ending")), ProblemKind::Farm);
    }

    #[test]
    fn a_full_disk_here_is_told_from_an_unreadable_file() {
        let io = |kind| ClientError::File(std::io::Error::from(kind));
        assert_eq!(kind(&io(std::io::ErrorKind::StorageFull)), ProblemKind::DiskFull);
        assert_eq!(kind(&io(std::io::ErrorKind::NotFound)), ProblemKind::Input);
    }

    #[test]
    fn a_farm_without_a_price_is_another_thing_to_do_in_the_window() {
        let mut error = refused("400 nothing has a price");
        if let ClientError::Refused { code, .. } = &mut error {
            *code = Some("no_price".to_owned());
        }
        let problem = manager().problem("submitting the job", &error);
        assert_eq!(problem.hint.as_deref(), Some("do this"));
        assert!(problem.window_hint().unwrap().contains("End all"), "{problem:?}");
    }

    #[test]
    fn the_managers_own_hint_is_passed_on_once() {
        let problem = manager().problem("submitting the job", &refused("409 it runs"));
        assert_eq!(problem.message, "submitting the job: it runs");
        assert_eq!(problem.hint.as_deref(), Some("do this"));
    }
}
