//! The way back for packages whose former artifact is nowhere to be had: made again from the installed files, while the
//! plan is made, so that its hash stands in the plan.

use crate::state::State;
use indicatif::{ProgressBar, ProgressStyle};
use overlock_apply::PackageManager;
use overlock_apply::artifacts::{Artifacts, hash_file};
use overlock_model::plan::{Action, Artifact, Change, Closure};
use std::fs;
use std::path::Path;

/// The origin of such artifacts.
pub const ORIGIN: &str = "rebuilt";

/// Gives one-way changes of a closure their way back; answers those that stay one-way, and why.
pub fn give_back(
    manager: &dyn PackageManager,
    closure: &mut Closure,
    state: &State,
) -> Vec<(String, String)> {
    let one_way = |change: &&mut Change| !change.is_reversible();
    let count = closure.changes.iter_mut().filter(one_way).count();
    if count == 0 {
        return Vec::new();
    }
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
    let style = "{spinner} {pos}/{len} former artifacts rebuilt from installed files: {msg}";
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let folder = state.data.join("rebuild");
    let store = Artifacts::new(state.data.join("artifacts"));
    let mut stay = Vec::new();
    for change in closure.changes.iter_mut().filter(one_way) {
        bar.set_message(change.spec());
        match rebuilt(manager, change, &folder, &store) {
            Ok(artifact) => set_back(change, artifact),
            Err(error) => stay.push((change.spec(), format!("{error:#}"))),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    // What was made is in the store; the rest is of no use.
    drop(fs::remove_dir_all(&folder));
    stay
}

fn rebuilt(
    manager: &dyn PackageManager,
    change: &Change,
    folder: &Path,
    store: &Artifacts,
) -> anyhow::Result<Artifact> {
    let version = change.from().unwrap_or_default();
    fs::create_dir_all(folder)?;
    let file = manager.rebuild((&change.name, &change.arch, version), folder)?;
    let (sha256, size) = hash_file(&file)?;
    let artifact = Artifact {
        sha256,
        size,
        origin: ORIGIN.to_owned(),
        path: None,
    };
    store.take(&file, &artifact, manager.word())?;
    Ok(artifact)
}

fn set_back(change: &mut Change, artifact: Artifact) {
    match &mut change.action {
        Action::Replace { back, .. } | Action::Remove { back, .. } => *back = Some(artifact),
        Action::Install { .. } => {}
    }
}
