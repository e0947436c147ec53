//! Where the server is.

use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `https://HOST[:PORT]`, and nothing behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerUrl {
    host: String,
    port: u16,
}

/// The text is no address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a server is written `https://HOST[:PORT]`, not `{0}`")]
pub struct ServerUrlError(String);

impl ServerUrl {
    /// Host name or address, without the brackets of IPv6.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, 443 unless another one is given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What stands in the header `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The name that the server's certificate must carry; `None` where none can, which callers tell as unreachable.
    pub(crate) fn name(&self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host.clone()).ok()
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = ServerUrlError;

    fn try_from(text: String) -> Result<Self, ServerUrlError> {
        let wrong = || ServerUrlError(text.chars().take(300).collect());
        let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| wrong())?,
            None if port.is_empty() => 443,
            None => return Err(wrong()),
        };
        let url = Self {
            host: host.to_owned(),
            port,
        };
        url.name().map(|_| url).ok_or_else(wrong)
    }
}

impl From<ServerUrl> for String {
    fn from(url: ServerUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.authority();
        let shown = authority.strip_suffix(":443").unwrap_or(&authority);
        write!(f, "https://{shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_come_back() {
        for (text, shown) in [
            (
                "https://overlock.example.org",
                "https://overlock.example.org",
            ),
            (
                "https://overlock.example.org:443/",
                "https://overlock.example.org",
            ),
            ("https://10.0.0.1:8443", "https://10.0.0.1:8443"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://[::1]", "https://[::1]"),
        ] {
            let url = ServerUrl::try_from(text.to_owned()).unwrap();
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "example.org",
            "http://example.org",
            "https://",
            "https://a b",
            "https://a/b",
            "https://u@h",
            "https://h:x",
            "https://h:99999",
            "https://[::1",
            "https://[::1]x",
            "https://h\n",
        ] {
            assert!(ServerUrl::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
