//! Configuration files of packages that somebody has edited, known before anything asks about them (F11).

use crate::configuration;
use crate::program::{Call, Program, ProgramError};
use overlock_model::plan::{Change, Closure};

/// Those of the packages that a closure replaces. dpkg itself compares, and only packages that have such files.
pub(super) fn edits(closure: &Closure) -> Result<Vec<String>, ProgramError> {
    let replaced = closure
        .changes
        .iter()
        .filter(|change| change.from().is_some());
    let specs: Vec<String> = replaced.map(Change::spec).collect();
    if specs.is_empty() {
        return Ok(Vec::new());
    }
    let format = "-f=${Package}:${Architecture}\\t${Conffiles}\\v\\n";
    let arguments = ["-W", format, "--"].map(str::to_owned);
    // A package that is gone by now is preflight's to tell of.
    let said = Call::new(Program::DpkgQuery, arguments.into_iter().chain(specs)).run()?;
    let having = having(&String::from_utf8_lossy(&said.stdout));
    if having.is_empty() {
        return Ok(Vec::new());
    }
    let arguments = ["--verify", "--"].map(str::to_owned).into_iter();
    let said = Call::new(Program::Dpkg, arguments.chain(having)).run()?;
    Ok(configuration::verified(&String::from_utf8_lossy(
        &said.stdout,
    )))
}

/// Packages with configuration files; a list of them ends with a vertical tab, as it has lines of its own.
fn having(said: &str) -> Vec<String> {
    said.split("\u{b}\n")
        .filter_map(|one| one.split_once('\t'))
        .filter(|(_, files)| !files.trim().is_empty())
        .map(|(spec, _)| spec.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_with_configuration_are_asked() {
        let said = "a:amd64\t\n /etc/a 0123\n /etc/a.d/x 4567\u{b}\nb:all\t\u{b}\n";
        assert_eq!(having(said), ["a:amd64"]);
    }
}
