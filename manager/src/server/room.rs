//! Machines of the room: pairing with them, letting go of them.

use super::Edge;
use super::agents::{DEFAULT_PORT, endpoint};
use crate::farm::Request;
use crate::room::{self, RoomError};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, ok};
use blendnet_net::pair::PairError;
use blendnet_protocol::{AgentId, PairRequest, RoomMachine, Unpaired};
use std::time::Duration;

/// How long a machine is told that the farm lets go of it.
const TELLING: Duration = Duration::from_secs(8);

pub(super) fn routes() -> Router<Edge> {
    Router::new()
        .route("/farm/room", get(list).post(pair))
        .route("/farm/room/{machine}", delete(unpair))
}

async fn list(State(edge): State<Edge>) -> ApiResult<Vec<RoomMachine>> {
    Ok(ok(edge.context.room.list()))
}

async fn pair(
    State(edge): State<Edge>,
    JsonBody(wish): JsonBody<PairRequest>,
) -> ApiResult<RoomMachine> {
    let PairRequest { address, code, name } = wish;
    let address = endpoint(&address, DEFAULT_PORT)?;
    let launched = |name: &AgentId| {
        let view = edge.farm.view();
        view.agents.iter().any(|agent| agent.id == *name && !agent.in_room)
    };
    if let Some(name) = name.as_ref().filter(|name| launched(name)) {
        let message = format!("the farm has another agent `{name}`");
        return Err(ApiError::conflict(message).hint("choose another name with --name"));
    }
    let context = &edge.context;
    let paired = context.room.pair(&context.authority, &address, &code, name).await?;
    if let Some(before) = paired.before {
        edge.farm.ask(Request::RemoveAgent(before)).await?;
    }
    room::add(&edge.farm, paired.machine.clone(), paired.password).await;
    tracing::info!(machine = %paired.machine.name, address, "paired");
    Ok(ok(paired.machine))
}

async fn unpair(State(edge): State<Edge>, Path(name): Path<String>) -> ApiResult<Unpaired> {
    let name = AgentId::new(name).map_err(|error| ApiError::bad_request(error.to_string()))?;
    if !edge.context.room.holds(&name) {
        return Err(ApiError::not_found(format!("no machine `{name}` is paired"))
            .hint("`blendnet farm status` lists those that are"));
    }
    let told = match edge.farm.agent_client(&name).await {
        Ok(client) => match tokio::time::timeout(TELLING, client.delete("pairing")).await {
            Ok(told) => told.map_err(|error| crate::chain(&error)),
            Err(_late) => Err("it does not answer".to_owned()),
        },
        Err(error) => Err(error.to_string()),
    };
    edge.context.room.remove(&name).map_err(RoomError::Store)?;
    edge.farm.ask(Request::RemoveAgent(name)).await?;
    Ok(ok(Unpaired { untold: told.err() }))
}

impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        let message = error.to_string();
        let (status, code) = match &error {
            RoomError::Code(_) => (StatusCode::BAD_REQUEST, "bad_code"),
            RoomError::Pair(PairError::WrongCode { .. }) => (StatusCode::FORBIDDEN, "wrong_code"),
            RoomError::Pair(_) => (StatusCode::FAILED_DEPENDENCY, "not_paired"),
            RoomError::Certificate(_) => (StatusCode::BAD_REQUEST, "bad_address"),
            RoomError::Store(_) => (StatusCode::INSUFFICIENT_STORAGE, "not_stored"),
        };
        let hint = match &error {
            RoomError::Pair(PairError::Unreachable { .. } | PairError::TimedOut) => Some(
                "see that `blendnet-agent --pair` waits there, and that no firewall closes its port",
            ),
            RoomError::Pair(PairError::WrongCode { left: 0 }) => {
                Some("start `blendnet-agent --pair` there again, and use its new code")
            }
            RoomError::Pair(PairError::WrongCode { .. }) => {
                Some("read the code on that machine again")
            }
            RoomError::Pair(PairError::Strange { .. }) => {
                Some("give the address of a machine on which `blendnet-agent --pair` waits")
            }
            _ => None,
        };
        let error = Self::new(status, code, message);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
