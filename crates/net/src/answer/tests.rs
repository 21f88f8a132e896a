use super::*;
use axum::body::{Body, to_bytes};
use axum::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::routing::{get, put};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt as _;

#[derive(Deserialize)]
struct Given {
    samples: u32,
}

async fn take(JsonBody(given): JsonBody<Given, 64>) -> Json<Answer<u32>> {
    ok(given.samples)
}

fn router() -> Router {
    let by_number = get(|UrlPath(number): UrlPath<u32>| async move { ok(number) });
    let any = put(|JsonBody(any): JsonBody<Value>| async move { ok(any) });
    let router = Router::new().route("/take", put(take)).route("/any", any);
    fallback(router.route("/number/{number}", by_number))
}

async fn asked(request: Request) -> (StatusCode, Value) {
    let response = router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn put_body(body: impl Into<Body>) -> Request {
    Request::put("/take").body(body.into()).unwrap()
}

#[tokio::test]
async fn a_body_is_read_whatever_its_content_type() {
    for content_type in [None, Some("application/json"), Some("application/x-www-form-urlencoded")]
    {
        let mut request = put_body(r#"{"samples": 23}"#);
        if let Some(content_type) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        let (status, answer) = asked(request).await;
        assert_eq!((status, answer["data"].as_u64()), (StatusCode::OK, Some(23)));
    }
}

#[tokio::test]
async fn bodies_that_do_not_fit_get_an_error_that_says_why() {
    for (body, status, word) in [
        ("", StatusCode::BAD_REQUEST, "empty"),
        ("{", StatusCode::BAD_REQUEST, "not JSON"),
        ("\u{feff}{}", StatusCode::BAD_REQUEST, "not JSON"),
        ("[]", StatusCode::UNPROCESSABLE_ENTITY, "does not fit"),
        (r#"{"samples": -1}"#, StatusCode::UNPROCESSABLE_ENTITY, "-1"),
        (r#"{"other": 1}"#, StatusCode::UNPROCESSABLE_ENTITY, "samples"),
    ] {
        let (found, answer) = asked(put_body(body)).await;
        assert_eq!(found, status, "{body}");
        assert_eq!(answer["success"], false);
        assert!(answer["message"].as_str().unwrap().contains(word), "{answer}");
    }
    let (status, _) = asked(put_body(vec![0xff, 0xfe, b'"'])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_that_nests_without_end_is_refused() {
    for deep in ["[".repeat(500_000), "{\"a\":".repeat(80_000)] {
        let request = Request::put("/any").body(deep.into()).unwrap();
        assert_eq!(asked(request).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_announced_or_not() {
    let (status, answer) = asked(put_body("x".repeat(65))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer["code"], "too_large");
    let mut announced = put_body("{}");
    announced.headers_mut().insert(CONTENT_LENGTH, "1000000000000000".parse().unwrap());
    assert_eq!(asked(announced).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_packed_body_is_not_unpacked() {
    let mut request = put_body("{}");
    request.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    assert_eq!(asked(request).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn unknown_paths_methods_and_parts_answer_in_the_envelope() {
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let (status, answer) = asked(get("/nowhere")).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &"not_found".into()));
    let (status, answer) = asked(get("/take")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer["code"], "method_not_allowed");
    for path in ["/number/x", "/number/-1", "/number/%ff"] {
        assert_eq!(asked(get(path)).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let response = router().oneshot(get("/take")).await.unwrap();
    assert_eq!(response.headers().get(ALLOW).unwrap(), "PUT");
}

#[tokio::test]
async fn internal_errors_do_not_tell_the_client_their_cause() {
    let error = std::io::Error::other("/secret/path is gone");
    let response = axum::response::IntoResponse::into_response(ApiError::internal(&error));
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("secret"));
}
