//! The step that boots anew. It is carried out twice: before the boot it asks for one, after it it is done.

use super::{LocalHost, chain};
use crate::reboot::{self, Boot};
use overlock_engine::Report;
use overlock_model::run::Outcome;
use std::fs;
use std::time::{Duration, Instant};

/// Who was logged in when the host went down, below the run's folder: nobody reads notes of a step that did not end.
const LOGGED_IN: &str = "logged-in";

impl LocalHost<'_> {
    pub(super) fn reboot(&mut self, kernel: Option<&str>, attempt: u32) -> Report {
        if reboot::has_rebooted(&self.folder) {
            return self.booted(kernel);
        }
        if attempt > reboot::ASKS_MAX {
            let why = format!(
                "the host was asked {} times to reboot and did not",
                attempt - 1
            );
            return Report::failed(why);
        }
        match self.go_down() {
            Ok(()) => Report::reboots(),
            Err(why) => Report::failed(why),
        }
    }

    /// All that must be on the disk before, then the question.
    fn go_down(&mut self) -> Result<(), String> {
        let written = |error| format!("the boot cannot be written down: {error}");
        reboot::arm(&self.settings.program, &self.data).map_err(|error| chain(&error))?;
        self.await_leave();
        let users = reboot::logged_in();
        for user in &users {
            self.observer.tell(&format!("is logged in: {user}"));
        }
        fs::write(self.folder.join(LOGGED_IN), users.join("\n")).map_err(written)?;
        let boot = Boot::now().map_err(written)?;
        boot.keep(&self.folder).map_err(written)?;
        self.observer.tell("rebooting");
        reboot::ask().map_err(|error| chain(&error))
    }

    /// Those who block a reboot are given as long as a lock is. Preflight deferred the run where one was there before; one
    /// that came since cannot keep half a patch for ever.
    pub(super) fn await_leave(&mut self) {
        let begun = Instant::now();
        let mut told = false;
        while begun.elapsed() < self.settings.patience {
            let Some(inhibitor) = reboot::inhibitors().into_iter().next() else {
                return;
            };
            if !told {
                self.observer.tell(&format!("waiting: {inhibitor}"));
                told = true;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    fn booted(&mut self, kernel: Option<&str>) -> Report {
        self.observer.tell("waiting for the end of the boot");
        reboot::await_settled();
        let runs = overlock_host::kernel::uname().release;
        let mut notes = vec![format!("booted anew, kernel {runs}")];
        let users = fs::read_to_string(self.folder.join(LOGGED_IN)).unwrap_or_default();
        notes.extend(users.lines().map(|user| format!("was logged in: {user}")));
        match kernel {
            Some(planned) if planned != runs => {
                let why = format!("kernel {runs} runs, and {planned} is planned");
                Report::ended(Outcome::Failed { why }, notes)
            }
            _ => Report::done_with(notes),
        }
    }
}
