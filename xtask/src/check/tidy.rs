//! Rules of the house that no tool knows: names, sizes, nothing left undone.

use super::Complaints;
use crate::workspace::TextFile;

/// Names that say nothing of the job. `helper` is not among them: it is the agent's part that acts as root.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];

/// From here on a file is told of, in lines: it should be split when the next reason to change arrives.
const LINES_WARN: usize = 500;

/// From here on it is refused.
const LINES_MAX: usize = 900;

/// Macros that mark what is not finished; joined so that this file does not find itself.
const UNDONE: [&str; 3] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];

pub fn complaints(files: &[TextFile]) -> Complaints {
    let rust = || files.iter().filter(|file| file.extension() == "rs");
    for file in rust().filter(|file| (LINES_WARN..LINES_MAX).contains(&file.text.lines().count())) {
        println!(
            "note   tidy      {} has {} lines",
            file.path,
            file.text.lines().count()
        );
    }
    let mut complaints: Complaints = files.iter().filter_map(empty_name).collect();
    complaints.extend(rust().flat_map(of_code));
    complaints
}

fn empty_name(file: &TextFile) -> Option<String> {
    file.path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(part))
        .find(|part| EMPTY_NAMES.contains(part))
        .map(|part| {
            format!(
                "{}: the name `{part}` does not say what is inside",
                file.path
            )
        })
}

fn of_code(file: &TextFile) -> Complaints {
    let mut complaints = Vec::new();
    let lines = file.text.lines().count();
    if lines >= LINES_MAX {
        complaints.push(format!(
            "{}: {lines} lines; split it by a word of the domain",
            file.path
        ));
    }
    for (number, line) in file.text.lines().enumerate() {
        if let Some(undone) = UNDONE.into_iter().find(|undone| line.contains(undone)) {
            complaints.push(format!("{}:{}: `{undone}…)`", file.path, number + 1));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn empty_name_is_refused_as_file_and_as_folder() {
        assert!(empty_name(&file("crates/model/src/utils.rs", "")).is_some());
        assert!(empty_name(&file("crates/common/src/lib.rs", "")).is_some());
        assert!(empty_name(&file("crates/model/src/commonality.rs", "")).is_none());
    }

    #[test]
    fn long_file_and_undone_code_are_refused() {
        assert_eq!(of_code(&file("a.rs", &"\n".repeat(LINES_MAX))).len(), 1);
        assert_eq!(
            of_code(&file("a.rs", &format!("fn a() {{ {}) }}", UNDONE[0]))).len(),
            1
        );
        assert_eq!(of_code(&file("a.rs", "fn a() {}")), [""; 0]);
    }
}
