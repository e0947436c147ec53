//! Which vulnerabilities an OSV record is about, and under which names.

use super::super::{Limits, text};
use super::record::Record;

/// One vulnerability of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) vulnerability: String,
    pub(super) aliases: Vec<String>,
    /// The record's own id says more than the vulnerability's: it is kept as the advisory.
    pub(super) names_advisory: bool,
    /// The record's id is a vendor's notice, not a name of the vulnerability.
    pub(super) is_erratum: bool,
    /// The record is about this vulnerability only.
    pub(super) alone: bool,
}

/// Prefixes of vendors' notices. `related` of these lists what they fix; of others it lists other vulnerabilities.
const ERRATA: [&str; 18] = [
    "ALSA-",
    "ALBA-",
    "ALEA-",
    "RLSA-",
    "RLBA-",
    "RLEA-",
    "RXSA-",
    "RHSA-",
    "RHBA-",
    "RHEA-",
    "ELSA-",
    "USN-",
    "DSA-",
    "DLA-",
    "DTSA-",
    "SUSE-",
    "openSUSE-",
    "CGA-",
];

/// Prefixes of notices that fix bugs or add features.
const NOT_SECURITY: [&str; 12] = [
    "ALBA-",
    "ALEA-",
    "RLBA-",
    "RLEA-",
    "RHBA-",
    "RHEA-",
    "SUSE-RU-",
    "SUSE-FU-",
    "SUSE-OU-",
    "openSUSE-RU-",
    "openSUSE-FU-",
    "openSUSE-OU-",
];

/// The record's vulnerabilities, or `None` if it is about none: a bug fix, or a kernel livepatch (which says nothing
/// about packages).
pub(super) fn identities(
    record: &Record,
    id: &str,
    limits: &Limits,
) -> Result<Option<Vec<Identity>>, String> {
    if record
        .aliases
        .len()
        .saturating_add(record.related.len())
        .saturating_add(record.upstream.len())
        > limits.list_max
    {
        return Err(format!("more than {} names", limits.list_max));
    }
    let is_erratum = ERRATA.iter().any(|prefix| id.starts_with(prefix));
    let mut names: Vec<String> = Vec::new();
    let related = record.related.iter().filter(|_| is_erratum);
    for name in record.aliases.iter().chain(&record.upstream).chain(related) {
        let name = cve_within(text::word(name, "alias", limits)?);
        if name != id && !names.contains(&name) {
            names.push(name);
        }
    }
    let own = cve_within(id.to_owned());
    if text::is_cve(&own) {
        let aliases = names
            .into_iter()
            .filter(|name| *name != own && !text::is_cve(name))
            .collect();
        let names_advisory = false;
        return Ok(Some(vec![Identity {
            vulnerability: own,
            aliases,
            names_advisory,
            is_erratum,
            alone: true,
        }]));
    }
    let (cves, others): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| text::is_cve(name));
    let is_bug_fix = NOT_SECURITY.iter().any(|prefix| id.starts_with(prefix));
    if id.starts_with("LSN-") || (is_bug_fix && cves.is_empty()) {
        return Ok(None);
    }
    let identity = |vulnerability: String, aliases| Identity {
        vulnerability,
        aliases,
        names_advisory: true,
        is_erratum,
        alone: cves.len() < 2,
    };
    Ok(Some(match cves.as_slice() {
        [] if is_erratum => vec![identity(id.to_owned(), Vec::new())],
        [] => vec![identity(id.to_owned(), others)],
        [cve] => {
            // Notices among the names (`USN-1-1`) are not names of the vulnerability.
            let mut aliases: Vec<String> = others
                .into_iter()
                .filter(|name| !ERRATA.iter().any(|prefix| name.starts_with(prefix)))
                .collect();
            if !is_erratum {
                aliases.insert(0, id.to_owned());
            }
            vec![identity(cve.clone(), aliases)]
        }
        // With several, a shared alias would make them look like one vulnerability.
        several => several
            .iter()
            .map(|cve| identity(cve.clone(), Vec::new()))
            .collect(),
    }))
}

/// `UBUNTU-CVE-2024-1` names CVE-2024-1, as do Alpine's, Debian's and curl's own forms.
fn cve_within(id: String) -> String {
    match id.find("-CVE-") {
        Some(at)
            if id
                .get(..at)
                .is_some_and(|prefix| prefix.bytes().all(|byte| byte.is_ascii_uppercase())) =>
        {
            id.get(at + 1..)
                .filter(|rest| text::is_cve(rest))
                .map_or(id.clone(), str::to_owned)
        }
        _ => id,
    }
}
