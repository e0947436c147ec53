//! Two machines with one key: told by what an honest agent never does.
//!
//! Called for every message of a host, before anything is taken from it. Pure. A new instance is a restart, which is no
//! alarm; an instance that another one has followed and that speaks again is, for one machine cannot run the agent it has
//! replaced. Neither is one count with two contents or from two addresses, a count that goes back at another address, or
//! another machine-id under the same key.

use overlock_model::plan::Digest;
use overlock_protocol::check_in::Instance;
use std::fmt;
use std::net::IpAddr;

/// How many instances are remembered: one that is older than these is asked to say hello, which gives it away.
const REMEMBERED: usize = 8;

/// What is remembered of a host's instances.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    machine_id: Box<str>,
    current: Option<Run>,
    superseded: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    instance: u64,
    address: IpAddr,
    count: u64,
    /// What came with the count; absent after a start of the server, which remembers the count only.
    content: Option<Digest>,
}

/// One message, as far as it tells machines apart.
#[derive(Debug, Clone, Copy)]
pub enum Sign<'a> {
    /// A hello.
    Hello {
        /// Which run of the agent.
        instance: &'a Instance,
        /// Machine-id, or empty.
        machine_id: &'a str,
        /// From where.
        address: IpAddr,
    },
    /// A poll, a report or a renewal.
    Message {
        /// Which run of the agent.
        instance: &'a Instance,
        /// Its count.
        count: u64,
        /// Stands for what it says.
        content: Digest,
        /// From where.
        address: IpAddr,
    },
}

/// What follows from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// All is well; this is remembered from now on.
    Fine(History),
    /// The instance is not known: it must say hello.
    HelloFirst,
    /// Two machines have this key.
    Alarm(Alarm),
}

/// What gave two machines away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// An instance speaks though another one has followed it.
    Superseded {
        /// Which.
        instance: Instance,
        /// From where.
        address: IpAddr,
        /// Where the one that followed it was last.
        other: Option<IpAddr>,
    },
    /// One count came twice, with two contents or from two addresses, or went back.
    Count {
        /// The count.
        count: u64,
        /// From where.
        address: IpAddr,
        /// From where the other was.
        other: IpAddr,
    },
    /// Another machine-id.
    Machine {
        /// The one that is known.
        known: String,
        /// The one that came.
        came: String,
        /// From where.
        address: IpAddr,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded {
                instance,
                address,
                other,
            } => {
                write!(
                    f,
                    "the run {} of the agent speaks again from {address}",
                    instance.as_str()
                )?;
                match other {
                    Some(other) => write!(f, ", though a later run spoke from {other}"),
                    None => f.write_str(", though a later run had followed it"),
                }
            }
            Self::Count {
                count,
                address,
                other,
            } => write!(
                f,
                "message {count} of one run of the agent came from {address} and differs from what came from {other}"
            ),
            Self::Machine {
                known,
                came,
                address,
            } => write!(
                f,
                "the machine-id is `{came}` at {address}; the key was given to `{known}`"
            ),
        }
    }
}

impl History {
    /// After a start of the server, or an enrolment: what the store remembers. `runs` are the last ones, oldest first.
    #[must_use]
    pub fn remembered<'a>(
        machine_id: &str,
        runs: impl IntoIterator<Item = &'a str>,
        last: Option<(&str, IpAddr, u64)>,
    ) -> Self {
        let current = last.and_then(|(instance, address, count)| {
            Some(Run {
                instance: bits(instance)?,
                address,
                count,
                content: None,
            })
        });
        let mut superseded: Vec<u64> = runs
            .into_iter()
            .filter_map(bits)
            .filter(|run| {
                current
                    .as_ref()
                    .is_none_or(|current| current.instance != *run)
            })
            .collect();
        superseded.dedup();
        let surplus = superseded.len().saturating_sub(REMEMBERED);
        superseded.drain(..surplus);
        Self {
            machine_id: machine_id.into(),
            current,
            superseded,
        }
    }

    /// Whether this is of another machine than the one with this machine-id; an empty one is unknown.
    #[must_use]
    pub fn is_of_another(&self, machine_id: &str) -> bool {
        !machine_id.is_empty() && !self.machine_id.is_empty() && *self.machine_id != *machine_id
    }

    /// What follows from a message.
    #[must_use]
    pub fn hear(&self, sign: Sign<'_>) -> Heard {
        match sign {
            Sign::Hello {
                instance,
                machine_id,
                address,
            } => self.hello(instance, machine_id, address),
            Sign::Message {
                instance,
                count,
                content,
                address,
            } => self.message(instance, count, content, address),
        }
    }

    fn hello(&self, instance: &Instance, machine_id: &str, address: IpAddr) -> Heard {
        // Empty is unknown: it proves nothing, and changes nothing.
        if self.is_of_another(machine_id) {
            return Heard::Alarm(Alarm::Machine {
                known: self.machine_id.to_string(),
                came: machine_id.to_owned(),
                address,
            });
        }
        let run = bits(instance.as_str()).unwrap_or_default();
        if self.superseded.contains(&run) {
            return Heard::Alarm(self.superseded_spoke(instance, address));
        }
        let mut next = self.clone();
        if !machine_id.is_empty() && next.machine_id.is_empty() {
            next.machine_id = machine_id.into();
        }
        if next
            .current
            .as_ref()
            .is_some_and(|current| current.instance == run)
        {
            // The answer to its hello was lost, or it was told to say it again.
            return Heard::Fine(next);
        }
        if let Some(before) = next.current.take() {
            if next.superseded.len() == REMEMBERED {
                next.superseded.remove(0);
            }
            next.superseded.push(before.instance);
        }
        next.current = Some(Run {
            instance: run,
            address,
            count: 0,
            content: None,
        });
        Heard::Fine(next)
    }

    fn message(&self, instance: &Instance, count: u64, content: Digest, address: IpAddr) -> Heard {
        let run = bits(instance.as_str()).unwrap_or_default();
        if self.superseded.contains(&run) {
            return Heard::Alarm(self.superseded_spoke(instance, address));
        }
        let Some(current) = self
            .current
            .as_ref()
            .filter(|current| current.instance == run)
        else {
            return Heard::HelloFirst;
        };
        let differs = address != current.address
            || (count == current.count && current.content.is_some_and(|known| known != content));
        if count <= current.count && current.count > 0 && differs {
            return Heard::Alarm(Alarm::Count {
                count,
                address,
                other: current.address,
            });
        }
        let mut next = self.clone();
        // What comes late, of one agent at one place, changes nothing.
        if count >= current.count {
            next.current = Some(Run {
                instance: run,
                address,
                count,
                content: Some(content),
            });
        }
        Heard::Fine(next)
    }

    fn superseded_spoke(&self, instance: &Instance, address: IpAddr) -> Alarm {
        Alarm::Superseded {
            instance: instance.clone(),
            address,
            other: self.current.as_ref().map(|current| current.address),
        }
    }
}

/// An instance is 16 hex digits: 8 bytes instead of a text for each that is remembered.
fn bits(instance: &str) -> Option<u64> {
    u64::from_str_radix(instance, 16).ok()
}

#[cfg(test)]
mod tests;
