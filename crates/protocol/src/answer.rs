//! The envelope of every JSON answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Version of app, manager and agent. They work together only when it is the same.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What BlendNet answers since 0.3: `{"success", "message", "data"}`; an error also carries a
/// stable `code` and a `hint` that says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answer<T> {
    /// Whether the request was carried out.
    pub success: bool,
    /// For people.
    pub message: String,
    /// What was asked for. Not there in errors and where nothing was asked for: clients of 0.3 take
    /// a `null` for a failure.
    #[serde(default = "nothing", skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
    /// Stable name of the error, such as `not_found`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// An answer without data: a success of which there is nothing to tell, or an error.
pub type Done = Answer<()>;

impl<T> Answer<T> {
    /// A success with data.
    pub fn ok(data: T) -> Self {
        Self { success: true, message: "ok".to_owned(), data: Some(data), code: None, hint: None }
    }

    /// A success with data and a sentence.
    pub fn said(message: impl Into<String>, data: T) -> Self {
        Self { message: message.into(), ..Self::ok(data) }
    }
}

impl Answer<()> {
    /// A success of which there is nothing to tell.
    pub fn done() -> Self {
        Self { data: None, ..Self::ok(()) }
    }
}

fn nothing<T>() -> Option<T> {
    None
}
