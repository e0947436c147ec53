//! Text that must stand in no file: paths of somebody's machine, and hosts of package registries.
//!
//! A registry's host in a fixture is a wish to reach it, and in code a decision that belongs to the host's own
//! configuration. The patterns are joined from parts so that this file does not find itself.

use super::Complaints;
use crate::workspace::TextFile;

const FORBIDDEN: [(&str, &str); 20] = [
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!(".libr", "ary/"), "a path of one machine"),
    (concat!("/home", "/runner"), "a path of one machine"),
    (concat!("deb", ".debian.org"), REGISTRY),
    (concat!("security", ".debian.org/"), REGISTRY),
    (concat!("ftp", ".debian.org"), REGISTRY),
    (concat!("archive", ".ubuntu.com"), REGISTRY),
    (concat!("security", ".ubuntu.com"), REGISTRY),
    (concat!("ports", ".ubuntu.com"), REGISTRY),
    (concat!("dl-cdn", ".alpinelinux.org"), REGISTRY),
    (concat!("repo.", "almalinux.org"), REGISTRY),
    (concat!("crates", ".io"), REGISTRY),
    (concat!("pypi", ".org"), REGISTRY),
    (concat!("files.", "pythonhosted.org"), REGISTRY),
    (concat!("npmjs", ".org"), REGISTRY),
    (concat!("npmjs", ".com"), REGISTRY),
    (concat!("rubygems", ".org"), REGISTRY),
    (concat!("proxy.", "golang.org"), REGISTRY),
    (concat!("repo.maven", ".apache.org"), REGISTRY),
    (concat!("api.nuget", ".org"), REGISTRY),
];

const REGISTRY: &str = "a package registry's host; fixtures use example.org";

pub fn complaints(files: &[TextFile]) -> Complaints {
    files
        .iter()
        .filter(|file| file.path != "Cargo.lock")
        .flat_map(of_file)
        .collect()
}

fn of_file(file: &TextFile) -> Complaints {
    let mut complaints = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for (word, why) in FORBIDDEN.iter().filter(|(word, _)| line.contains(word)) {
            complaints.push(format!("{}:{}: `{word}`: {why}", file.path, number + 1));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_and_private_path_are_refused_with_their_line() {
        let text = format!("fine\nfrom {} and {}x\n", FORBIDDEN[3].0, FORBIDDEN[0].0);
        let complaints = of_file(&TextFile {
            path: "a.md".to_owned(),
            text,
        });
        assert_eq!(complaints.len(), 2);
        assert!(
            complaints
                .iter()
                .all(|complaint| complaint.starts_with("a.md:2: ")),
            "{complaints:?}"
        );
    }

    #[test]
    fn tracker_of_a_publisher_is_no_registry() {
        let text =
            "https://security-tracker.debian.org/tracker/data/json https://secdb.alpinelinux.org"
                .to_owned();
        assert_eq!(
            of_file(&TextFile {
                path: "a.rs".to_owned(),
                text
            }),
            [""; 0]
        );
    }
}
