//! The steps around the change: evidence before, confirmation after.

use super::LocalHost;
use super::chain;
use crate::confirm::{Confirmation, Waited};
use crate::{evidence, settings};
use overlock_engine::Report;
use overlock_model::run::Outcome;
use std::time::Duration;

impl LocalHost<'_> {
    pub(super) fn evidence(&mut self) -> Report {
        let folder = self.folder.join("evidence");
        if folder.join("MANIFEST").is_file() {
            return Report::done_with(vec!["evidence was taken before".to_owned()]);
        }
        self.observer
            .tell("taking evidence before anything is changed");
        match evidence::take(&folder, self.manager.verification()) {
            Err(error) => Report::failed(format!("evidence cannot be written down: {error}")),
            Ok((digest, missing)) => {
                let mut notes = vec![format!("evidence {digest} in {}", folder.display())];
                notes.extend(missing.iter().map(|what| format!("not to be had: {what}")));
                Report::done_with(notes)
            }
        }
    }

    pub(super) fn commit(&mut self, within: Option<u64>) -> Report {
        let Some(seconds) = within else {
            settings::prune(&self.folder);
            return Report::done();
        };
        let within = Duration::from_secs(seconds);
        let confirmation = Confirmation::new(self.run, &self.folder);
        let deadline = match confirmation.begin(self.observer.now(), within) {
            Ok(deadline) => deadline,
            Err(error) => {
                return Report::failed(format!("the wait cannot be written down: {error}"));
            }
        };
        let mut notes = Vec::new();
        match confirmation.arm(&self.settings.program, &self.data, within) {
            Ok(true) => {}
            Ok(false) => notes.push("no systemd: no timer stands behind this run".to_owned()),
            // A second try finds the first one's timer still there.
            Err(error) => notes.push(format!("timer: {}", chain(&error))),
        }
        self.observer.tell(&format!(
            "waiting until {} for `overlock confirm {}` over a new login",
            deadline.strftime("%H:%M:%S UTC"),
            self.run
        ));
        let observer = &self.observer;
        let waited = confirmation.wait(deadline, &self.settings.confirm_by, &|| observer.now());
        confirmation.disarm();
        match waited {
            Waited::Confirmed(by) => {
                settings::prune(&self.folder);
                notes.push(format!("confirmed by {}", by.trim()));
                Report::done_with(notes)
            }
            Waited::TimeUp => {
                let why = "nobody confirmed in time that the host can still be reached".to_owned();
                Report::ended(Outcome::Failed { why }, notes)
            }
        }
    }
}
