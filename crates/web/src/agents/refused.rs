//! How agents are turned away: a [`Refusal`] with a status, whatever went wrong.

use crate::problem::{Code, Problem};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use overlock_protocol::Refusal;
use overlock_protocol::message::RefusalCode;
use overlock_store::StoreError;

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    refusal: Refusal,
    status: StatusCode,
}

impl Refused {
    /// With words for people.
    #[must_use]
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        let status = match code {
            RefusalCode::TokenRefused | RefusalCode::Revoked => StatusCode::UNAUTHORIZED,
            RefusalCode::Quarantined | RefusalCode::Unconfirmed => StatusCode::FORBIDDEN,
            RefusalCode::Invalid => StatusCode::BAD_REQUEST,
            RefusalCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RefusalCode::HelloFirst => StatusCode::CONFLICT,
        };
        Self {
            refusal: Refusal::new(code, detail),
            status,
        }
    }

    /// The message breaks a limit or a rule.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(RefusalCode::Invalid, detail)
    }

    /// The message speaks of another host than the certificate.
    #[must_use]
    pub fn another_host() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            ..Self::invalid("the message names another host than the certificate")
        }
    }

    /// The agent came without a certificate of ours.
    #[must_use]
    pub fn without_certificate() -> Self {
        Self::new(
            RefusalCode::Revoked,
            "this needs the certificate of a host of this server",
        )
    }

    /// With a time to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.refusal.retry_seconds = Some(seconds);
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> RefusalCode {
        self.refusal.code
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let detail = problem.detail().to_owned();
        match problem.code() {
            Code::TimedOut | Code::Unavailable | Code::Internal | Code::TooMany => {
                Self::new(RefusalCode::Busy, detail).retry_after(30)
            }
            Code::TooLarge => Self {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                ..Self::invalid(detail)
            },
            Code::UnsupportedMedia => Self {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ..Self::invalid(detail)
            },
            _ => Self::invalid(detail),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.refusal)).into_response()
    }
}
