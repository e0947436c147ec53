//! The bounds of every parser, in one value.

/// How much of a publisher's file is read before it is refused.
///
/// The defaults are several times what the largest real feed needs, and far below what harms a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Unpacked bytes of one file, all archive members together. Vulnrichment had 285 MB in 2024 and grows.
    pub unpacked_bytes_max: u64,
    /// Unpacked to packed. Real feeds reach 30 (Vulnrichment by zstd), 1,000 is what gzip makes of equal bytes.
    pub ratio_max: u64,
    /// Unpacked bytes below which the ratio is not judged: a small file of equal bytes harms nobody.
    pub ratio_floor_bytes: u64,
    /// Members of one archive.
    pub members_max: u64,
    /// Bytes of one record (one JSON document, one XML `update`, one line).
    pub record_bytes_max: u64,
    /// Nesting of JSON and XML inside one record.
    pub depth_max: usize,
    /// Entries of one list inside a record (identifiers, requirements, events); real ones stay under 2,000.
    pub list_max: usize,
    /// Statements that one record may lead to: an erratum of 100 CVEs and 300 packages gives 60,000.
    pub statements_per_record_max: usize,
    /// Bytes of an identifier, package name or version.
    pub word_bytes_max: usize,
    /// Bytes of a summary; longer ones are cut.
    pub summary_bytes_max: usize,
    /// Problems that are kept in words; all are counted.
    pub problems_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked_bytes_max: 4 << 30,
            ratio_max: 250,
            ratio_floor_bytes: 16 << 20,
            members_max: 2_000_000,
            record_bytes_max: 16 << 20,
            depth_max: 128,
            list_max: 20_000,
            statements_per_record_max: 2_000_000,
            word_bytes_max: 1024,
            summary_bytes_max: 300,
            problems_max: 10,
        }
    }
}
