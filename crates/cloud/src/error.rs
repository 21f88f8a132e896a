//! Why a provider did not do what it was asked.

use std::time::Duration;

/// Why a provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Who we are is unknown, wrong, or no longer true.
    #[error("{provider} does not accept the credentials: {reason}")]
    Credentials {
        /// Which provider.
        provider: &'static str,
        /// What it says.
        reason: String,
    },
    /// We are known and may not do this.
    #[error("{doing} is not allowed: {reason}")]
    Denied {
        /// What was tried.
        doing: String,
        /// What the provider says.
        reason: String,
    },
    /// The account's limit is reached; another type or region may have room.
    #[error("the account's limit is reached ({quota}): {reason}")]
    Quota {
        /// The provider's name for the limit.
        quota: String,
        /// What the provider says.
        reason: String,
    },
    /// Nothing of what was asked for is free now; asking again later may help.
    #[error("no capacity now: {tried}")]
    NoCapacity {
        /// What was tried, with the provider's words.
        tried: String,
    },
    /// Too many requests.
    #[error("{doing}: asked too often")]
    Throttled {
        /// What was tried.
        doing: String,
        /// How long the provider wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer, or one that says that the provider is not well.
    #[error("{doing}: no good answer: {reason}")]
    Unreachable {
        /// What was tried.
        doing: String,
        /// Why.
        reason: String,
    },
    /// There is no such instance, or not any more.
    #[error("there is no instance {id}")]
    Unknown {
        /// Which.
        id: String,
    },
    /// A setting that can't be used.
    #[error("setting `{name}`: {reason}")]
    Setting {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// The machine is there, but the agent's program does not start.
    #[error("{0}")]
    Start(#[from] crate::LaunchError),
    /// Anything else.
    #[error("{doing}: {reason}")]
    Failed {
        /// What was tried.
        doing: String,
        /// Why.
        reason: String,
    },
}

impl ProviderError {
    /// Whether the same call may succeed later without a person doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::NoCapacity { .. } | Self::Throttled { .. } | Self::Unreachable { .. })
    }
}
