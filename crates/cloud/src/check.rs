//! What a provider finds out before anything costs money.

use serde::Serialize;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// It will work, though not as well as it could, or it could not be found out.
    Warned,
    /// Nothing can be launched.
    Failed,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable name, such as `credentials`.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// A check that found what it should.
    pub fn passed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Passed, found: found.into(), remedy: None }
    }

    /// A check that found something that will be felt.
    pub fn warned(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warned, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// A check that found why nothing can be launched.
    pub fn failed(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Failed, found: found.into(), remedy: Some(remedy.into()) }
    }
}
