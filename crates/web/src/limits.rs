//! Every bound of the server, in one value with units (R9).

use std::time::Duration;

/// How much the server takes, holds and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once: one for each agent that waits, and some more.
    pub connections: usize,
    /// Connections at once from one address. Not lower: all agents of a site may share one address behind a translator
    /// of addresses, and who has a certificate is known only after the connection was taken. A stranger's connection
    /// ends with [`Self::handshake`] and [`Self::head`].
    pub connections_per_address: usize,
    /// Connections at once that have begun their handshake and had no answer yet: a crowd is served in turn, and not all too
    /// late. Each costs a signature, and some 45 KiB of keys and buffers while it waits for the database.
    pub unanswered: usize,
    /// The same from one address, so that nobody takes every place; those beyond wait.
    pub unanswered_per_address: usize,
    /// Time after which a connection counts no more though it had no answer: strangers must not keep others out by silence.
    pub unanswered_for: Duration,
    /// Time for a handshake, waiting for its turn included.
    pub handshake: Duration,
    /// Time for the head of a request; also how long an idle connection of HTTP/1 is kept.
    pub head: Duration,
    /// Time for the body of a request.
    pub body: Duration,
    /// Time for an answer, a poll's hold not counted.
    pub answer: Duration,
    /// Longest hold of a poll.
    pub hold: Duration,
    /// Polls held open at once. Each keeps a connection with its keys and buffers, some 50 KiB; agents beyond that are
    /// answered at once, close their connection, and come back later: a large fleet costs memory by its requests, not by
    /// its hosts.
    pub held_polls: usize,
    /// When agents come back that could not be held.
    pub unheld: Duration,
    /// Time for running requests when the server stops.
    pub stop: Duration,
    /// Requests at once on one connection of HTTP/2.
    pub streams: u32,
    /// Bytes of the body of a request to the API.
    pub api_body_bytes: u64,
    /// Reports that are unpacked and checked at once: each may take [`overlock_protocol::Limits::unpacked_bytes`].
    pub reports: usize,
    /// KiB of checked and packed reports that wait for their transaction; a new report is not begun while they are above.
    pub unwritten_kib: u32,
    /// How long ended spans of hosts' sections are kept.
    pub history: Duration,
    /// Attempts to enrol with a token that is refused, from one address within a minute.
    pub refused_enrolments: u32,
    /// Attempts to log in from one address within a minute.
    pub logins: u32,
    /// Streams of events at once.
    pub event_streams: usize,
    /// Entries of one page.
    pub page: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 120_000,
            connections_per_address: 60_000,
            unanswered: 128,
            unanswered_per_address: 64,
            unanswered_for: Duration::from_secs(2),
            handshake: Duration::from_secs(30),
            head: Duration::from_secs(60),
            body: Duration::from_secs(60),
            answer: Duration::from_secs(60),
            hold: Duration::from_secs(300),
            held_polls: 1_000,
            unheld: Duration::from_secs(300),
            stop: Duration::from_secs(10),
            streams: 64,
            api_body_bytes: 1 << 20,
            reports: 4,
            unwritten_kib: 64 << 10,
            history: Duration::from_secs(400 * 24 * 60 * 60),
            refused_enrolments: 20,
            logins: 30,
            event_streams: 256,
            page: 1_000,
        }
    }
}
