//! What rpm says, read: complaints, scriptlets that failed, configuration files with local edits.

use crate::configuration::{EditOutcome, Edited};
use std::collections::BTreeSet;

/// Scriptlets of a package that leaves; a plan that brings another version does not depend on them.
const LEAVING: [&str; 4] = ["%preun(", "%postun(", "%triggerun(", "%triggerpostun("];

/// rpm's errors, then scriptlets whose failure it takes for a warning.
pub(super) fn complaints(said: &str) -> Vec<String> {
    let mut found: Vec<String> = said
        .lines()
        .filter_map(|line| line.strip_prefix("error: "))
        // They follow from the first one.
        .filter(|line| !line.ends_with(": erase skipped"))
        .map(|line| line.trim().to_owned())
        .collect();
    for failure in failures(said) {
        if !found.contains(&failure) {
            found.push(failure);
        }
    }
    found
}

/// Scriptlets of packages that came and whose failure rpm takes for a warning. Where `%pre` fails, the package does not
/// come, and rpm says so by its exit code.
pub(super) fn failures(said: &str) -> Vec<String> {
    let line = |line: &str| {
        let rest = line.strip_prefix("warning: ")?;
        let is_it = rest.starts_with('%')
            && rest.contains(" scriptlet failed")
            && !LEAVING.iter().any(|name| rest.starts_with(name));
        is_it.then(|| rest.trim().to_owned())
    };
    said.lines().filter_map(line).collect()
}

/// `%config(noreplace)` keeps the edit in force, `%config` saves it beside (rpm says which, the locale is C).
pub(super) fn edited(said: &str) -> BTreeSet<Edited> {
    let line = |line: &str| {
        let rest = line.strip_prefix("warning: ")?;
        let (outcome, (file, beside)) = match rest.split_once(" created as ") {
            Some(pair) => (EditOutcome::Kept, pair),
            None => (EditOutcome::Saved, rest.split_once(" saved as ")?),
        };
        let is_beside = beside.starts_with(file) && file.starts_with('/');
        is_beside.then(|| Edited {
            file: file.to_owned(),
            beside: beside.trim().to_owned(),
            outcome,
        })
    };
    said.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "warning: /etc/a.conf created as /etc/a.conf.rpmnew\n\
        warning: /etc/b.conf saved as /etc/b.conf.rpmsave\n\
        lab-fails-pre: cannot go on\n\
        error: %prein(lab-fails-pre-2.0-1.noarch) scriptlet failed, exit status 1\n\
        error: lab-fails-pre-2.0-1.noarch: install failed\n\
        error: lab-fails-pre-1.0-1.noarch: erase skipped\n\
        warning: %postun(old-1.0-1.noarch) scriptlet failed, exit status 1\n\
        warning: %post(lab-fails-post-2.0-1.noarch) scriptlet failed, exit status 1\n";

    #[test]
    fn complaints_are_what_went_wrong_first() {
        assert_eq!(
            complaints(SAID),
            [
                "%prein(lab-fails-pre-2.0-1.noarch) scriptlet failed, exit status 1",
                "lab-fails-pre-2.0-1.noarch: install failed",
                "%post(lab-fails-post-2.0-1.noarch) scriptlet failed, exit status 1",
            ]
        );
        assert_eq!(
            failures(SAID).len(),
            1,
            "what leaves or did not come is not counted"
        );
    }

    #[test]
    fn both_fates_of_an_edit_are_told() {
        let found: Vec<(String, EditOutcome)> = edited(SAID)
            .into_iter()
            .map(|one| (one.beside, one.outcome))
            .collect();
        assert_eq!(
            found,
            [
                ("/etc/a.conf.rpmnew".to_owned(), EditOutcome::Kept),
                ("/etc/b.conf.rpmsave".to_owned(), EditOutcome::Saved),
            ]
        );
    }
}
