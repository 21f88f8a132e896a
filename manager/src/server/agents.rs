//! Agents that somebody else started, as BlendNet 0.3 manages them.

use super::Edge;
use crate::farm::Request;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{delete, get, put};
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, done, ok};
use blendnet_protocol::{AgentId, AgentState};
use serde::Deserialize;
use serde_json::{Value, json};

/// As 0.3 allows.
const LARGEST_CONFIG_BYTES: usize = 128 << 10;

/// Where agents listen unless it is said.
const DEFAULT_PORT: u16 = 9443;

pub(super) fn routes() -> Router<Edge> {
    Router::new()
        .route("/resources", get(resources))
        .route("/agent/{agent}/log", get(log))
        .route("/agent/{agent}/config", put(config))
        .route("/agent/{agent}", delete(remove))
}

fn agent_id(text: String) -> Result<AgentId, ApiError> {
    AgentId::new(text).map_err(|error| ApiError::bad_request(error.to_string()))
}

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

async fn log(State(edge): State<Edge>, Path(agent): Path<String>) -> ApiResult<Value> {
    let agent = agent_id(agent)?;
    let client = edge.farm.agent_client(&agent).await?;
    let lines: Value = client.get("log").await.map_err(|error| {
        ApiError::new(axum::http::StatusCode::BAD_GATEWAY, "agent", crate::chain(&error))
            .hint("see in `GET farm` whether the agent answers")
    })?;
    Ok(ok(lines))
}

/// What 0.3 sends, and the authority that signed the agent's certificate when it is not ours.
#[derive(Deserialize)]
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

async fn config(
    State(edge): State<Edge>,
    Path(agent): Path<String>,
    JsonBody(config): JsonBody<AgentConfig, LARGEST_CONFIG_BYTES>,
) -> ApiResult<()> {
    let agent = agent_id(agent)?;
    if config.auth_user.as_deref().is_some_and(|user| user != super::USER) {
        return Err(ApiError::bad_request(format!("agents know one user, `{}`", super::USER)));
    }
    let host = config.address.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if host.is_empty() || host.len() > 253 || !host.chars().all(plain) {
        return Err(ApiError::bad_request("`address` is neither a host name nor an IP address")
            .hint("give it without scheme and port, such as 192.168.1.20"));
    }
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    let address = if bare_v6 {
        format!("[{host}]:{}", config.port)
    } else {
        format!("{host}:{}", config.port)
    };
    let request =
        Request::AddAgent { agent, address, password: config.auth_password, ca_pem: config.ca_pem };
    edge.farm.ask(request).await?;
    Ok(done())
}

async fn remove(State(edge): State<Edge>, Path(agent): Path<String>) -> ApiResult<()> {
    edge.farm.ask(Request::RemoveAgent(agent_id(agent)?)).await?;
    Ok(done())
}
