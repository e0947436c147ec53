//! What people and programs get when something is not done: problem details (RFC 9457) with a stable code.
//!
//! Errors of other crates know nothing of HTTP; the functions here are the one place where they become a status and a code.
//! What is inside goes to the log, never to the client.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;

/// Codes are stable: programs act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The path is written in a way that is not taken: escapes, double or trailing slashes, dots, parameters.
    PathRefused,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The path has no such method.
    MethodRefused,
    /// No valid token or session came along.
    Unauthenticated,
    /// The caller's roles do not allow it.
    Forbidden,
    /// A change by session came without the session's token against cross-site requests.
    CrossSite,
    /// The request cannot be understood; `detail` says where.
    Invalid,
    /// The body is larger than may be.
    TooLarge,
    /// The body is encoded in a way, or of a kind, that is not taken.
    UnsupportedMedia,
    /// The thing changed since it was read (`If-Match`), or a change needs `If-Match`.
    Changed,
    /// It contradicts what is there.
    Conflict,
    /// The key was used for another request.
    IdempotencyMismatch,
    /// Too many attempts; come back later.
    TooMany,
    /// It took too long.
    TimedOut,
    /// The server cannot now: it starts, stops, or its database does not answer.
    Unavailable,
    /// A bug, which the log of the server describes.
    Internal,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::PathRefused | Self::Invalid => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodRefused => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::PathRefused => "path refused",
            Self::NotFound => "not found",
            Self::MethodRefused => "method not allowed here",
            Self::Unauthenticated => "not authenticated",
            Self::Forbidden => "not allowed",
            Self::CrossSite => "cross-site request refused",
            Self::Invalid => "request not understood",
            Self::TooLarge => "body too large",
            Self::UnsupportedMedia => "body of a kind that is not taken",
            Self::Changed => "changed meanwhile",
            Self::Conflict => "contradicts what is there",
            Self::IdempotencyMismatch => "idempotency key used for another request",
            Self::TooMany => "too many attempts",
            Self::TimedOut => "took too long",
            Self::Unavailable => "not available now",
            Self::Internal => "bug in the server",
        }
    }
}

/// Problem details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// `urn:overlock:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What programs act on.
    code: Code,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: Cow<'static, str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip)]
    retry_seconds: Option<u32>,
}

impl Problem {
    /// A problem with words for people.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let word = serde_json::to_value(code).unwrap_or_default();
        Self {
            kind: format!("urn:overlock:problem:{}", word.as_str().unwrap_or_default()),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: detail.into(),
            hint: None,
            retry_seconds: None,
        }
    }

    /// There is no such thing, or the caller may not know.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "")
    }

    /// The request is wrong.
    #[must_use]
    pub fn invalid(cause: impl std::fmt::Display) -> Self {
        Self::new(Code::Invalid, cause.to_string())
    }

    /// A bug: the cause goes to the log only.
    #[must_use]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed inside");
        Self::new(Code::Internal, "the log of the server says more")
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a time to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_seconds = Some(seconds);
        self
    }

    /// What is wrong with this request.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
