//! Where people read on: a public page for an identifier, where its form tells which.
//!
//! Only identifiers made of harmless characters become an address, so that a feed cannot make us print a link of its
//! own choice. The addresses are never fetched.

/// The page of a vulnerability or advisory, where its form is known.
pub(crate) fn link(id: &str) -> Option<String> {
    let harmless = id.len() <= 64
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-:.".contains(&byte));
    if !harmless {
        return None;
    }
    let kind = id.split('-').next().unwrap_or_default();
    Some(match kind {
        "CVE" => format!("https://www.cve.org/CVERecord?id={id}"),
        "GHSA" => format!("https://github.com/advisories/{id}"),
        "DSA" | "DLA" | "TEMP" => format!("https://security-tracker.debian.org/tracker/{id}"),
        "USN" => format!("https://ubuntu.com/security/notices/{id}"),
        "RHSA" | "RHBA" | "RHEA" => format!("https://access.redhat.com/errata/{id}"),
        "RUSTSEC" => format!("https://rustsec.org/advisories/{id}.html"),
        "PYSEC" | "MAL" => format!("https://osv.dev/vulnerability/{id}"),
        _ => return None,
    })
}
