//! Launches an agent at the farm's provider, and finds the way to it.

use crate::farm::Context;
use blendnet_cloud::{AgentProgram, Instance, InstanceState, LaunchRequest, LaunchToken};
use blendnet_net::client::Client;
use blendnet_net::secret::Password;
use blendnet_protocol::AgentId;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often an instance is looked at until its address is known.
const ADDRESS_POLL: Duration = Duration::from_secs(5);

/// An agent that was launched, and the way to it.
pub(crate) struct Launched {
    pub(crate) instance: Instance,
    pub(crate) address: String,
    pub(crate) client: Client,
}

/// Launches an agent. `None` when it was to be ended before its address was known; then it is.
pub(crate) async fn launch(
    context: &Context,
    id: &AgentId,
    dir: &Path,
    end: &CancellationToken,
) -> Result<Option<Launched>, String> {
    let hosts = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let password = blendnet_net::ca::write_bundle(&context.authority, dir, id.as_str(), &hosts)
        .map_err(|e| crate::chain(&e))?;
    let request = LaunchRequest {
        token: LaunchToken(id.to_string()),
        farm: context.farm_tag.clone(),
        choices: vec![],
        agent: AgentProgram {
            program: crate::agent_program(&context.config),
            dir: dir.to_owned(),
            threads: context.config.threads_per_agent,
            blenders: context.config.blenders.clone(),
        },
    };
    let instance = context.provider.launch(&request).await.map_err(|e| crate::chain(&e))?;
    tracing::info!(agent = %id, instance = %instance.id, what = ?instance.what, "launched");
    let found = tokio::select! {
        found = reach(context, id, &password, instance.clone()) => found.map(Some),
        () = end.cancelled() => Ok(None),
    };
    if !matches!(found, Ok(Some(_))) {
        terminate(context, &instance).await;
    }
    found
}

/// Finds an agent that an earlier manager launched. `None`: it is gone.
pub(crate) async fn find(
    context: &Context,
    id: &AgentId,
    dir: &Path,
) -> Result<Option<Launched>, String> {
    let listed = context.provider.list(&context.farm_tag).await.map_err(|e| crate::chain(&e))?;
    let is_it = |instance: &Instance| {
        instance.token.0 == id.as_str() && instance.state != InstanceState::Ended
    };
    let Some(instance) = listed.into_iter().find(is_it) else { return Ok(None) };
    let found = match Password::load(&dir.join("password")) {
        Ok(password) => reach(context, id, &password, instance.clone()).await,
        Err(error) => Err(crate::chain(&error)),
    };
    if found.is_err() {
        terminate(context, &instance).await;
    }
    found.map(Some)
}

/// Ends an instance. What can't be ended now is ended by the next sweep.
pub(crate) async fn terminate(context: &Context, instance: &Instance) {
    if let Err(error) = context.provider.terminate(&instance.id).await {
        tracing::error!(instance = %instance.id, %error, "an instance could not be ended");
    }
}

async fn reach(
    context: &Context,
    id: &AgentId,
    password: &Password,
    mut instance: Instance,
) -> Result<Launched, String> {
    loop {
        if instance.state == InstanceState::Ended {
            return Err(format!("instance {} ended before it could be reached", instance.id));
        }
        if let Some(address) = instance.address.clone() {
            let ca_pem = context.authority.cert_pem();
            let client = Client::named(id.as_str(), &address, ca_pem, password)
                .map_err(|e| crate::chain(&e))?;
            return Ok(Launched { instance, address, client });
        }
        tokio::time::sleep(ADDRESS_POLL).await;
        match context.provider.describe(&instance.id).await {
            Ok(now) => instance = now,
            // What was launched a moment ago may not be known everywhere yet.
            Err(error) => tracing::debug!(agent = %id, %error, "not described"),
        }
    }
}
