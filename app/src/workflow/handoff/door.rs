//! The door of the open window: takes hand-overs from programs of the same user, and says how far
//! they are.
//!
//! HTTPS on a loopback port that the system chooses, with a password that is new each time a
//! window opens and lies in a folder that only the user can read. Whoever sends what only a
//! browser sends is refused before the password is looked at.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use blendnet_net::answer::{self, ApiError, ApiResult, JsonBody, UrlPath};
use blendnet_net::auth;
use blendnet_net::ca::Identity;
use blendnet_net::secret::{Password, create_private_dir, write_private};
use blendnet_net::server::{self, Bound};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Handoff;
use super::board::{Board, Standing};
use crate::workflow::data_dir::DataDir;
use crate::workflow::problem::{Problem, ProblemKind};

/// Headers that only browsers send.
const OF_BROWSERS: [HeaderName; 4] = [
    ORIGIN,
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-dest"),
];

/// What comes through the door. The window shows it, and does no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The window itself.
    Window,
    /// A .blend.
    Scene(PathBuf),
    /// A scene from Blender, by its `handoff.json`.
    Handoff(PathBuf),
}

/// What the window gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// Come to the front.
    Window,
    /// Show a .blend.
    Scene(PathBuf),
    /// Show a scene from Blender.
    Handoff(Box<Handoff>),
}

/// How clients find the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sign {
    /// `127.0.0.1:port`.
    pub(super) address: String,
    /// Version of the window.
    pub(super) version: String,
    /// Its process.
    pub(super) pid: u32,
}

/// Folder of the door's files.
pub(super) fn folder(data: &DataDir) -> PathBuf {
    data.root().join("door")
}

pub(super) fn sign_path(folder: &Path) -> PathBuf {
    folder.join("door.json")
}

/// The right to be the one window of a data folder; ends with the process, however that ends.
#[derive(Debug)]
pub struct Claim {
    folder: PathBuf,
    /// The system lets go of its lock when it is closed.
    lock: std::fs::File,
}

impl Claim {
    /// Takes it; `None`: another window has it.
    pub fn take(data: &DataDir) -> Result<Option<Self>, Problem> {
        let folder = folder(data);
        let lock = open_lock(&folder)?;
        match lock.try_lock() {
            Ok(()) => {
                // That of a window that crashed.
                drop(fs_err::remove_file(sign_path(&folder)));
                Ok(Some(Self { folder, lock }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Problem::local_file(&error, ProblemKind::Input)),
        }
    }

    /// Whether another window has it.
    pub(super) fn is_taken(data: &DataDir) -> Result<bool, Problem> {
        let lock = open_lock(&folder(data))?;
        Ok(matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

fn open_lock(folder: &Path) -> Result<std::fs::File, Problem> {
    create_private_dir(folder).map_err(|e| Problem::input(e.to_string()))?;
    let mut options = fs_err::OpenOptions::new();
    let opened = options.create(true).truncate(false).write(true).open(folder.join("lock"));
    opened.map(|file| file.into_parts().0).map_err(|e| Problem::local_file(&e, ProblemKind::Input))
}

/// A door that can be knocked at, and does not answer yet.
#[derive(Debug)]
pub struct Door {
    claim: Claim,
    bound: Bound,
    password: Arc<Password>,
}

impl Door {
    /// Listens, and puts up the sign.
    pub async fn put_up(claim: Claim) -> Result<Self, Problem> {
        let cant = |e: &dyn std::fmt::Display| {
            Problem::farm(format!("Blender can't hand scenes over to this window: {e}"))
        };
        let folder = &claim.folder;
        let identity = Identity::load_or_create(folder, &[]).map_err(|e| cant(&e))?;
        let password = Password::generate().map_err(|e| cant(&e))?;
        let bound = server::bind(([127, 0, 0, 1], 0).into(), &identity).await;
        let bound = bound.map_err(|e| cant(&e))?;
        write_private(&folder.join("password"), password.reveal().as_bytes())
            .map_err(|e| cant(&e))?;
        let sign = Sign {
            address: bound.address().to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
        };
        let sign = serde_json::to_vec(&sign).map_err(|e| cant(&e))?;
        write_private(&sign_path(folder), &sign).map_err(|e| cant(&e))?;
        Ok(Self { claim, bound, password: Arc::new(password) })
    }

    /// Answers until `shutdown` is cancelled, and takes down the sign.
    pub async fn serve(
        self,
        board: Board,
        deliver: impl Fn(Delivery) + Send + Sync + 'static,
        shutdown: CancellationToken,
    ) {
        let Self { claim, bound, password } = self;
        let house = Arc::new(House { board, deliver: Box::new(deliver) });
        let routes = Router::new()
            .route("/api/v1/door", post(take))
            .route("/api/v1/door/{id}", get(standing))
            .with_state(house);
        let guarded = auth::require_password(answer::fallback(routes), auth::USER, password);
        let address = Arc::new(bound.address().to_string());
        bound.serve(guarded.layer(from_fn_with_state(address, no_browsers)), shutdown).await;
        drop(fs_err::remove_file(sign_path(&claim.folder)));
        drop(claim.lock);
    }
}

struct House {
    board: Board,
    deliver: Box<dyn Fn(Delivery) + Send + Sync>,
}

async fn no_browsers(State(address): State<Arc<String>>, request: Request, next: Next) -> Response {
    match why_not(request.method(), request.headers(), &address) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    }
}

/// Why a request is refused, whoever sends it.
fn why_not(method: &Method, headers: &HeaderMap, address: &str) -> Option<ApiError> {
    if OF_BROWSERS.iter().any(|name| headers.contains_key(name)) {
        return Some(ApiError::forbidden("no browser may use this door"));
    }
    // A page can have its own name resolved to this machine.
    let mut hosts = headers.get_all(HOST).iter();
    if hosts.next().is_none_or(|host| host != address) || hosts.next().is_some() {
        return Some(ApiError::forbidden(format!("this door is {address} and nothing else")));
    }
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    (method == Method::POST && !is_json).then(|| {
        ApiError::unsupported_media_type("this door takes application/json and nothing else")
    })
}

async fn take(
    State(house): State<Arc<House>>,
    JsonBody(order): JsonBody<Order>,
) -> ApiResult<Option<String>> {
    let delivery = match order {
        Order::Window => Delivery::Window,
        Order::Scene(path) => Delivery::Scene(path),
        Order::Handoff(path) => Delivery::Handoff(Box::new(read(path).await?)),
    };
    let mut id = None;
    if let Delivery::Handoff(handoff) = &delivery {
        if !house.board.take(handoff) {
            return Err(ApiError::conflict("this scene was handed over already")
                .hint("send it from Blender once more"));
        }
        id = Some(handoff.id.clone());
    }
    (house.deliver)(delivery);
    Ok(answer::ok(id))
}

async fn read(path: PathBuf) -> Result<Handoff, ApiError> {
    let read = tokio::task::spawn_blocking(move || Handoff::read(&path)).await;
    let read = read.map_err(|error| ApiError::internal(&error))?;
    read.map_err(|problem| {
        let error = ApiError::unprocessable(problem.message);
        match problem.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

async fn standing(
    State(house): State<Arc<House>>,
    UrlPath(id): UrlPath<String>,
) -> ApiResult<Standing> {
    let standing = house.board.standing(&id);
    standing.map(answer::ok).ok_or_else(|| ApiError::not_found("this scene was not handed over"))
}

#[cfg(test)]
mod tests;
