//! The way back for packages whose former artifact is nowhere to be had: made again from the installed files, while the
//! plan is made, so that its hash stands in the plan.

use crate::state::State;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use overlock_apply::PackageManager;
use overlock_apply::artifacts::{Artifacts, hash_file};
use overlock_model::plan::{Action, Artifact, Change, Closure};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// The origin of such artifacts.
pub const ORIGIN: &str = "rebuilt";

/// A change whose former artifact is nowhere to be had, and cannot be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaysOneWay {
    /// Package.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Why it cannot be rebuilt.
    pub why: String,
}

impl fmt::Display for StaysOneWay {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{}:{} stays one-way: {}",
            self.name, self.arch, self.why
        )
    }
}

/// What was rebuilt, or could not be: each package once, in however many closures it is.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// By name, architecture and version.
    made: BTreeMap<(String, String, String), Result<Artifact, String>>,
}

impl Rebuilt {
    /// Gives one-way changes of a closure their way back; answers those that stay one-way.
    pub fn give_back(
        &mut self,
        manager: &dyn PackageManager,
        closure: &mut Closure,
        state: &State,
    ) -> Vec<StaysOneWay> {
        let changes = closure.changes.iter_mut();
        let one_way: Vec<&mut Change> = changes.filter(|one| !one.is_reversible()).collect();
        let new = |change: &&&mut Change| !self.made.contains_key(&key(change));
        let count = one_way.iter().filter(new).count();
        let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
        let style = "{spinner} {pos}/{len} former artifacts rebuilt from installed files: {msg}";
        bar.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let folder = state.data.join("rebuild");
        let store = Artifacts::new(state.data.join("artifacts"));
        let mut stay = Vec::new();
        for change in one_way {
            let made = self.made.entry(key(change)).or_insert_with(|| {
                bar.set_message(change.spec());
                let made = rebuilt(manager, change, &folder, &store);
                bar.inc(1);
                made.map_err(|error| format!("{error:#}"))
            });
            match made {
                Ok(artifact) => set_back(change, artifact.clone()),
                Err(why) => stay.push(StaysOneWay {
                    name: change.name.clone(),
                    arch: change.arch.clone(),
                    why: why.clone(),
                }),
            }
        }
        bar.finish_and_clear();
        // What was made is in the store; the rest is of no use.
        drop(fs::remove_dir_all(&folder));
        stay
    }
}

fn key(change: &Change) -> (String, String, String) {
    let from = change.from().unwrap_or_default();
    (change.name.clone(), change.arch.clone(), from.to_owned())
}

fn rebuilt(
    manager: &dyn PackageManager,
    change: &Change,
    folder: &Path,
    store: &Artifacts,
) -> anyhow::Result<Artifact> {
    let version = change.from().context("it was not installed before")?;
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
