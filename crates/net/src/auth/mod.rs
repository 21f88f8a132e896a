//! Who may speak to a server: one user with a password, and no page of another site.
//!
//! A wrong password is answered late, later with every further one from the same place, and one
//! at a time. The right one is never made to wait for that. Places that send more wrong ones than
//! can wait in line are not even listened to until the line is shorter.

use crate::answer::ApiError;
use crate::secret::Password;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

mod slowdown;
#[cfg(test)]
mod tests;

use slowdown::{Place, Slowdown};

/// The user of every server of ours.
pub const USER: &str = "blendnet";

/// Lets only those who know the password pass, and refuses what a browser sends for another site.
pub fn require_password(router: Router, user: &str, password: Arc<Password>) -> Router {
    let guard = Guard { user: user.to_owned(), password, slowdown: Slowdown::default() };
    router.layer(from_fn_with_state(Arc::new(guard), check))
}

struct Guard {
    user: String,
    password: Arc<Password>,
    slowdown: Slowdown,
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if is_from_another_site(request.headers()) {
        return ApiError::forbidden("a page of another site may not use this server")
            .hint("open the address itself, or use a program")
            .into_response();
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let place = Place::of(peer.map(|ConnectInfo(address)| address.ip()));
    if guard.slowdown.is_crowded(place) {
        return busy();
    }
    match credentials(request.headers()) {
        None => unauthorized("this server wants a user and a password"),
        Some((user, given)) if guard.knows(&user, &given) => next.run(request).await,
        Some(_) => {
            tracing::warn!("a wrong user or password from {place}");
            if guard.slowdown.wait_after_failure(place).await {
                unauthorized("the user or the password is wrong")
            } else {
                busy()
            }
        }
    }
}

impl Guard {
    fn knows(&self, user: &str, password: &str) -> bool {
        // Both are looked at, so that the time does not tell which one is wrong.
        let known_user: bool = self.user.as_bytes().ct_eq(user.as_bytes()).into();
        self.password.matches(password) & known_user
    }
}

/// Browsers say where a request comes from; programs don't. Another port of this machine is
/// `same-site` to them, and none of ours either.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().any(|site| site != "same-origin" && site != "none")
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn unauthorized(message: &str) -> Response {
    let error = ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .hint("the password is in the file `password` of the server's folder");
    let wanted = HeaderValue::from_static("Basic realm=\"BlendNet\", charset=\"UTF-8\"");
    ([(WWW_AUTHENTICATE, wanted)], error).into_response()
}

fn busy() -> Response {
    let error = ApiError::too_many_requests("too many wrong passwords came from your address")
        .hint("wait a minute, then use the right one");
    ([(RETRY_AFTER, HeaderValue::from_static("5"))], error).into_response()
}
