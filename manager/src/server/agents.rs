//! Agents that somebody else started, as BlendNet 0.3 manages them.

use super::Edge;
use crate::farm::Request;
use axum::extract::State;
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, UrlPath, done, ok};
use blendnet_protocol::{AgentId, AgentState, Answer, Done};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// As 0.3 allows.
const LARGEST_CONFIG_BYTES: usize = 128 << 10;

/// Where agents listen unless it is said.
pub(super) const DEFAULT_PORT: u16 = 9443;

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(resources))
        .routes(routes!(log))
        .routes(routes!(config))
        .routes(routes!(remove))
}

fn agent_id(text: String) -> Result<AgentId, ApiError> {
    AgentId::new(text).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// The manager and its agents, as 0.3 shows them.
#[utoipa::path(get, path = "/resources", tag = "agents",
    responses((status = 200, description = "Done", body = Answer<Value>)))]
async fn resources(State(edge): State<Edge>) -> ApiResult<Value> {
    let view = edge.farm.view();
    let agents: serde_json::Map<String, Value> = view
        .agents
        .iter()
        .map(|agent| {
            let active = agent.state == AgentState::Online;
            let value = json!({
                "name": agent.id,
                "id": agent.pid,
                "ip": agent.address,
                "type": "agent",
                "active": active,
                "state": agent.state,
            });
            (agent.id.to_string(), value)
        })
        .collect();
    Ok(ok(json!({ "manager": { "name": "manager", "active": true }, "agents": agents })))
}

/// An agent's log.
#[utoipa::path(get, path = "/agent/{agent}/log", tag = "agents",
    params(("agent" = AgentId, Path, description = "Name of the agent")),
    responses((status = 200, description = "Done", body = Answer<Value>),
        (status = 404, description = "There is no such agent"),
        (status = 409, description = "Not in this state"),
        (status = 502, description = "The agent does not answer"),
        (status = 503, description = "The manager is ending")))]
async fn log(State(edge): State<Edge>, UrlPath(agent): UrlPath<String>) -> ApiResult<Value> {
    let agent = agent_id(agent)?;
    let client = edge.farm.agent_client(&agent).await?;
    let lines: Value = client.get("log").await.map_err(|error| {
        ApiError::new(axum::http::StatusCode::BAD_GATEWAY, "agent", crate::chain(&error))
            .hint("see in `GET farm` whether the agent answers")
    })?;
    Ok(ok(lines))
}

/// What 0.3 sends, and the authority that signed the agent's certificate when it is not ours.
#[derive(Deserialize, ToSchema)]
struct AgentConfig {
    address: String,
    #[serde(default = "default_port")]
    port: u16,
    #[serde(default)]
    auth_user: Option<String>,
    auth_password: String,
    #[serde(default)]
    ca_pem: Option<String>,
}

fn default_port() -> u16 {
    DEFAULT_PORT
}

/// Adds an agent that somebody else started.
#[utoipa::path(put, path = "/agent/{agent}/config", tag = "agents",
    params(("agent" = AgentId, Path, description = "Name of the agent")),
    request_body = AgentConfig,
    responses((status = 200, description = "Done", body = Done),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn config(
    State(edge): State<Edge>,
    UrlPath(agent): UrlPath<String>,
    JsonBody(config): JsonBody<AgentConfig, LARGEST_CONFIG_BYTES>,
) -> ApiResult<()> {
    let agent = agent_id(agent)?;
    if config.auth_user.as_deref().is_some_and(|user| user != super::USER) {
        return Err(ApiError::bad_request(format!("agents know one user, `{}`", super::USER)));
    }
    let address = endpoint(&config.address, config.port)?;
    let request =
        Request::AddAgent { agent, address, password: config.auth_password, ca_pem: config.ca_pem };
    edge.farm.ask(request).await?;
    Ok(done())
}

/// `host:port` of a host name or address that may have a port of its own.
pub(super) fn endpoint(host: &str, port: u16) -> Result<String, ApiError> {
    let host = host.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if host.is_empty() || host.len() > 253 || !host.chars().all(plain) {
        return Err(ApiError::bad_request("`address` is neither a host name nor an IP address")
            .hint("give it without scheme, such as 192.168.1.20"));
    }
    let bare_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Ok(match (bare_v6, has_port) {
        (true, _) => format!("[{host}]:{port}"),
        (false, true) => host.to_owned(),
        (false, false) => format!("{host}:{port}"),
    })
}

/// Removes an agent.
#[utoipa::path(delete, path = "/agent/{agent}", tag = "agents",
    params(("agent" = AgentId, Path, description = "Name of the agent")),
    responses((status = 200, description = "Done", body = Done),
        (status = 404, description = "There is no such agent"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn remove(State(edge): State<Edge>, UrlPath(agent): UrlPath<String>) -> ApiResult<()> {
    edge.farm.ask(Request::RemoveAgent(agent_id(agent)?)).await?;
    Ok(done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port_and_gets_one_otherwise() {
        let of = |host: &str| endpoint(host, 9443).unwrap();
        assert_eq!(of("10.0.0.2"), "10.0.0.2:9443");
        assert_eq!(of(" workshop.lan:9555 "), "workshop.lan:9555");
        assert_eq!(of("fd00::1"), "[fd00::1]:9443");
        assert_eq!(of("[fd00::1]:1"), "[fd00::1]:1");
        assert_eq!(of("[fd00::1]"), "[fd00::1]:9443");
        for bad in ["", "https://10.0.0.2", "a b", "user@host"] {
            assert!(endpoint(bad, 9443).is_err(), "{bad}");
        }
    }
}
