//! Brings a scene to an agent: its files, and the Blender for it where the farm keeps a better one than the agent
//! has.

use super::agent::Remote;
use super::disk;
use crate::shelf;
use blendnet_net::client::ClientError;
use blendnet_protocol::{
    AgentId, BlenderState, FailureKind, Fault, KeptBlender, SceneId, SceneSpec, SceneState,
    WorkFailure,
};
use blendnet_scheduler::Event;
use std::time::Duration;

/// How long an agent may take to unpack a Blender and try it out.
const INSTALL: Duration = Duration::from_mins(10);

/// How long until a scene that did not arrive is sent again.
const AGAIN: Duration = Duration::from_secs(2);

/// Sends a scene, and tells the owner what came of it.
pub(super) async fn send(remote: &Remote, scene: SceneId, spec: &SceneSpec) {
    let sent = try_send(remote, &scene, spec).await;
    let arrived = sent.is_ok();
    if let Err(error) = sent {
        tracing::warn!(
            agent = %remote.id, %scene, error = crate::chain(&error), "sending a scene failed"
        );
        if let Some(failure) = for_good(&remote.id, &error) {
            let agent = remote.id.clone();
            return remote.event(Event::SceneRefused { agent, scene, failure }).await;
        }
        tokio::time::sleep(AGAIN).await;
    }
    remote.event(Event::SceneSent { agent: remote.id.clone(), scene, arrived }).await;
}

/// Why the agent will not do this scene's work, however often it is sent.
fn for_good(agent: &AgentId, error: &ClientError) -> Option<WorkFailure> {
    if disk::is_full_there(error) {
        return Some(disk::of_agent(agent, error));
    }
    let kind = match error.code()? {
        "no_blender" => FailureKind::NoBlender,
        "blender_too_old" => FailureKind::BlenderTooOld,
        _ => return None,
    };
    let message = format!("agent `{agent}`: {}", error.message());
    Some(WorkFailure { kind, fault: Fault::Agent, message, last_lines: vec![] })
}

async fn try_send(remote: &Remote, scene: &SceneId, spec: &SceneSpec) -> Result<(), ClientError> {
    remote.numbered.note(scene, &spec.manifest);
    let place = format!("scene/{scene}");
    let state: SceneState = remote.client.put(&place, spec).await?;
    for blob in &state.missing {
        if let Some(path) = remote.context.blobs.path(blob) {
            remote.client.send_blob(blob, &path).await?;
        }
    }
    provide(remote, scene).await?;
    if !state.missing.is_empty() {
        // Once more: an agent that has all of a scene's files opens it ahead.
        let _complete: SceneState = remote.client.put(&place, spec).await?;
    }
    Ok(())
}

/// Sees to it that the agent has the best Blender for a scene, of its own and the farm's.
async fn provide(remote: &Remote, scene: &SceneId) -> Result<(), ClientError> {
    let Some(folder) = &remote.context.config.shelf else { return Ok(()) };
    let read = folder.clone();
    let read = tokio::task::spawn_blocking(move || shelf::read(&read)).await;
    let mut kept = read.unwrap_or_default();
    let (mut sent, mut damaged) = (Vec::new(), Vec::new());
    while !kept.is_empty() || !damaged.is_empty() {
        let state = ask(remote, scene, &kept).await.map_err(|error| with(error, &damaged))?;
        if let Some(why) = state.instead_because {
            tracing::warn!(agent = %remote.id, why, "the agent uses another Blender");
        }
        // One that was sent, and is gone again: its work will say why it can't be done.
        let missing = state.missing.filter(|blob| !sent.contains(blob));
        let wanted = missing.and_then(|blob| kept.iter().position(|k| k.blob == blob));
        let Some((at, wanted)) = wanted.and_then(|at| Some((at, kept.get(at)?))) else {
            return Ok(());
        };
        let (version, bytes) = (&wanted.version, wanted.size_bytes);
        tracing::info!(agent = %remote.id, version, bytes, "sending a Blender");
        let archive = shelf::archive(folder, wanted);
        match remote.client.send_blob(&wanted.blob, &archive).await {
            Ok(()) => sent.push(wanted.blob.clone()),
            Err(error) if is_damaged(&error) => {
                let path = archive.display();
                let why = format!("the farm's Blender {version}, {path}, is damaged: {error}");
                tracing::error!("{why}");
                damaged.push(why);
                kept.remove(at);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether an archive on the shelf is not what its name says, or can't be read.
fn is_damaged(error: &ClientError) -> bool {
    matches!(error, ClientError::File(_)) || error.code() == Some("checksum_mismatch")
}

/// The agent knows only of what it was offered.
fn with(error: ClientError, damaged: &[String]) -> ClientError {
    match error {
        ClientError::Refused { address, status, code, message, hint } if !damaged.is_empty() => {
            let message = format!("{message}; {}", damaged.join("; "));
            ClientError::Refused { address, status, code, message, hint }
        }
        other => other,
    }
}

async fn ask(
    remote: &Remote,
    scene: &SceneId,
    kept: &[KeptBlender],
) -> Result<BlenderState, ClientError> {
    let place = format!("scene/{scene}/blender");
    remote.client.put_with_timeout(&place, kept, INSTALL).await
}
