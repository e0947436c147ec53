//! Exit codes (DESIGN, Commands) and how an error is told.

use overlock_report::plain;
use std::io::Write;
use std::process::ExitCode;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wrong usage, or input that cannot be parsed.
    Input = 2,
    /// The environment failed: network, rights, disk.
    Environment = 3,
    /// Parsed, and refused.
    Refused = 4,
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
    /// Of some kind.
    pub fn of(kind: Kind, error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            error: error.into(),
            hint: None,
        }
    }

    /// A failed environment.
    pub fn environment(error: impl Into<anyhow::Error>) -> Self {
        Self::of(Kind::Environment, error)
    }

    /// With a hint, where there is one.
    pub fn hint(self, hint: Option<impl Into<String>>) -> Self {
        Self {
            hint: hint.map(Into::into).or(self.hint),
            ..self
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::environment(error)
    }
}

/// The exit code of a command; a failure is told on standard error.
pub fn of(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
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
    // Causes quote files and servers, so nothing of them may steer the terminal.
    say(&format!("error: {}", plain(&failure.error.to_string())));
    for cause in failure.error.chain().skip(1) {
        say(&format!("  caused by: {}", plain(&cause.to_string())));
    }
    if let Some(hint) = &failure.hint {
        say(&format!("  hint: {hint}"));
    }
}

/// A line for people, on standard error; nobody may be listening.
pub fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
