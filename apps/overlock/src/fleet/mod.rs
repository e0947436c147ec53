//! The command line of a fleet: which server, how it is asked, how its answers look; and the server itself.

pub mod answer;
pub mod client;
pub mod context;
pub mod facts;
pub mod feeding;
pub mod local;
pub mod paging;
pub mod serving;
pub mod table;

use crate::cli::Remote;
use crate::exit::Failure;
use client::Client;

/// The client of the server that is meant.
pub fn client_of(remote: &Remote) -> Result<Client, Failure> {
    Client::new(&context::find(remote.server.as_deref())?)
}

/// A name as one segment of a path (RFC 3986, section 2.3): everything but unreserved characters is escaped.
pub fn segment(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_never_leaves_its_segment() {
        assert_eq!(super::segment("web-1"), "web-1");
        assert_eq!(super::segment("../a b/ü"), "..%2Fa%20b%2F%C3%BC");
    }
}
