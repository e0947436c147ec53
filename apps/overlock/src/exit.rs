//! Exit codes (DESIGN, Commands) and how an error is told.

use anstream::eprintln;
use anstyle::{AnsiColor, Style};
use std::process::ExitCode;

/// How a command ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Done, or nothing to do.
    Clear,
    /// Findings at or above `--fail-on`, or lines that do not hold.
    Findings,
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wrong usage, or input that cannot be parsed.
    Input = 2,
    /// The environment failed: network, lock, disk.
    Environment = 3,
    /// Parsed, and refused by guard or policy.
    Refused = 4,
    /// Not applied; the host is as it was (deferred, reverted).
    NotApplied = 5,
    /// The host is in a named state that `overlock repair` mends.
    Repair = 6,
}

/// A failure: its chain of causes, what kind it is, and what to do next.
#[derive(Debug)]
pub struct Failure {
    /// Which exit code.
    pub kind: Kind,
    /// What happened.
    pub error: anyhow::Error,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// Bad input.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind: Kind::Input,
            error: error.into(),
            hint: None,
        }
    }

    /// A failed environment.
    pub fn environment(error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind: Kind::Environment,
            error: error.into(),
            hint: None,
        }
    }

    /// Of some kind.
    pub fn of(kind: Kind, error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            error: error.into(),
            hint: None,
        }
    }

    /// With a hint.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// A closed pipe (`overlock scan | head`) is no failure of ours; anything else the output does is the environment's.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::environment(error)
    }
}

/// The exit code of a command; a failure is told on standard error.
pub fn of(result: Result<Done, Failure>) -> ExitCode {
    match result {
        Ok(Done::Clear) => ExitCode::SUCCESS,
        Ok(Done::Findings) => ExitCode::from(1),
        Err(failure) if closed_pipe(&failure.error) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            ExitCode::from(failure.kind as u8)
        }
    }
}

fn closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn tell(failure: &Failure) {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let dim = Style::new().dimmed();
    // Causes quote files and servers, so nothing of them may steer the terminal.
    let plain = |text: String| overlock_report::plain(&text).into_owned();
    eprintln!("{red}error{red:#}: {}", plain(failure.error.to_string()));
    for cause in failure.error.chain().skip(1) {
        eprintln!("  {dim}caused by{dim:#}: {}", plain(cause.to_string()));
    }
    if let Some(hint) = &failure.hint {
        eprintln!("  {dim}hint{dim:#}: {hint}");
    }
}

/// Tells something that is no failure but must not be missed.
pub fn warn(text: &str) {
    let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
    eprintln!(
        "{yellow}warning{yellow:#}: {}",
        overlock_report::plain(text)
    );
}
