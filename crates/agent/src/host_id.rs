//! One id for agent and journal: plans are for the host that reports.
//!
//! Only root opens the journal, so an enrolment by another user leaves it alone; the host is then only watched.

use jiff::Timestamp;
use overlock_journal::{Journal, JournalError, runs};
use overlock_model::plan::HostId;
use overlock_model::run::Event;
use std::path::{Path, PathBuf};

/// The journal beside the agent's state directory: `/var/lib/overlock/journal`.
fn journal(state: &Path) -> Option<PathBuf> {
    let root = rustix::process::geteuid().is_root();
    state
        .parent()
        .filter(|_| root)
        .map(|data| data.join("journal"))
}

/// The id in the journal, if there is one that may be read.
///
/// # Errors
/// When it is damaged.
pub fn of_journal(state: &Path) -> Result<Option<HostId>, JournalError> {
    let Some(path) = journal(state) else {
        return Ok(None);
    };
    Ok(Journal::read(&path)?.and_then(|entries| runs::host(&entries).cloned()))
}

/// Has the journal take on the id of an enrolment; a host without a journal gets one.
///
/// # Errors
/// When it is damaged, in use by a run, or cannot be written.
pub fn adopt(state: &Path, host: &HostId) -> Result<(), JournalError> {
    let Some(path) = journal(state) else {
        return Ok(());
    };
    let mut journal = Journal::open(&path, || host.clone(), Timestamp::now())?;
    if journal.host() != host {
        journal.append(Timestamp::now(), Event::Adopted { host: host.clone() })?;
    }
    Ok(())
}
