//! How agents are turned away: a [`Refusal`] with a status, whatever went wrong.

use crate::problem::{Code, Problem};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use overlock_protocol::Refusal;
use overlock_protocol::message::RefusalCode;

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(Refusal);

impl Refused {
    /// With words for people.
    #[must_use]
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self(Refusal::new(code, detail))
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
        self.0.retry_seconds = Some(seconds);
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> RefusalCode {
        self.0.code
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        match problem.code() {
            Code::TimedOut | Code::Unavailable | Code::Internal | Code::TooMany => {
                Self::new(RefusalCode::Busy, problem.detail().to_owned()).retry_after(30)
            }
            _ => Self::new(RefusalCode::Invalid, problem.detail().to_owned()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.code {
            RefusalCode::TokenRefused | RefusalCode::Revoked => StatusCode::UNAUTHORIZED,
            RefusalCode::Quarantined | RefusalCode::Unconfirmed => StatusCode::FORBIDDEN,
            RefusalCode::Invalid => StatusCode::BAD_REQUEST,
            RefusalCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RefusalCode::HelloFirst => StatusCode::CONFLICT,
        };
        (status, Json(self.0)).into_response()
    }
}
