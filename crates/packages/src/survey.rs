//! What the package managers' metadata on a host says, in one shape for all of them.

use crate::PackagesError;
use overlock_model::inventory::Unseen;
use overlock_model::repository::{Offer, Repository};

/// Configured repositories, what they offer for the installed packages, and what of it could not be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Repositories in the order of the configuration.
    pub repositories: Vec<Repository>,
    /// At most one offer for each installed name and architecture, sorted.
    pub offers: Vec<Offer>,
    /// What could not be read, and why.
    pub unseen: Vec<Unseen>,
}

impl Survey {
    /// Notes that something could not be seen.
    pub fn miss(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.unseen.push(Unseen {
            what: what.into(),
            why: why.into(),
        });
    }

    /// Notes an error with its whole chain of causes in one line.
    pub fn miss_error(&mut self, what: impl Into<String>, error: &PackagesError) {
        self.miss(what, chain(error));
    }
}

/// An address as configured, without user name and password.
#[must_use]
pub(crate) fn without_credentials(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => uri.to_owned(),
    }
}

/// An error and its causes, joined by colons.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_leave() {
        assert_eq!(
            without_credentials("https://me:p@ss@example.org/a@b"),
            "https://example.org/a@b"
        );
        assert_eq!(
            without_credentials("https://example.org/a@b"),
            "https://example.org/a@b"
        );
        assert_eq!(without_credentials("/mnt/cd"), "/mnt/cd");
    }
}
