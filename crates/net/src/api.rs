//! The description of a server's interface, made of the routes themselves, and a page to read it.
//!
//! Router and description are made of the same `#[utoipa::path]`, so a route is in both or in neither.

use crate::answer;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse as _, Response};
use axum::{Extension, Router};
use blendnet_protocol::{Answer, VERSION};
use std::sync::Arc;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, Info, OpenApi, PathItem, Ref, RefOr, Response as Described,
    ResponseBuilder, Server,
};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Below which all routes lie.
const BASE: &str = "/api/v1";

/// Shows the description; loads nothing from elsewhere.
const PAGE: &str = include_str!("api.html");

/// Name of the schema of all errors.
const ERROR: &str = "Error";

/// Errors that every request may get.
const ALWAYS: [(&str, &str); 4] = [
    ("401", "The user or the password is wrong or missing."),
    ("403", "Not allowed. What a browser sends for a page of another site never is."),
    ("429", "Too many wrong passwords came from this address."),
    ("500", "Something went wrong here; the server's log says what."),
];

/// Errors of requests with a path or a query that has to be read.
const WITH_PARAMETERS: [(&str, &str); 1] = [("400", "The request makes no sense.")];

/// Errors of requests with a body.
const WITH_BODY: [(&str, &str); 5] = [
    ("400", "The request makes no sense."),
    ("408", "The rest of the body did not come in time."),
    ("413", "The body is larger than this server takes."),
    ("415", "The body is packed."),
    ("422", "The body is JSON, but its values can't be."),
];

/// All routes below `/api/v1`, with their description at `openapi.json` and a page that shows it at
/// `docs`. Unknown paths and methods are answered in the envelope. `title` names the server.
pub fn serve(routes: OpenApiRouter, title: &str) -> Router {
    let all = routes.routes(routes!(document)).routes(routes!(page));
    let (served, mut api) = all.split_for_parts();
    complete(&mut api, title);
    let json: Arc<str> = serde_json::to_string_pretty(&api).unwrap_or_default().into();
    answer::fallback(Router::new().nest(BASE, served.layer(Extension(json))))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "description",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
async fn document(Extension(json): Extension<Arc<str>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

/// A page that shows this description.
#[utoipa::path(get, path = "/docs", tag = "description",
    responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
async fn page() -> Response {
    let own = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";
    let policy = (CONTENT_SECURITY_POLICY, HeaderValue::from_static(own));
    ([policy], Html(PAGE)).into_response()
}

/// Adds what all routes have in common.
fn complete(api: &mut OpenApi, title: &str) {
    api.info = Info::new(title, VERSION);
    api.servers = Some(vec![Server::new(BASE)]);
    let password = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
    let components = api.components.get_or_insert_with(Components::new);
    components.add_security_scheme("password", password);
    components.schemas.insert(ERROR.to_owned(), Answer::<()>::schema());
    // What `Answer<()>` refers to and nobody collects.
    components.schemas.insert(<()>::name().into_owned(), <()>::schema());
    api.security = Some(vec![SecurityRequirement::new("password", [""; 0])]);
    for (path, mut item) in std::mem::take(&mut api.paths.paths) {
        operations(&mut item).for_each(add_errors);
        // What axum calls `{*path}` takes slashes, too.
        api.paths.paths.insert(path.replace("{*", "{"), item);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, .. } = item;
    [get, put, post, delete].into_iter().filter_map(Option::as_mut)
}

fn add_errors(operation: &mut Operation) {
    let has_parameters = operation.parameters.as_ref().is_some_and(|all| !all.is_empty());
    let has_body = operation.request_body.is_some();
    let errors = ALWAYS
        .iter()
        .chain(WITH_BODY.iter().filter(|_| has_body))
        .chain(WITH_PARAMETERS.iter().filter(|_| has_parameters));
    let all = &mut operation.responses.responses;
    for (status, meaning) in errors {
        let described = || RefOr::T(ResponseBuilder::new().description(*meaning).build());
        all.entry((*status).to_owned()).or_insert_with(described);
    }
    for (status, response) in all {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            in_envelope(response);
        }
    }
}

/// Errors are answered in the envelope.
fn in_envelope(error: &mut Described) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ERROR))).build();
    error.content.insert("application/json".to_owned(), RefOr::T(content));
}
