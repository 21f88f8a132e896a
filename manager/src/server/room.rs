//! Machines of the room: pairing with them, letting go of them.

use super::Edge;
use super::agents::{DEFAULT_PORT, endpoint};
use crate::farm::Request;
use crate::room::{self, RoomError};
use axum::extract::State;
use axum::http::StatusCode;
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, UrlPath, ok};
use blendnet_net::pair::PairError;
use blendnet_protocol::{AgentId, Answer, PairRequest, RoomMachine, Unpaired};
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long a machine is told that the farm lets go of it.
const TELLING: Duration = Duration::from_secs(8);

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(list, pair)).routes(routes!(unpair))
}

/// The machines of the room.
#[utoipa::path(get, path = "/farm/room", tag = "room",
    responses((status = 200, description = "Done", body = Answer<Vec<RoomMachine>>)))]
async fn list(State(edge): State<Edge>) -> ApiResult<Vec<RoomMachine>> {
    Ok(ok(edge.context.room.list()))
}

/// Pairs with a machine that shows a code.
#[utoipa::path(post, path = "/farm/room", tag = "room",
    request_body = PairRequest,
    responses((status = 200, description = "Done", body = Answer<RoomMachine>),
        (status = 403, description = "The code is wrong"),
        (status = 409, description = "Another agent has that name"),
        (status = 424, description = "The machine can't be paired with"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
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

/// Lets go of a machine.
#[utoipa::path(delete, path = "/farm/room/{machine}", tag = "room",
    params(("machine" = AgentId, Path, description = "Name of the machine")),
    responses((status = 200, description = "Done", body = Answer<Unpaired>),
        (status = 404, description = "No such machine is paired"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn unpair(State(edge): State<Edge>, UrlPath(name): UrlPath<String>) -> ApiResult<Unpaired> {
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
