//! Hears when the machine is to be taken away: by a SIGTERM, or from the cloud that it belongs to.

use std::time::Duration;

use blendnet_net::metadata::{Metadata, MetadataError};
use jiff::Timestamp;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::render::Engine;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// How long a session with AWS' service lasts.
const SESSION_SECS: &str = "21600";
/// What Google gives.
const GOOGLE: Duration = Duration::from_secs(30);
/// What is kept back of every notice: until it was heard.
const HEARD: Duration = Duration::from_secs(3);

/// Whom to ask whether the machine is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Cloud {
    /// Amazon: spot interruption notices, two minutes.
    Aws,
    /// Google: preemption, half a minute.
    Gcp,
}

/// How an agent hears that its machine is taken away.
#[derive(Clone, Debug, clap::Args)]
pub struct NoticeArgs {
    /// Seconds after a SIGTERM in which the machine is gone: what is rendered is handed in by then
    #[arg(long, default_value_t = 25, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub notice_secs: u64,
    /// Ask the metadata service of this cloud whether the machine is taken away
    #[arg(long, value_name = "CLOUD", env = "BLENDNET_NOTICES")]
    pub notices: Option<Cloud>,
    /// Where that service is, on a loopback or link-local address [default: the cloud's own]
    #[arg(long, value_name = "URL", env = "BLENDNET_METADATA_URL")]
    pub metadata_url: Option<String>,
}

/// Hands in what there is when the machine is taken away, and ends.
pub(crate) async fn leave(
    args: NoticeArgs,
    engine: Engine,
    sigterm: CancellationToken,
    end: CancellationToken,
) {
    let of_cloud = async {
        match args.notices {
            Some(cloud) => told_by(cloud, args.metadata_url.as_deref()).await,
            None => std::future::pending().await,
        }
    };
    let notice = tokio::select! {
        () = sigterm.cancelled() => Duration::from_secs(args.notice_secs),
        notice = of_cloud => notice,
        () = end.cancelled() => return,
    };
    engine.leave(notice).await;
    end.cancel();
}

/// Waits for the cloud's notice; answers how long the machine stays.
async fn told_by(cloud: Cloud, url: Option<&str>) -> Duration {
    let usual = match cloud {
        Cloud::Aws => "http://169.254.169.254",
        Cloud::Gcp => "http://metadata.google.internal",
    };
    let metadata = match Metadata::new(url.unwrap_or(usual)) {
        Ok(metadata) => metadata,
        Err(error) => {
            tracing::error!(%error, "notices of the cloud are not heard");
            return std::future::pending().await;
        }
    };
    let (mut session, mut told) = (None, false);
    loop {
        let found = match cloud {
            Cloud::Aws => aws(&metadata, &mut session).await,
            Cloud::Gcp => gcp(&metadata).await,
        };
        match found {
            Ok(Some(notice)) => return notice.saturating_sub(HEARD),
            Ok(None) => told = false,
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "a notice would not be heard now");
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Amazon's, version 2: with a session.
async fn aws(
    metadata: &Metadata,
    session: &mut Option<String>,
) -> Result<Option<Duration>, MetadataError> {
    #[derive(Deserialize)]
    struct Action {
        time: String,
    }
    let token = if let Some(token) = session {
        token.clone()
    } else {
        let lasts = ("X-aws-ec2-metadata-token-ttl-seconds", SESSION_SECS);
        session.insert(metadata.put("/latest/api/token", lasts).await?).clone()
    };
    let login = ("X-aws-ec2-metadata-token", token.as_str());
    let action = metadata.get("/latest/meta-data/spot/instance-action", login).await;
    if action.as_ref().is_err_and(MetadataError::is_session_over) {
        *session = None;
    }
    // One that can't be read is one all the same: then the machine may go at any moment.
    let time =
        |action: &str| serde_json::from_str::<Action>(action).ok()?.time.parse::<Timestamp>().ok();
    Ok(action?.map(|action| match time(&action) {
        Some(time) => time.duration_since(Timestamp::now()).try_into().unwrap_or_default(),
        None => GOOGLE,
    }))
}

async fn gcp(metadata: &Metadata) -> Result<Option<Duration>, MetadataError> {
    let path = "/computeMetadata/v1/instance/preempted";
    let preempted = metadata.get(path, ("Metadata-Flavor", "Google")).await?;
    Ok(preempted.filter(|said| said.trim() == "TRUE").map(|_| GOOGLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, Method, StatusCode, Uri};
    use std::sync::{Arc, Mutex};

    /// What the service says, and how often it was asked.
    #[derive(Clone, Default)]
    struct Service(Arc<Mutex<(Option<String>, u32)>>);

    async fn serve(service: &Service) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }

    async fn answer(
        State(service): State<Service>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
    ) -> (StatusCode, String) {
        let knows = |name: &str, value: &str| headers.get(name).is_some_and(|v| v == value);
        let admitted = match (method.as_str(), uri.path()) {
            ("PUT", "/latest/api/token") => return (StatusCode::OK, "secret".to_owned()),
            ("GET", "/latest/meta-data/spot/instance-action") => {
                knows("X-aws-ec2-metadata-token", "secret")
            }
            ("GET", "/computeMetadata/v1/instance/preempted") => knows("Metadata-Flavor", "Google"),
            _ => return (StatusCode::NOT_FOUND, String::new()),
        };
        if !admitted {
            return (StatusCode::UNAUTHORIZED, String::new());
        }
        let mut state = service.0.lock().unwrap();
        state.1 += 1;
        state.0.clone().map_or((StatusCode::NOT_FOUND, String::new()), |s| (StatusCode::OK, s))
    }

    #[tokio::test]
    async fn amazon_s_notice_is_heard_with_the_time_that_is_left() {
        let service = Service::default();
        let metadata = Metadata::new(&serve(&service).await).unwrap();
        // A session of before, which the service does not know.
        let mut session = Some("old".to_owned());
        assert!(aws(&metadata, &mut session).await.unwrap_err().is_session_over());
        assert_eq!(aws(&metadata, &mut session).await.unwrap(), None);
        let time = Timestamp::now() + Duration::from_mins(2);
        let says = format!("{{\"action\": \"terminate\", \"time\": \"{time}\"}}");
        service.0.lock().unwrap().0 = Some(says);
        let left = aws(&metadata, &mut session).await.unwrap().unwrap();
        assert!(left > Duration::from_mins(1) && left <= Duration::from_mins(2), "{left:?}");
        service.0.lock().unwrap().0 = Some("hibernate".to_owned());
        assert_eq!(aws(&metadata, &mut session).await.unwrap(), Some(GOOGLE));
    }

    #[tokio::test]
    async fn google_s_notice_is_waited_for() {
        let service = Service::default();
        service.0.lock().unwrap().0 = Some("FALSE".to_owned());
        let url = serve(&service).await;
        let waiting = tokio::spawn(async move { told_by(Cloud::Gcp, Some(&url)).await });
        while service.0.lock().unwrap().1 == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        service.0.lock().unwrap().0 = Some("TRUE".to_owned());
        assert_eq!(waiting.await.unwrap() + HEARD, GOOGLE);
    }
}
