//! Access: what it takes to reach a route, and the proof that a handler is given.
//!
//! Four kinds: [`Public`], [`Enrol`] (a new agent with a token, which the handler spends), [`Agent`] (a host with a
//! certificate) and [`Needs`] (a person or program with a permission). The proofs have private fields, so only this module
//! makes them.

mod caller;
mod role;

pub use caller::{Caller, Reach};
pub use role::{GrantError, Permission, grant_text, is_group_name, parse_grant};

use crate::agents::refused::Refused;
use crate::authority::HostIdentity;
use crate::listen::{Peer, Received};
use crate::problem::{Code, Problem};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use overlock_store::{Actor, Grant};
use std::net::IpAddr;
use std::sync::Arc;

/// What it takes to reach a route, for tables and the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// Nothing.
    Public,
    /// A token for enrolment, in the body.
    Enrol,
    /// The certificate of a host.
    Agent,
    /// A permission, for some hosts at least.
    Permission(Permission),
    /// A permission for the whole fleet.
    Everywhere(Permission),
}

/// The access of a route.
pub trait Access<S>: Copy + Send + Sync + 'static {
    /// What its handler is given.
    type Proof: Send;
    /// What is answered instead.
    type Error: IntoResponse + From<Problem> + Send;

    /// For tables and the reference.
    fn needed(self) -> Needed;

    /// Lets the request in, or not.
    fn prove(
        self,
        shared: &Arc<S>,
        peer: &Peer,
        head: &Parts,
    ) -> impl Future<Output = Result<Self::Proof, Self::Error>> + Send;
}

/// For everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Public;

/// Somebody.
#[derive(Debug, Clone, Copy)]
pub struct Anybody(());

impl<S: Send + Sync> Access<S> for Public {
    type Proof = Anybody;
    type Error = Problem;

    fn needed(self) -> Needed {
        Needed::Public
    }

    async fn prove(self, _: &Arc<S>, _: &Peer, _: &Parts) -> Result<Anybody, Problem> {
        Ok(Anybody(()))
    }
}

/// For a new agent, whose token the handler spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrol;

/// A new agent.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer {
    address: IpAddr,
}

impl Newcomer {
    /// Where it calls from, by which attempts are counted.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl<S: Send + Sync> Access<S> for Enrol {
    type Proof = Newcomer;
    type Error = Refused;

    fn needed(self) -> Needed {
        Needed::Enrol
    }

    async fn prove(self, _: &Arc<S>, peer: &Peer, _: &Parts) -> Result<Newcomer, Refused> {
        Ok(Newcomer {
            address: peer.address.ip(),
        })
    }
}

/// For a host with a certificate of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent;

/// A host that has the key of its certificate. Whether it is still welcome is the directory's to say.
#[derive(Debug, Clone)]
pub struct AgentProof {
    identity: Arc<HostIdentity>,
    address: IpAddr,
    received: Received,
}

impl AgentProof {
    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &HostIdentity {
        &self.identity
    }

    /// Where it calls from.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Says that its answer is meant to wait: till then it has a place that others wait for.
    pub fn waits(&self) {
        self.received.say();
    }
}

impl<S: Send + Sync> Access<S> for Agent {
    type Proof = AgentProof;
    type Error = Refused;

    fn needed(self) -> Needed {
        Needed::Agent
    }

    async fn prove(self, _: &Arc<S>, peer: &Peer, _: &Parts) -> Result<AgentProof, Refused> {
        match &peer.identity {
            Some(identity) => Ok(AgentProof {
                identity: Arc::clone(identity),
                address: peer.address.ip(),
                received: peer.received.clone(),
            }),
            None => Err(Refused::without_certificate()),
        }
    }
}

/// For a person or program with this permission, for some hosts at least; the handler asks the [`Caller`] which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs(pub Permission);

/// For a person or program with this permission for the whole fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedsEverywhere(pub Permission);

/// Knows callers by what their requests carry.
pub trait Callers: Send + Sync + 'static {
    /// The caller, by a bearer token or a session.
    fn caller(
        &self,
        peer: &Peer,
        head: &Parts,
    ) -> impl Future<Output = Result<Identified, Problem>> + Send;
}

/// Who calls, before any permission is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Who, as it stands in the log.
    pub actor: Actor,
    /// Its name, for people.
    pub name: String,
    /// What they may do, and where.
    pub grants: Vec<Grant>,
}

impl<S: Callers> Access<S> for Needs {
    type Proof = Caller;
    type Error = Problem;

    fn needed(self) -> Needed {
        Needed::Permission(self.0)
    }

    async fn prove(self, shared: &Arc<S>, peer: &Peer, head: &Parts) -> Result<Caller, Problem> {
        let identified = shared.caller(peer, head).await?;
        Caller::permitted(identified, self.0).ok_or_else(|| forbidden(self.0, ""))
    }
}

impl<S: Callers> Access<S> for NeedsEverywhere {
    type Proof = Caller;
    type Error = Problem;

    fn needed(self) -> Needed {
        Needed::Everywhere(self.0)
    }

    async fn prove(self, shared: &Arc<S>, peer: &Peer, head: &Parts) -> Result<Caller, Problem> {
        let identified = shared.caller(peer, head).await?;
        Caller::permitted(identified, self.0)
            .filter(|caller| *caller.reach() == Reach::Everything)
            .ok_or_else(|| forbidden(self.0, " for the whole fleet"))
    }
}

fn forbidden(permission: Permission, where_: &str) -> Problem {
    Problem::new(
        Code::Forbidden,
        format!(
            "this needs the permission `{}`{where_}",
            permission.as_str()
        ),
    )
}
