//! Answers: JSON with the digest of its content as `ETag`, so that who has it already is not sent it again.

use crate::problem::Problem;
use crate::routes::Call;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use overlock_model::plan::Digest;
use serde::Serialize;

/// What was read; `304` for who has it already (RFC 9110 section 15.4.5).
pub(crate) fn read<S, P, T: Serialize>(call: &Call<S, P>, value: &T) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(Problem::internal)?;
    let etag = etag_of(&body);
    let mut response = if call.has(&etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json(StatusCode::OK, body)
    };
    let headers = response.headers_mut();
    // Kept by the client if it likes, never by anything between, and asked for anew each time.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    set(headers, ETAG, &etag)?;
    Ok(response)
}

/// A strong `ETag`: the digest of the content.
pub(crate) fn etag_of(body: &[u8]) -> String {
    let digest = Digest::of(body).to_string();
    format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
}

/// The `ETag` of a value.
pub(crate) fn etag<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_vec(value)
        .map(|body| etag_of(&body))
        .map_err(Problem::internal)
}

/// What an act gave.
pub(crate) fn done<T: Serialize>(value: &T) -> Result<Response, Problem> {
    serde_json::to_vec(value)
        .map(|body| json(StatusCode::OK, body))
        .map_err(Problem::internal)
}

/// It is done, and there is nothing more to say.
pub(crate) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Something new: what an idempotency key keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub body: Vec<u8>,
    /// Where it can be read from now on.
    pub location: Option<String>,
}

impl Made {
    pub fn new<T: Serialize>(value: &T, location: Option<String>) -> Result<Self, Problem> {
        Ok(Self {
            body: serde_json::to_vec(value).map_err(Problem::internal)?,
            location,
        })
    }

    pub fn response(self) -> Result<Response, Problem> {
        let mut response = json(StatusCode::CREATED, self.body);
        if let Some(location) = &self.location {
            set(response.headers_mut(), LOCATION, location)?;
        }
        Ok(response)
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn set(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) -> Result<(), Problem> {
    headers.insert(
        name,
        HeaderValue::from_str(value).map_err(Problem::internal)?,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_content_has_an_equal_tag() {
        assert_eq!(etag(&1).unwrap(), etag_of(b"1"));
        assert_ne!(etag(&1).unwrap(), etag(&2).unwrap());
        assert_eq!(etag(&1).unwrap().len(), 34);
    }
}
