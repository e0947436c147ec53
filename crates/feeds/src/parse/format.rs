//! From the word of a feed's format to its parser.

use super::{ErrorKind, Input, Limits, ParseError, Parsed, Place, Sink};
use super::{
    arch, debian_list, debian_tracker, eol, epss, kev, nodejs_wg, osv, rustsec, secdb, updateinfo,
    vulnrichment,
};
use crate::FeedFormat;
use overlock_model::advisory::Ecosystem;

/// Parses a file of `format` and hands its statements to `sink`; resolutions carry `feed` as their source.
///
/// `ecosystem` is the release that a secdb or updateinfo file belongs to, which such files do not say themselves; the
/// other formats need none. Formats that make no statements (dates of releases, support lists) are read and counted.
///
/// # Errors
/// The file as a whole cannot be taken in, or it needs an ecosystem and none is given. Statements may have been handed
/// on before that.
pub fn parse(
    format: FeedFormat,
    input: &mut dyn Input,
    feed: &str,
    ecosystem: Option<&Ecosystem>,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Result<Parsed, ParseError> {
    let release = || {
        let cause = "it must be told which release the file belongs to";
        ecosystem.ok_or_else(|| ParseError::new(ErrorKind::NotTheFormat, Place::Start, cause))
    };
    match format {
        FeedFormat::DebianTracker => debian_tracker::parse(input, feed, limits, sink),
        FeedFormat::DebianAdvisories => debian_list::parse(input, feed, limits, sink),
        FeedFormat::OsvZip => osv::parse(input, feed, limits, sink),
        FeedFormat::RustsecZip => rustsec::parse(input, feed, limits, sink),
        FeedFormat::AlpineSecdb => secdb::parse(input, release()?, feed, limits, sink),
        FeedFormat::Updateinfo => updateinfo::parse(input, release()?, feed, limits, sink),
        FeedFormat::CisaKev => kev::parse(input, limits, sink),
        FeedFormat::Epss => epss::parse(input, limits, sink),
        FeedFormat::VulnrichmentZip => vulnrichment::parse(input, limits, sink),
        FeedFormat::NodejsZip => nodejs_wg::parse(input, feed, limits, sink),
        FeedFormat::Arch => arch::parse(input, feed, limits, sink),
        FeedFormat::DistroInfo => eol::release_dates(input, limits).map(|rows| counted(rows.len())),
        // Of the two kinds of list, the one without dates is the other's common part.
        FeedFormat::DebianSupport => {
            eol::support_limited(input, limits).map(|rows| counted(rows.len()))
        }
    }
}

fn counted(records: usize) -> Parsed {
    Parsed {
        records: records as u64,
        ..Parsed::default()
    }
}
