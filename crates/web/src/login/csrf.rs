//! Changes by session must come from our own pages: a browser sends the cookie along with whatever any site makes it send.
//!
//! Three things are looked at: the `Origin` and `Sec-Fetch-Site` headers, which browsers set and pages cannot, and the
//! session's own token in `X-CSRF-Token`, which other sites cannot read. A bearer token needs none of this, since no browser
//! adds it by itself.

use super::settings::PublicAddress;
use crate::problem::{Code, Problem};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, Method};

/// Where the session's token is expected.
const TOKEN: &str = "x-csrf-token";

/// Refuses a change that may come from another site.
pub(super) fn check(
    method: &Method,
    headers: &HeaderMap,
    token: &str,
    address: &PublicAddress,
) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let refused = |detail| Err(Problem::new(Code::CrossSite, detail));
    // Programs send no `Origin`; browsers do with every change.
    let is_ours = |origin: &axum::http::HeaderValue| {
        origin
            .to_str()
            .is_ok_and(|origin| address.is_origin(origin))
    };
    if !headers.get_all(ORIGIN).iter().all(is_ours) {
        return refused("it comes from another site");
    }
    let is_near =
        |site: &axum::http::HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    if !headers.get_all("sec-fetch-site").iter().all(is_near) {
        return refused("it comes from another site");
    }
    let given = headers.get(TOKEN).map(|given| given.as_bytes());
    if given.is_some_and(|given| verify_slices_are_equal(given, token.as_bytes()).is_ok()) {
        Ok(())
    } else {
        refused(
            "it needs the session's token, which `GET /api/v1/session` tells, in `X-CSRF-Token`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: &Method, headers: &[(&'static str, &str)]) -> Option<Code> {
        let address = "https://fleet.example.org".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        check(method, &map, "secret", &address)
            .err()
            .map(|problem| problem.code())
    }

    #[test]
    fn a_change_needs_the_sessions_token_and_our_own_origin() {
        let token = ("x-csrf-token", "secret");
        let ours = ("origin", "https://fleet.example.org");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for good in [
                &[token][..],
                &[token, ours],
                &[token, ours, ("sec-fetch-site", "same-origin")],
            ] {
                assert_eq!(code(&method, good), None, "{good:?}");
            }
            for bad in [
                &[][..],
                &[ours],
                &[ours, ("x-csrf-token", "")],
                &[ours, ("x-csrf-token", "secre")],
                &[ours, ("x-csrf-token", "secrets")],
                &[token, ("origin", "https://evil.example")],
                &[token, ("origin", "null")],
                &[token, ours, ("origin", "https://evil.example")],
                &[token, ("sec-fetch-site", "cross-site")],
                &[token, ours, ("sec-fetch-site", "same-site")],
            ] {
                assert_eq!(code(&method, bad), Some(Code::CrossSite), "{bad:?}");
            }
        }
    }

    #[test]
    fn reading_needs_no_token() {
        assert_eq!(
            code(&Method::GET, &[("origin", "https://evil.example")]),
            None
        );
        assert_eq!(code(&Method::HEAD, &[]), None);
    }
}
