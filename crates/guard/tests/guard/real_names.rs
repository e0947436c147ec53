//! The forms are narrow; every real package must still fit through.

use crate::world::{Draft, artifact, host};
use overlock_model::plan::{Action, Artifact, Change};

/// Every package of the frozen Debian suites as a change of a plan.
#[test]
fn every_package_of_debian_fits() {
    let Some(shared) = overlock_testkit::shared("every_package_of_debian_fits") else {
        return;
    };
    for suite in ["bullseye", "bookworm", "trixie"] {
        let file = format!("data/debian-packages-{suite}-amd64.txt.zst");
        let text = overlock_testkit::zstd_text(&shared.join(file)).unwrap();
        let mut changes: Vec<Change> = text.split("\n\n").filter_map(change).collect();
        assert!(changes.len() > 50_000, "{suite}: {}", changes.len());
        changes.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
        changes.dedup_by(|a, b| (&a.name, &a.arch) == (&b.name, &b.arch));
        for part in changes.chunks(5_000) {
            let judged = Draft::with_changes(part.to_vec()).examine(&host());
            assert!(judged.is_ok(), "{suite}: {}", judged.unwrap_err());
        }
    }
}

/// One stanza; the frozen files have no `Filename`, so it is made as Debian's archive does.
fn change(stanza: &str) -> Option<Change> {
    let field = |name: &str| {
        stanza
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::to_owned)
    };
    let (name, to, arch) = (field("Package")?, field("Version")?, field("Architecture")?);
    let artifact = Artifact {
        path: Some(format!(
            "pool/main/{name}/{name}_{}_{arch}.deb",
            to.replace(':', "%3a")
        )),
        ..artifact(&name, &to)
    };
    Some(Change {
        name,
        arch,
        action: Action::Install { to, artifact },
    })
}
