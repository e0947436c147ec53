//! Users and groups of this system, by `/etc/passwd` and `/etc/group`: the agent's are made there.

use crate::durable;
use std::path::Path;

/// The user that the reporter runs as.
pub(crate) const USER: &str = "overlock-agent";
/// The group that may talk to the helper.
pub(crate) const GROUP: &str = "overlock";
const FILE_BYTES_MAX: u64 = 16 << 20;

pub(crate) fn user() -> Option<u32> {
    number_of(Path::new("/etc/passwd"), USER)
}

pub(crate) fn group() -> Option<u32> {
    number_of(Path::new("/etc/group"), GROUP)
}

/// The third field of the line that begins with a name (passwd(5), group(5)). A file that cannot be read names nobody: the
/// helper then answers root alone, and the installation stops at the account that it cannot find.
fn number_of(file: &Path, name: &str) -> Option<u32> {
    let bytes = durable::read(file, FILE_BYTES_MAX).ok()??;
    String::from_utf8_lossy(&bytes).lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_the_whole_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "root:x:0:0::/root:/bin/sh\noverlock-agents:x:7:7\nbroken\noverlock-agent:x:991:990::/:/usr/sbin/nologin\n",
        )
        .unwrap();
        assert_eq!(number_of(file.path(), USER), Some(991));
        assert_eq!(number_of(file.path(), "nobody"), None);
        assert_eq!(number_of(Path::new("/nonexistent"), USER), None);
    }
}
