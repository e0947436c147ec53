//! Every bound of the wire, in one value with units (R9).

/// How much one side takes from the other. Checked before a message is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body as they come over the network.
    pub body_bytes: u64,
    /// Bytes of a request's body after it was unpacked.
    pub unpacked_bytes: u64,
    /// Lines of one section: a host with all its language packages stays far below.
    pub section_lines: usize,
    /// Bytes of one section's text, whole and after a delta: what is stored must be readable by everybody. The largest
    /// section of a real host with all its language packages stays below 1 MiB.
    pub section_bytes: usize,
    /// Bytes of one line.
    pub line_bytes: usize,
    /// Bytes of a small message: everything but a report.
    pub message_bytes: u64,
    /// Bytes of a name that a person chose: host name, label, agent version.
    pub name_bytes: usize,
    /// Labels of one host.
    pub labels: usize,
}

impl Limits {
    /// The limits of this version. Lowering one breaks agents in the field.
    pub const WIRE: Self = Self {
        body_bytes: 16 << 20,
        unpacked_bytes: 96 << 20,
        section_lines: 200_000,
        section_bytes: 24 << 20,
        line_bytes: 64 << 10,
        message_bytes: 64 << 10,
        name_bytes: 253,
        labels: 64,
    };
}
