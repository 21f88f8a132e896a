//! Why a wish is not granted, as HTTP says it.

use crate::farm::FarmError;
use axum::http::StatusCode;
use blendnet_net::answer::ApiError;

impl From<FarmError> for ApiError {
    fn from(error: FarmError) -> Self {
        let message = error.to_string();
        match error {
            FarmError::UnknownJob(_) => {
                Self::not_found(message).hint("`GET job` lists the jobs that there are")
            }
            FarmError::UnknownAgent(_) => {
                Self::not_found(message).hint("`GET farm` lists the agents that there are")
            }
            FarmError::UnknownFrame { .. } => {
                Self::not_found(message).hint("`GET job/{job}` lists its frames")
            }
            FarmError::Settle(_) | FarmError::JobExists(_) => Self::conflict(message),
            FarmError::MissingBlobs(_) => Self::conflict(message)
                .hint("ask `POST blob/missing` which files to upload, and upload them first"),
            FarmError::NoPrice => Self::new(StatusCode::BAD_REQUEST, "no_price", message)
                .hint("start it with --usd-per-hour, or leave the budget out"),
            FarmError::NoProject(_) | FarmError::Invalid(_) => Self::bad_request(message),
            FarmError::WrongState { hint, .. } => Self::conflict(message).hint(hint),
            FarmError::Store(_) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "not_stored", message)
                    .hint("see that the manager's disk has room and is writable")
            }
            FarmError::Ended => Self::new(StatusCode::SERVICE_UNAVAILABLE, "ending", message)
                .hint("start it again; stopped jobs are kept"),
        }
    }
}
