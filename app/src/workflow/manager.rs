//! The manager's REST API as calls with types, and its errors as problems.

use std::path::Path;
use std::time::Duration;

use blendnet_net::client::{Client, ClientError};
use blendnet_protocol::{BlobId, FarmView, JobId, JobSpec, JobView, Manifest};
use serde::Serialize;

use super::problem::{Problem, ProblemKind, is_disk_full};

/// How long the manager may hold back an answer when nothing changes.
const LONG_POLL_SECS: u64 = 20;

/// Blobs asked for at once; keeps the request under the manager's limit.
const BLOBS_A_REQUEST: usize = 2000;

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
        self.client.get("/api/v1/farm").await
    }

    /// The farm as soon as it differs from generation `after`, or after a while.
    pub async fn farm_after(&self, after: u64) -> Result<FarmView, ClientError> {
        let path = format!("/api/v1/farm?after={after}&wait_secs={LONG_POLL_SECS}");
        let timeout = Duration::from_secs(LONG_POLL_SECS + 15);
        self.client.get_with_timeout(&path, timeout).await
    }

    /// Which of the blobs the farm does not have.
    pub async fn missing(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, ClientError> {
        let mut missing = Vec::new();
        for some in blobs.chunks(BLOBS_A_REQUEST) {
            let lacking: Vec<BlobId> = self.client.post("/api/v1/blob/missing", &some).await?;
            missing.extend(lacking);
        }
        Ok(missing)
    }

    /// Sends a file's content.
    pub async fn send(&self, blob: &BlobId, file: &Path) -> Result<(), ClientError> {
        self.client.send_blob(blob, file).await
    }

    /// Submits a job.
    pub async fn submit(&self, spec: &JobSpec) -> Result<JobView, ClientError> {
        self.client.post("/api/v1/job", spec).await
    }

    /// All jobs, oldest first.
    pub async fn jobs(&self) -> Result<Vec<JobView>, ClientError> {
        self.client.get("/api/v1/job").await
    }

    /// One job.
    pub async fn job(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.client.get(&format!("/api/v1/job/{job}")).await
    }

    /// Gives a held job its files.
    pub async fn put_files(
        &self,
        job: &JobId,
        manifest: &Manifest,
    ) -> Result<JobView, ClientError> {
        self.client.put(&format!("/api/v1/job/{job}/files"), manifest).await
    }

    /// Lets a held or paused job run.
    pub async fn run(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.client.post(&format!("/api/v1/job/{job}/run"), &()).await
    }

    /// Pauses a job; what is rendered is kept.
    pub async fn stop(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.client.post(&format!("/api/v1/job/{job}/stop"), &()).await
    }

    /// Deletes a job that does not run, with all that was rendered.
    pub async fn delete(&self, job: &JobId) -> Result<(), ClientError> {
        self.client.delete(&format!("/api/v1/job/{job}")).await
    }

    /// Asks for the end of the farm.
    pub async fn shut_down(&self, when_idle: bool) -> Result<(), ClientError> {
        let answer: serde_json::Value =
            self.client.post("/api/v1/farm/shutdown", &Shutdown { when_idle }).await?;
        drop(answer);
        Ok(())
    }

    /// Sets how many local agents are wanted.
    pub async fn want_agents(&self, count: u32) -> Result<(), ClientError> {
        let answer: serde_json::Value =
            self.client.put("/api/v1/farm/agents", &AgentCount { count }).await?;
        drop(answer);
        Ok(())
    }

    /// Fetches a frame's preview.
    pub async fn preview(&self, job: &JobId, frame: i32, to: &Path) -> Result<(), ClientError> {
        let path = format!("/api/v1/job/{job}/frame/{frame}/preview");
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
            .map_or_else(|| "image".to_owned(), |name| format!("composed/{}", url_segment(name)));
        let path = format!("/api/v1/job/{job}/frame/{frame}/{which}");
        self.client.download(&path, to, Some(blob)).await
    }

    /// What an error of the manager means to the user. `doing` is such as `sending wood.png`.
    pub fn problem(&self, doing: &str, error: &ClientError) -> Problem {
        let message = format!("{doing}: {error}");
        if disk_is_full(error) {
            return Problem::new(ProblemKind::DiskFull, message)
                .hint("free some space on that disk, then try again");
        }
        if error.is_auth() {
            return Problem::farm(message)
                .hint("the farm has another password; end it with `blendnet farm stop` or choose another --data-dir");
        }
        match error.status().map(|status| status.as_u16()) {
            Some(400..=499) => Problem::input(message),
            _ => Problem::farm(message).hint(format!(
                "see whether the farm at {} runs with `blendnet farm status`",
                self.address
            )),
        }
    }
}

/// Whether the farm's disk, or ours, is full.
fn disk_is_full(error: &ClientError) -> bool {
    if error.code() == Some("disk_full") {
        return true;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(is_disk_full) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A name as one segment of a URL.
fn url_segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let escaped = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::url_segment;

    #[test]
    fn names_with_spaces_folders_and_accents_stay_one_segment() {
        assert_eq!(url_segment("mask 1/é.png"), "mask%201%2F%C3%A9.png");
    }
}
