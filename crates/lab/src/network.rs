//! The network of one lab: a namespace with a bridge, each host in a namespace of its own joined by a cable.
//!
//! ```text
//! main namespace:  nothing
//! overlock-lab-ID:        lab0 10.77.0.1 (bridge, the repositories' server) ─┬─ p2 ─┬─ p3 …
//! overlock-lab-ID-HOST:                                              host0 10.77.0.2  …
//! ```
//! Every lab has the same addresses; they meet nowhere. The host sets its own address on `host0` by systemd-networkd.

use crate::tool;
use anyhow::{Context, Result};
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

/// Names of all our namespaces begin so.
pub const PREFIX: &str = "overlock-lab-";

/// Where `ip netns` keeps them (`ip-netns(8)`).
const NAMESPACES: &str = "/run/netns";

/// Name under which hosts know the server of the repositories.
pub const SERVER_NAME: &str = "repository.lab";

/// The interface of a host.
pub const INTERFACE: &str = "host0";

/// The address of the bridge, where the server listens.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// A lab's namespace with its bridge.
#[derive(Debug)]
pub struct Network {
    namespace: String,
    last: AtomicU8,
}

/// One end of a cable: where a host is on the network.
#[derive(Debug)]
pub struct Port {
    /// Name of the host's own network namespace.
    pub namespace: String,
    /// The address that the host gives itself.
    pub address: Ipv4Addr,
}

impl Network {
    pub fn new(lab: &str) -> Result<Self> {
        let network = Self {
            namespace: format!("{PREFIX}{lab}"),
            last: AtomicU8::new(1),
        };
        let name = network.namespace.as_str();
        let address = format!("{SERVER}/24");
        ip(&["netns", "add", name])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        ip(&["-n", name, "link", "add", "lab0", "type", "bridge"])?;
        ip(&["-n", name, "addr", "add", &address, "dev", "lab0"])?;
        ip(&["-n", name, "link", "set", "lab0", "up"])?;
        Ok(network)
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A namespace for a host, joined to the bridge.
    pub fn join(&self, host: &str) -> Result<Port> {
        let number = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                last.checked_add(1).filter(|number| *number < 255)
            })
            .map_or(None, |last| last.checked_add(1))
            .context("a lab has at most 253 hosts")?;
        let [a, b, c, _] = SERVER.octets();
        let port = Port {
            namespace: format!("{}-{host}", self.namespace),
            address: Ipv4Addr::new(a, b, c, number),
        };
        let (lab, own) = (self.namespace.as_str(), port.namespace.as_str());
        let cable = format!("p{number}");
        ip(&["netns", "add", own])?;
        ip(&["-n", own, "link", "set", "lo", "up"])?;
        ip(&[
            "-n", lab, "link", "add", &cable, "type", "veth", "peer", "name", INTERFACE, "netns",
            own,
        ])?;
        ip(&["-n", lab, "link", "set", &cable, "master", "lab0", "up"])?;
        Ok(port)
    }
}

/// What systemd-networkd of a host reads (`systemd.network(5)`).
pub fn configuration(address: Ipv4Addr) -> String {
    format!(
        "[Match]\nName={INTERFACE}\n\n[Network]\nAddress={address}/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    )
}

/// Takes a namespace away; that it is gone already is no error.
pub fn remove(namespace: &str) -> Result<()> {
    if file(namespace).exists() {
        ip(&["netns", "del", namespace])?;
    }
    Ok(())
}

/// The namespaces that carry our name, of this project and of others like it.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(NAMESPACES).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(PREFIX))
        .collect()
}

/// The handle of a namespace.
pub fn file(namespace: &str) -> PathBuf {
    PathBuf::from(NAMESPACES).join(namespace)
}

fn ip(arguments: &[&str]) -> Result<()> {
    tool::succeed(&mut tool::command("ip", arguments))
}
