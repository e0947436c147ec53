//! What can be wrong with a table's bytes.

/// Why a table cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The file does not begin like a table of this kind and version.
    #[error("not an Overlock {kind} table of version {version}")]
    Foreign {
        /// `advisory` or `threat`.
        kind: &'static str,
        /// Version this program writes.
        version: u32,
    },
    /// A length or offset in it does not fit the file.
    #[error("damaged table: {what} does not fit its {length} bytes")]
    Damaged {
        /// Which part.
        what: &'static str,
        /// Length of the file.
        length: usize,
    },
    /// More rows or text than the format can address.
    #[error("too many {what} for one table")]
    TooMany {
        /// Which part.
        what: &'static str,
    },
}
