//! One request whose access is proved: what a handler is given.

use crate::listen::Peer;
use crate::problem::{Code, Problem};
use axum::body::Bytes;
use axum::extract::RawPathParams;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// One request.
#[derive(Debug)]
pub struct Call<S, P> {
    /// What all handlers share.
    pub shared: Arc<S>,
    /// The proof of access.
    pub proof: P,
    /// The other end.
    pub peer: Peer,
    /// The body, within its bounds and unpacked.
    pub body: Bytes,
    head: Parts,
    params: Vec<(String, String)>,
}

impl<S, P> Call<S, P> {
    pub(super) fn new(
        shared: Arc<S>,
        proof: P,
        peer: Peer,
        head: Parts,
        params: &RawPathParams,
        body: Bytes,
    ) -> Self {
        Self {
            shared,
            proof,
            peer,
            body,
            head,
            params: params
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// What stands with the request besides: the session.
    #[must_use]
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.head.extensions.get::<T>().cloned()
    }

    /// A parameter of the path, read as `T`; what cannot be read names nothing.
    ///
    /// # Errors
    /// Not found.
    pub fn param<T: TryFrom<String>>(&self, name: &str) -> Result<T, Problem> {
        self.params
            .iter()
            .find(|(known, _)| known == name)
            .and_then(|(_, value)| T::try_from(value.clone()).ok())
            .ok_or_else(Problem::not_found)
    }

    /// The query, read as `T`; what it does not know is refused.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        axum::extract::Query::try_from_uri(&self.head.uri)
            .map(|axum::extract::Query(query)| query)
            .map_err(|error| Problem::invalid(format!("the query: {error}")))
    }

    /// The body of a [`super::Route::packed`] route, unpacked; takes as long as it takes.
    ///
    /// # Errors
    /// When it is damaged, larger than `limit`, or packed in another way.
    pub fn unpack(&self, limit: u64) -> Result<Bytes, Problem> {
        if super::body::is_packed(&self.head.headers, limit)? {
            super::body::unpack(&self.body, limit)
        } else {
            Ok(self.body.clone())
        }
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// When it is of another kind or cannot be read.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let is_json = self
            .header(CONTENT_TYPE.as_str())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| {
                let kind = kind.trim();
                kind.eq_ignore_ascii_case("application/json")
                    || kind.eq_ignore_ascii_case("application/merge-patch+json")
            });
        if !is_json {
            return Err(Problem::new(
                Code::UnsupportedMedia,
                "the body must be `application/json`",
            ));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::invalid(format!("the body: {error}")))
    }

    /// A header that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Holds a change to the version that the caller has read (RFC 9110 section 13.1.1).
    ///
    /// # Errors
    /// When `If-Match` is missing or names another version.
    pub fn must_match(&self, etag: &str) -> Result<(), Problem> {
        match self.header(IF_MATCH.as_str()) {
            None => Err(Problem::new(
                Code::Changed,
                "a change needs `If-Match` with the `ETag` that was read",
            )),
            Some(named) if matches(named, etag) => Ok(()),
            Some(_) => Err(Problem::new(Code::Changed, "read it again")),
        }
    }

    /// Whether the caller has this version already (RFC 9110 section 13.1.2).
    #[must_use]
    pub fn has(&self, etag: &str) -> bool {
        self.header("if-none-match")
            .is_some_and(|named| matches(named, etag))
    }
}

fn matches(named: &str, etag: &str) -> bool {
    named
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == "*" || one == etag)
}
