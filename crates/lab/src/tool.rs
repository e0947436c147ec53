//! Calling programs of this machine: what they print is ours, and where they fail their own words are the error.

use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Most that an error repeats of what a program said, in characters.
const WORDS_MAX: usize = 2_000;

/// How often a condition outside is asked for.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// A command whose messages are in English, whatever this machine speaks.
pub fn command<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C.UTF-8");
    command
}

/// Runs to the end; an error unless it succeeds.
pub fn succeed(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Standard output of a command that succeeds.
pub fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed: {}: {}", output.status, last_words(&said));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` prints no UTF-8"))
}

/// The end of a long text, where the cause stands.
pub fn last_words(text: &str) -> &str {
    let text = text.trim();
    let from = text.len().saturating_sub(WORDS_MAX);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at));
    from.and_then(|from| text.get(from..)).unwrap_or_default()
}

/// Asks until there is an answer, for at most `limit`; `what` is the end of "waited N s for …".
pub fn await_answer<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            bail!("waited {} s for {what}", limit.as_secs());
        }
        std::thread::sleep(ASK_AGAIN);
    }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
