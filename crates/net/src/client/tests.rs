use super::*;
use crate::answer::{ApiError, ApiResult, ok};
use crate::ca::{CertificateAuthority, Identity};
use crate::testing::Farm;
use axum::Router;
use axum::routing::{get, post};
use std::sync::atomic::{AtomicU32, Ordering};

fn router() -> Router {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let moody = move || {
        let tries = Arc::clone(&tries);
        async move {
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Err(ApiError::unavailable("not yet")),
                tries => Ok(ok(tries)) as ApiResult<u32>,
            }
        }
    };
    let moody_post = moody.clone();
    Router::new()
        .route("/api/v1/hello", get(|| async { ok("hello") }).delete(|| async { ok(()) }))
        .route("/api/v1/moody", get(moody).post(moody_post))
        .route("/api/v1/tries", get(move || async move { ok(counted.load(Ordering::Relaxed)) }))
        .route("/api/v1/later", get(std::future::pending::<()>))
        .route("/api/v1/text", get(|| async { "<html>" }))
        .route("/api/v1/big", post(|| async { vec![0; 129 << 20] }))
        .route("/api/v1/no", get(|| async { ApiError::conflict("busy").hint("wait") }))
        .route(
            "/api/v1/old",
            get(|| async {
                axum::Json(
                    serde_json::json!({"success": false, "message": "old way", "data": null}),
                )
            }),
        )
}

async fn farm() -> Farm {
    Farm::start(|_dir| router()).await
}

#[tokio::test]
async fn the_farm_is_trusted_under_its_names() {
    let farm = farm().await;
    let port = farm.address.port();
    for host in ["127.0.0.1", "localhost"] {
        let client = farm.client_at(&format!("{host}:{port}"));
        assert_eq!(client.get::<String>("hello").await.unwrap(), "hello");
        assert_eq!(client.get::<String>("/api/v1/hello").await.unwrap(), "hello");
        client.delete("hello").await.unwrap();
    }
    farm.ended().await;
}

#[tokio::test]
async fn a_server_is_reached_at_an_address_under_the_name_in_its_certificate() {
    let farm = farm().await;
    let (address, password) = (farm.address.to_string(), farm.password.clone());
    let client = Client::named("localhost", &address, &farm.identity.ca_pem, &password).unwrap();
    assert_eq!(client.get::<String>("hello").await.unwrap(), "hello");
    let other = Client::named("agent-1", &address, &farm.identity.ca_pem, &password).unwrap();
    assert!(other.get::<String>("hello").await.is_err(), "its certificate has no such name");
    assert!(Client::named("agent-1", "localhost:1", &farm.identity.ca_pem, &password).is_err());
    farm.ended().await;
}

#[tokio::test]
async fn a_server_of_another_ca_is_refused_at_once() {
    let farm = farm().await;
    let dir = tempfile::tempdir().unwrap();
    let other = CertificateAuthority::load_or_create(dir.path()).unwrap();
    let address = farm.address.to_string();
    let client = Client::new(&address, other.cert_pem(), &farm.password).unwrap();
    let error = client.get::<String>("hello").await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }) && !error.is_transient(), "{error}");
    let said = error.to_string();
    assert!(said.contains("a certificate that our CA did not sign"), "{said}");
    assert!(said.contains(&address) && !said.contains(farm.password.reveal()), "{said}");
    farm.ended().await;
}

#[tokio::test]
async fn a_server_with_a_certificate_for_another_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ca = CertificateAuthority::load_or_create(&dir.path().join("ca")).unwrap();
    let agent = dir.path().join("agent");
    let hosts = ["10.0.0.7".to_owned(), "agent-1.lan".to_owned()];
    let password = crate::ca::write_bundle(&ca, &agent, "agent-1", &hosts).unwrap();
    let identity = Identity::load_or_create(&agent, &[]).unwrap();
    let bound = crate::server::bind(([127, 0, 0, 1], 0).into(), &identity).await.unwrap();
    let address = bound.address().to_string();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let served = tokio::spawn(bound.serve(router(), shutdown.clone()));
    let client = Client::new(&address, ca.cert_pem(), &password).unwrap();
    let error = client.get::<String>("hello").await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error}");
    assert!(error.to_string().contains("for another name"), "{error}");
    shutdown.cancel();
    served.await.unwrap();
}

#[tokio::test]
async fn errors_of_the_server_keep_their_status_code_and_words() {
    let farm = farm().await;
    let client = farm.client();
    let error = client.get::<String>("no").await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::CONFLICT));
    assert_eq!((error.code(), error.message()), (Some("conflict"), "busy".to_owned()));
    assert_eq!(error.to_string(), "busy; wait");
    let error = client.get::<String>("old").await.unwrap_err();
    assert_eq!(error.message(), "old way");
    let error = client.get::<String>("text").await.unwrap_err();
    assert!(matches!(error, ClientError::Answer { .. }), "{error}");
    let error = client.get::<String>("nowhere").await.unwrap_err();
    assert_eq!(error.code(), Some("not_found"));
    farm.ended().await;
}

#[tokio::test]
async fn an_answer_without_bounds_is_not_taken() {
    let farm = farm().await;
    let error = farm.client().post::<_, String>("big", &()).await.unwrap_err();
    assert!(matches!(error, ClientError::Answer { .. }), "{error}");
    farm.ended().await;
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_tried_again() {
    let farm = farm().await;
    let wrong = Password::new("wrong").unwrap();
    let address = farm.address.to_string();
    let client = Client::new(&address, &farm.identity.ca_pem, &wrong).unwrap();
    let error = client.get::<String>("hello").await.unwrap_err();
    assert!(error.is_auth() && !error.is_transient(), "{error}");
    assert!(!format!("{client:?} {error:?}").contains(farm.password.reveal()));
    farm.ended().await;
}

#[tokio::test]
async fn only_requests_that_may_be_repeated_are_repeated() {
    let farm = farm().await;
    let client = farm.client();
    let error = client.post::<_, u32>("moody", &()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(client.get::<u32>("tries").await.unwrap(), 1);
    assert_eq!(client.get::<u32>("moody").await.unwrap(), 2);
    farm.ended().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_or_silent_is_told_apart() {
    let farm = farm().await;
    let client = farm.client();
    let wait = Duration::from_millis(100);
    let error = client.get_with_timeout::<String>("later", wait).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
    let again = farm.client();
    farm.shutdown.cancel();
    farm.served.await.unwrap();
    let error = again.post::<_, String>("hello", &()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("nothing listens there"), "{error}");
}

#[test]
fn addresses_and_cas_that_are_none_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ca = CertificateAuthority::load_or_create(dir.path()).unwrap();
    let password = Password::generate().unwrap();
    for bad in ["", "a b:1", "x:1/path", "user@x:1", "x:99999", "x:1?y"] {
        assert!(Client::new(bad, ca.cert_pem(), &password).is_err(), "{bad:?}");
    }
    for bad in ["", "no pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert!(Client::new("x:1", bad, &password).is_err(), "{bad:?}");
    }
    assert!(Client::new("[::1]:8443", ca.cert_pem(), &password).is_ok());
}

#[test]
fn a_segment_never_changes_the_path() {
    assert_eq!(segment("shot 1/..?#%ä.exr"), "shot%201%2F..%3F%23%25%C3%A4.exr");
    assert_eq!((segment(".."), segment(".")), ("%2E%2E".to_owned(), "%2E".to_owned()));
}
