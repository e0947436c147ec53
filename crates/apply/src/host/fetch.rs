//! Fetching: every artifact, new and former, into the host's own store, each hashed by us.

use super::{LocalHost, chain};
use crate::manager::Named;
use overlock_engine::Report;
use overlock_model::plan::{Artifact, Change};
use std::fs;
use std::path::Path;

impl LocalHost<'_> {
    pub(super) fn fetch(&mut self) -> Report {
        let mut missing: Vec<(&Change, &str, &Artifact)> = Vec::new();
        for change in &self.closure.changes {
            let new = change.to().zip(change.artifact());
            let old = change.from().zip(change.back());
            for (version, artifact) in new.into_iter().chain(old) {
                match self.artifacts.has(artifact, self.manager.word()) {
                    Ok(true) => {}
                    Ok(false) => missing.push((change, version, artifact)),
                    Err(error) => return Report::failed(chain(&error)),
                }
            }
        }
        if missing.is_empty() {
            return Report::done_with(vec!["every artifact is at hand".to_owned()]);
        }
        let bytes: u64 = missing.iter().map(|(.., artifact)| artifact.size).sum();
        self.observer.tell(&format!(
            "fetching {} artifacts, {:.1} MiB",
            missing.len(),
            bytes as f64 / f64::from(1 << 20)
        ));
        let folder = self.folder.join("fetch");
        let made = fs::remove_dir_all(&folder)
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .and_then(|()| fs::create_dir_all(&folder));
        if let Err(error) = made {
            return Report::failed(format!("cannot make `{}`: {error}", folder.display()));
        }
        let result = self.fetch_into(&missing, &folder);
        drop(fs::remove_dir_all(&folder));
        match result {
            Ok(()) => Report::done_with(vec![format!(
                "fetched {} artifacts, each with the hash of the plan",
                missing.len()
            )]),
            Err(why) => Report::failed(why),
        }
    }

    fn fetch_into(
        &self,
        missing: &[(&Change, &str, &Artifact)],
        folder: &Path,
    ) -> Result<(), String> {
        // What the package manager itself has kept; the hash decides whether it is the one.
        let copy = folder.join("kept");
        let wanted: Vec<Named<'_>> = missing
            .iter()
            .map(|(change, version, artifact)| (named(change, version), artifact))
            .filter(|(package, artifact)| {
                !self.manager.kept(*package).iter().any(|kept| {
                    fs::copy(kept, &copy).is_ok()
                        && self
                            .artifacts
                            .take(&copy, artifact, self.manager.word())
                            .is_ok()
                })
            })
            .map(|(package, _)| package)
            .collect();
        self.manager
            .download(&wanted, folder)
            .map_err(|error| chain(&error))?;
        for (change, version, artifact) in missing {
            if self
                .artifacts
                .has(artifact, self.manager.word())
                .map_err(|error| chain(&error))?
            {
                continue;
            }
            let file = folder.join(self.manager.file_name(named(change, version)));
            self.artifacts
                .take(&file, artifact, self.manager.word())
                .map_err(|error| chain(&error))?;
        }
        Ok(())
    }
}

fn named<'b>(change: &'b Change, version: &'b str) -> Named<'b> {
    (&change.name, &change.arch, version)
}
