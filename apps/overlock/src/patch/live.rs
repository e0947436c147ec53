//! The line that moves on a terminal while a run is under way: how far it is, what it does, since when.
//!
//! Steps count one each. A transaction counts two for each package (laid down, set up), as far as the package manager's
//! own output in the run's log says; a thread reads along, since whoever started the transaction waits for its end.

use indicatif::{ProgressBar, ProgressStyle};
use overlock_model::plan::Verb;
use overlock_model::run::Phase;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at the log.
const LOOK: Duration = Duration::from_millis(150);
/// Bytes that one look reads; a package manager that says more is shown a little late.
const LOOK_BYTES_MAX: u64 = 1 << 20;
/// How dpkg and dnf begin the lines that say that a package came one step further.
const FURTHER: [&str; 8] = [
    "Unpacking ",
    "Setting up ",
    "Removing ",
    "Installing ",
    "Upgrading ",
    "Downgrading ",
    "Cleanup ",
    "Erasing ",
];

pub struct Live {
    bar: ProgressBar,
    log: PathBuf,
    packages: u64,
    /// Where the phase under way began.
    base: u64,
    reading: Option<Reading>,
}

struct Reading {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Live {
    /// Of a run with so many steps and packages, whose package manager writes to `log`; nothing is drawn where standard
    /// error is no terminal.
    pub fn new(is_wanted: bool, steps: usize, packages: usize, log: &Path) -> Self {
        let packages = u64::try_from(packages).unwrap_or(u64::MAX);
        let units = u64::try_from(steps).unwrap_or(u64::MAX) + 2 * packages;
        let bar = match is_wanted {
            // Preflight is no step of a plan, and takes its time too.
            true => ProgressBar::new(units + 1),
            false => ProgressBar::hidden(),
        };
        let template = "{spinner} {bar:24} {percent:>3} % {elapsed_precise} {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━ "));
        }
        Self {
            bar,
            log: log.to_owned(),
            packages,
            base: 0,
            reading: None,
        }
    }

    pub fn is_hidden(&self) -> bool {
        self.bar.is_hidden()
    }

    /// What is going on now.
    pub fn say(&self, line: String) {
        self.bar.set_message(line);
    }

    /// Prints while the line is out of the way.
    pub fn beside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub fn begun(&mut self, phase: Phase) {
        self.base = self.bar.position();
        self.bar.set_message(phase.to_string());
        self.bar.enable_steady_tick(Duration::from_millis(120));
        if changes_packages(phase) && !self.bar.is_hidden() {
            self.reading = Some(self.read_along());
        }
    }

    pub fn done(&mut self, phase: Phase) {
        self.end_reading();
        let units = match changes_packages(phase) {
            true => 2 * self.packages + 1,
            false => 1,
        };
        // One that goes back goes the way a second time and stays at the end of the line.
        let end = self.bar.length().unwrap_or(u64::MAX);
        self.bar.set_position((self.base + units).min(end));
    }

    pub fn over(&mut self) {
        self.end_reading();
        self.bar.finish_and_clear();
    }

    fn read_along(&self) -> Reading {
        let over = Arc::new(AtomicBool::new(false));
        let (bar, log, until) = (self.bar.clone(), self.log.clone(), Arc::clone(&over));
        let (base, most) = (self.base, 2 * self.packages);
        let from = fs::metadata(&log).map_or(0, |of| of.len());
        let thread = std::thread::spawn(move || {
            let mut seen = Seen { from, count: 0 };
            while !until.load(Ordering::Relaxed) {
                std::thread::park_timeout(LOOK);
                if let Some(line) = seen.look(&log) {
                    bar.set_message(line);
                }
                bar.set_position(base + seen.count.min(most));
            }
        });
        Reading { over, thread }
    }

    fn end_reading(&mut self) {
        let Some(reading) = self.reading.take() else {
            return;
        };
        reading.over.store(true, Ordering::Relaxed);
        reading.thread.thread().unpark();
        // It only draws; that it panicked is nothing that would stop a run.
        drop(reading.thread.join());
    }
}

fn changes_packages(phase: Phase) -> bool {
    match phase {
        Phase::Step { verb, .. } => verb == Verb::Install,
        Phase::Mend | Phase::Revert => true,
        Phase::Preflight => false,
    }
}

/// How much of a log was read, and how many steps of packages it told of.
struct Seen {
    from: u64,
    count: u64,
}

impl Seen {
    /// Reads on; the last line that tells of a package.
    fn look(&mut self, log: &Path) -> Option<String> {
        let mut file = File::open(log).ok()?;
        file.seek(SeekFrom::Start(self.from)).ok()?;
        let mut bytes = Vec::new();
        file.take(LOOK_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        // Half a line is read again.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n')? + 1;
        self.from += u64::try_from(whole).unwrap_or(0);
        let text = String::from_utf8_lossy(bytes.get(..whole)?).into_owned();
        let mut last = None;
        for line in text.lines().map(str::trim) {
            if FURTHER.iter().any(|word| line.starts_with(word)) {
                self.count += 1;
                last = Some(overlock_report::plain(line).into_owned());
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_is_read_on_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("packages.log");
        let mut seen = Seen { from: 0, count: 0 };
        assert_eq!(seen.look(&log), None);
        fs::write(&log, "Reading…\nUnpacking a (2) over (1) ...\nSetting u").unwrap();
        assert_eq!(seen.look(&log).unwrap(), "Unpacking a (2) over (1) ...");
        assert_eq!((seen.count, seen.look(&log)), (1, None));
        let more =
            "Reading…\nUnpacking a (2) over (1) ...\nSetting up a (2) ...\n  Upgrading  : b 1/2\n";
        fs::write(&log, more).unwrap();
        assert_eq!(seen.look(&log).unwrap(), "Upgrading  : b 1/2");
        assert_eq!(seen.count, 3);
    }
}
