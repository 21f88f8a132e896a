//! Agents that run already: an earlier manager launched them, or somebody else started them.

use super::agent::{Remote, stay};
use super::collect::Given;
use super::launch;
use super::link::{Command, Endpoint};
use crate::farm::{Context, FarmHandle, Input};
use blendnet_net::client::Client;
use blendnet_net::secret::Password;
use blendnet_protocol::{AgentId, AgentReport, WorkId};
use blendnet_scheduler::Event;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Finds an agent again, and stays with it until it ends. One that is gone is given up.
pub(super) async fn adopted(
    context: Arc<Context>,
    farm: FarmHandle,
    id: AgentId,
    kept: Vec<Given>,
    commands: mpsc::Receiver<Command>,
    end: CancellationToken,
) {
    let dir = context.config.dir.join("agents").join(id.as_str());
    match launch::find(&context, &id, &dir).await {
        Ok(Some(launched)) => {
            tracing::info!(agent = %id, works = kept.len(), "an agent of before is taken over");
            let remote = Remote::new(&context, &farm, &id, &launched.client);
            remote.forget_all_but(kept.iter().map(|given| &given.work.id).collect()).await;
            remote.keep(kept);
            stay(remote, launched, commands, &end).await;
        }
        Ok(None) => tracing::info!(agent = %id, "an agent of before is gone"),
        Err(error) => tracing::warn!(agent = %id, error, "an agent of before can't be reached"),
    }
    let _left = fs_err::tokio::remove_dir_all(&dir).await;
    farm.tell(Input::Event(Event::AgentEnded(id, None))).await;
}

/// Stays with an agent that somebody else started.
pub(crate) async fn added(
    context: Arc<Context>,
    farm: FarmHandle,
    id: AgentId,
    ((address, password, ca_pem), kept): (Endpoint, Vec<Given>),
    commands: mpsc::Receiver<Command>,
    end: CancellationToken,
) {
    let ca_pem = ca_pem.as_deref().unwrap_or(context.authority.cert_pem());
    let client = Password::new(password).map_err(|e| crate::chain(&e)).and_then(|password| {
        Client::new(&address, ca_pem, &password).map_err(|e| crate::chain(&e))
    });
    match client {
        Ok(client) => {
            let remote = Remote::new(&context, &farm, &id, &client);
            remote.keep(kept);
            farm.tell(Input::Connected { agent: id, address, pid: None, client }).await;
            tokio::select! {
                () = remote.run(commands) => {}
                () = end.cancelled() => {}
            }
        }
        Err(error) => {
            tracing::error!(agent = %id, error, "agent can't be used");
            farm.tell(Input::Event(Event::AgentEnded(id, None))).await;
        }
    }
}

impl Remote {
    /// Frees what the agent keeps of works that the farm is done with.
    async fn forget_all_but(&self, kept: BTreeSet<&WorkId>) {
        match self.client.get::<AgentReport>("work").await {
            Ok(report) => {
                for status in report.works.iter().filter(|status| !kept.contains(&status.id)) {
                    self.delete(&status.id).await;
                }
            }
            // It is asked again for ever, or given up as lost.
            Err(error) => {
                tracing::warn!(agent = %self.id, %error, "no answer from an agent of before");
            }
        }
    }
}
