//! What Amazon's errors mean for us.

use aws_sdk_ec2::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use blendnet_cloud::ProviderError;
use std::error::Error;

/// The error of a call of the SDK, in our words.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
pub(crate) fn failed<E, R>(doing: &str, error: SdkError<E, R>) -> ProviderError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    let message = error.message().map(str::to_owned);
    match (&error, code) {
        (SdkError::ServiceError(_), Some(code)) => {
            of_code(doing, &code, &message.unwrap_or_default())
        }
        (SdkError::ServiceError(_), None) => ProviderError::Unreachable {
            doing: doing.to_owned(),
            reason: "the answer is not Amazon's".to_owned(),
        },
        (SdkError::ConstructionFailure(_), _) => ProviderError::Failed {
            doing: doing.to_owned(),
            reason: DisplayErrorContext(&error).to_string(),
        },
        _ => {
            let reason = DisplayErrorContext(&error).to_string();
            if reason.contains("credential") {
                return ProviderError::Credentials { provider: "aws", reason };
            }
            ProviderError::Unreachable { doing: doing.to_owned(), reason }
        }
    }
}

/// What a code of EC2, S3 or STS means.
pub(crate) fn of_code(doing: &str, code: &str, message: &str) -> ProviderError {
    let doing = doing.to_owned();
    let reason = format!("{message} ({code})");
    match code {
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "MissingAuthenticationToken" => ProviderError::Credentials { provider: "aws", reason },
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" | "OptInRequired" => {
            ProviderError::Denied { doing, reason }
        }
        "VcpuLimitExceeded"
        | "InstanceLimitExceeded"
        | "MaxSpotInstanceCountExceeded"
        | "SpotMaxPriceTooLow" => ProviderError::Quota { quota: code.to_owned(), reason },
        "InsufficientInstanceCapacity"
        | "InsufficientHostCapacity"
        | "UnfulfillableCapacity"
        | "Unsupported" => ProviderError::NoCapacity { tried: reason },
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "SlowDown"
        | "TooManyRequestsException" => ProviderError::Throttled { doing, retry_after: None },
        "InternalError" | "InternalFailure" | "Unavailable" | "ServiceUnavailable" => {
            ProviderError::Unreachable { doing, reason }
        }
        "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed" => {
            ProviderError::Unknown { id: message.to_owned() }
        }
        _ => ProviderError::Failed { doing, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whether_asking_again_helps() {
        for code in ["RequestLimitExceeded", "InsufficientInstanceCapacity", "InternalError"] {
            assert!(of_code("launching", code, "").is_transient(), "{code}");
        }
        // A clock that is wrong is not put right by asking again.
        for code in [
            "ExpiredToken",
            "RequestTimeTooSkewed",
            "UnauthorizedOperation",
            "VcpuLimitExceeded",
            "Strange",
        ] {
            assert!(!of_code("launching", code, "").is_transient(), "{code}");
        }
    }
}
