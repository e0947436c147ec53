//! What a sync tells while it runs; the program draws bars from it.

/// Listener to a sync. Calls come from two threads; each feed starts once and then finishes or fails once.
pub trait Progress: Sync {
    /// A feed is being fetched.
    fn started(&self, _feed: &str) {}
    /// Size of what comes, in bytes, where the server says it. Comes again when an attempt is repeated.
    fn announced(&self, _feed: &str, _bytes: u64) {}
    /// More bytes arrived.
    fn advanced(&self, _feed: &str, _bytes: u64) {}
    /// All bytes are here and are now being checked.
    fn checking(&self, _feed: &str) {}
    /// The feed is up to date.
    fn finished(&self, _feed: &str) {}
    /// The feed was not taken in.
    fn failed(&self, _feed: &str, _why: &str) {}
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
