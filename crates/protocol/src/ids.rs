//! Names of things. Each kind has its own type, so that one is never passed for another.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Names become folder names and parts of URLs.
    #[error(
        "`{given}` is not a name: use 1 to 100 of letters, digits, `-`, `_` and `.`, not starting with `.`"
    )]
    Name {
        /// What was given, shortened.
        given: String,
    },
    /// Blobs are named by their SHA-256.
    #[error("`{given}` is not a SHA-256: 64 lower-case hexadecimal digits")]
    Hash {
        /// What was given, shortened.
        given: String,
    },
}

fn shortened(given: &str) -> String {
    given.chars().take(80).collect()
}

fn check_name(given: &str) -> Result<(), IdError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits =
        (1..=100).contains(&given.len()) && !given.starts_with('.') && given.chars().all(allowed);
    if fits { Ok(()) } else { Err(IdError::Name { given: shortened(given) }) }
}

fn check_hash(given: &str) -> Result<(), IdError> {
    let fits = given.len() == 64
        && given.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if fits { Ok(()) } else { Err(IdError::Hash { given: shortened(given) }) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:ident, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = $pattern)]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a name.
            pub fn new(name: impl Into<String>) -> Result<Self, IdError> {
                let name = name.into();
                $check(&name)?;
                Ok(Self(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(name: String) -> Result<Self, IdError> {
                Self::new(name)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(name: &str) -> Result<Self, IdError> {
                Self::new(name)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A submission; made by the manager.
    JobId,
    check_name,
    "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"
);
id!(
    /// An agent of a farm.
    AgentId,
    check_name,
    "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"
);
id!(
    /// A piece of work given to an agent; made by the manager, unique for ever.
    WorkId,
    check_name,
    "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"
);
id!(
    /// Bytes, named by their SHA-256 in lower-case hexadecimal.
    BlobId,
    check_hash,
    "^[0-9a-f]{64}$"
);
id!(
    /// A [`crate::SceneSpec`], named by the SHA-256 of its JSON.
    SceneId,
    check_hash,
    "^[0-9a-f]{64}$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_are_refused() {
        for bad in ["", ".", "..", "../x", "a/b", "a\\b", "a\0", ".hidden", &"x".repeat(101)] {
            assert!(JobId::new(bad).is_err(), "{bad:?}");
        }
        assert!(JobId::new("shot_010.blend-2").is_ok());
    }

    #[test]
    fn a_blob_id_is_a_lower_case_sha256() {
        assert!(BlobId::new("a".repeat(64)).is_ok());
        assert!(BlobId::new("A".repeat(64)).is_err());
        assert!(BlobId::new("a".repeat(63)).is_err());
        assert!(serde_json::from_str::<BlobId>("\"../../etc/passwd\"").is_err());
    }
}
