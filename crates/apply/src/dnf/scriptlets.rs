//! Which units packages would have restarted, read from their scriptlets.
//!
//! A transaction runs with `SYSTEMD_OFFLINE`, so that systemctl starts and restarts nothing; it does not say for which
//! units it was asked. The scriptlets do: `systemctl try-restart UNIT`, or `systemd-update-helper
//! mark-restart-system-units UNIT` (`%systemd_postun_with_restart`). A unit that only a script of its own names is found
//! by the restart pass all the same where it runs replaced code.

use super::database::{Database, Header};
use crate::program::{Call, Program, ProgramError};
use std::ffi::OsString;
use std::path::PathBuf;

const RESTARTS: [&str; 8] = [
    "try-restart",
    "restart",
    "condrestart",
    "reload-or-restart",
    "try-reload-or-restart",
    "reload-or-try-restart",
    "mark-restart-system-units",
    "reload",
];

/// Wishes of packages that come, and of their former versions, which rpm asks last.
pub(super) fn wishes(
    headers: &[Header],
    files: &[PathBuf],
    database: &Database,
) -> Result<Vec<(String, &'static str)>, ProgramError> {
    let mut found = Vec::new();
    for (header, file) in headers.iter().zip(files) {
        let is_new = database.versions(&header.name, &header.arch).is_empty();
        let coming = ["--query", "--package", "--scripts", "--"].map(OsString::from);
        let coming = coming.into_iter().chain([OsString::from(file)]);
        let text = Call::new(Program::Rpm, coming).output()?;
        found.extend(in_text(&String::from_utf8_lossy(&text), is_new));
        if !is_new {
            let package = format!("{}.{}", header.name, header.arch);
            let former = ["--query", "--scripts", "--", &package];
            let text = Call::new(Program::Rpm, former).output()?;
            found.extend(in_text(&String::from_utf8_lossy(&text), false));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Units after a word that restarts, or that starts where the package is new.
fn in_text(text: &str, is_new: bool) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for command in text.split(['\n', ';', '&', '|']) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let by = |name: &str| words.iter().any(|word| word.ends_with(name));
        if !by("systemctl") && !by("systemd-update-helper") {
            continue;
        }
        let action = if words.iter().any(|word| RESTARTS.contains(word)) {
            "restart"
        } else if is_new && (words.contains(&"start") || words.contains(&"--now")) {
            "start"
        } else {
            continue;
        };
        let units = words
            .iter()
            .map(|word| word.trim_matches(['"', '\'']))
            .filter(|word| word.ends_with(".service") || word.ends_with(".socket"))
            .filter(|word| !word.contains(['$', '*', '/']));
        found.extend(units.map(|unit| (unit.to_owned(), action)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_of_all_ages_are_understood() {
        let text = "postuninstall scriptlet (using /bin/sh):\n\
            if [ $1 -ge 1 ] && [ -x \"/usr/lib/systemd/systemd-update-helper\" ]; then\n\
            /usr/lib/systemd/systemd-update-helper mark-restart-system-units a.service b.socket || :\nfi\n\
            if [ $1 -ge 1 ]; then systemctl try-restart c.service >/dev/null 2>&1 || :; fi\n\
            systemctl --no-reload disable --now d.service\n\
            systemctl start 'e.service'\n systemctl restart $unit.service\n echo restart f.service\n";
        let units = |is_new| -> Vec<String> {
            in_text(text, is_new)
                .into_iter()
                .map(|(unit, action)| format!("{action} {unit}"))
                .collect()
        };
        let upgraded = ["restart a.service", "restart b.socket", "restart c.service"];
        assert_eq!(units(false), upgraded);
        assert!(units(true).contains(&"start e.service".to_owned()));
    }
}
