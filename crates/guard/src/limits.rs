//! How much a plan may ask for.

use jiff::SignedDuration;

/// Bounds of a host. The defaults leave room for a whole release upgrade and stop what only an error or an attack asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a plan file, judged before it is parsed. A change takes about 600 bytes, both artifacts included.
    pub plan_bytes_max: usize,
    /// Changes in one closure.
    pub changes_max: usize,
    /// Steps of one host.
    pub steps_max: usize,
    /// Units, or ended exposures, that one step names. A kernel that is two years behind ends thousands.
    pub names_max: usize,
    /// Bytes of a reason or a path; names and versions have their own, smaller bounds.
    pub text_bytes_max: usize,
    /// Packages that one plan may remove. An update that removes is a decision of its own, so it is none by default.
    pub removals_max: usize,
    /// Bytes of one artifact.
    pub artifact_bytes_max: u64,
    /// Bytes of all artifacts of a closure, the way back included.
    pub closure_bytes_max: u64,
    /// Seconds that a commit may wait for its confirmation.
    pub confirm_seconds_max: u64,
    /// Signatures in a plan file; each costs a public-key operation.
    pub signatures_max: usize,
    /// Bytes of one armored signature. Those of ECDSA and of hardware keys take about 400.
    pub signature_bytes_max: usize,
    /// How far a plan's clock, or the last written time of this host, may be ahead of now.
    pub clock_ahead_max: SignedDuration,
    /// From a plan's creation to its expiry. A forgotten plan must not come back in a year.
    pub lifetime_max: SignedDuration,
    /// How far from now a measure may expire. Whoever still needs it after a year says so again (R11).
    pub mitigation_max: SignedDuration,
    /// How far a plan's generation may be above this host's floor: one plan with the largest number of all would lock
    /// every later plan out. Wide enough for whoever counts in seconds since 1970.
    pub generation_ahead_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            plan_bytes_max: 16 << 20,
            changes_max: 5_000,
            steps_max: 64,
            names_max: 100_000,
            text_bytes_max: 4096,
            removals_max: 0,
            artifact_bytes_max: 4 << 30,
            closure_bytes_max: 32 << 30,
            confirm_seconds_max: 24 * 60 * 60,
            signatures_max: 64,
            signature_bytes_max: 8 << 10,
            clock_ahead_max: SignedDuration::from_mins(5),
            lifetime_max: SignedDuration::from_hours(90 * 24),
            mitigation_max: SignedDuration::from_hours(366 * 24),
            generation_ahead_max: 1 << 32,
        }
    }
}
