//! The headers of an `.rpm` file: lead, signature header, main header; the payload is not touched.

use super::header::{Header, HeaderError};

const LEAD_BYTES: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];

/// The two headers of a package file.
#[derive(Debug, Clone, Copy)]
pub struct PackageFile<'a> {
    /// Digests and signatures over the main header and the payload; not checked here.
    pub signature: Header<'a>,
    /// What the package is.
    pub header: Header<'a>,
}

/// Reads the beginning of an `.rpm` file; `bytes` need not go past the main header.
///
/// # Errors
/// When lead, signature header or main header are not as the format says.
pub fn parse(bytes: &[u8]) -> Result<PackageFile<'_>, HeaderError> {
    let lead = bytes
        .get(..LEAD_BYTES)
        .filter(|lead| lead.starts_with(&LEAD_MAGIC));
    lead.ok_or(HeaderError::Magic("package file"))?;
    let after_lead = bytes.get(LEAD_BYTES..).unwrap_or_default();
    let (signature, rest) = Header::parse_file(after_lead)?;
    // The main header begins at the next multiple of eight.
    let taken = after_lead.len() - rest.len();
    let padding = taken.next_multiple_of(8) - taken;
    let truncated = HeaderError::Truncated {
        wanted: padding as u64,
        have: rest.len() as u64,
    };
    let (header, _) = Header::parse_file(rest.get(padding..).ok_or(truncated)?)?;
    Ok(PackageFile { signature, header })
}
