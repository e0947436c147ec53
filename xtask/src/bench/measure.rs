//! Running a program and taking its time and memory.
//!
//! Wall time is taken around the program itself, without anything between. CPU time and peak memory come from GNU
//! `time` in runs of their own: the kernel counts the memory of whoever starts a program as the program's, so it must be
//! started by something smaller than all that is measured here (about 2 MiB), which this program is not.

use anyhow::{Context, Result, ensure};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Runs under GNU `time`, for medians of CPU time and memory.
const RESOURCE_RUNS: usize = 3;

/// A program that can be run again and again.
#[derive(Debug, Clone)]
pub struct Program {
    argv: Vec<String>,
    environment: Vec<(String, String)>,
    exits: Vec<i32>,
    shown: Option<String>,
}

/// What a program used besides wall time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resources {
    /// User and system time, in seconds; GNU `time` counts in hundredths.
    pub cpu_seconds: Option<f64>,
    /// Largest resident set, in MiB.
    pub peak_mib: Option<f64>,
}

impl Resources {
    /// Where nobody looked.
    pub const NOT_MEASURED: Self = Self {
        cpu_seconds: None,
        peak_mib: None,
    };
}

/// One table row's raw figures.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// Wall times, one for each pair, in the order of the pairs.
    pub ours: Vec<Duration>,
    pub theirs: Vec<Duration>,
}

impl Program {
    /// A program with its arguments; output is thrown away, exit code 0 is success.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            exits: vec![0],
            shown: None,
        }
    }

    /// With another text for the reader than the whole command.
    pub fn shown_as(self, text: &str) -> Self {
        Self {
            shown: Some(text.to_owned()),
            ..self
        }
    }

    /// Whether the program is named by a path that is there.
    pub fn is_file(&self) -> bool {
        self.argv
            .first()
            .is_some_and(|program| std::path::Path::new(program).is_file())
    }

    /// What one run prints.
    pub fn output(&self) -> Result<String> {
        let mut command = self.command(&[])?;
        let output = command
            .stdout(Stdio::piped())
            .output()
            .with_context(|| format!("cannot start `{}`", self.line()))?;
        self.check(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// With a variable of the environment.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The command as one types it.
    pub fn line(&self) -> String {
        // Where this checkout lies is of no use to a reader.
        let root = format!("{}/", crate::workspace::root().display());
        self.shown
            .clone()
            .unwrap_or_else(|| self.argv.join(" "))
            .replace(&root, "")
    }

    fn command(&self, before: &[&str]) -> Result<Command> {
        let mut words = before
            .iter()
            .copied()
            .chain(self.argv.iter().map(String::as_str));
        let mut command = Command::new(words.next().context("an empty command")?);
        command.args(words).envs(self.environment.iter().cloned());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ok(command)
    }

    fn check(&self, status: ExitStatus) -> Result<()> {
        ensure!(
            status.code().is_some_and(|code| self.exits.contains(&code)),
            "`{}` failed: {status}",
            self.line()
        );
        Ok(())
    }

    /// Wall time of one run.
    pub fn time(&self) -> Result<Duration> {
        let mut command = self.command(&[])?;
        let start = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("cannot start `{}`", self.line()))?;
        let wall = start.elapsed();
        self.check(status)?;
        Ok(wall)
    }

    /// Medians of CPU time and peak memory.
    pub fn resources(&self) -> Result<Resources> {
        let runs = (0..RESOURCE_RUNS)
            .map(|_| self.resources_once())
            .collect::<Result<Vec<_>>>()?;
        Ok(Resources {
            cpu_seconds: Some(median(runs.iter().filter_map(|run| run.cpu_seconds))),
            peak_mib: Some(median(runs.iter().filter_map(|run| run.peak_mib))),
        })
    }

    fn resources_once(&self) -> Result<Resources> {
        // `time` writes its line after the program's own standard error.
        let mut command = self.command(&["/usr/bin/time", "-q", "-f", "%U %S %M"])?;
        let output = command
            .stderr(Stdio::piped())
            .output()
            .context("cannot start `/usr/bin/time`; install GNU time (Debian package `time`)")?;
        self.check(output.status)?;
        let text = String::from_utf8_lossy(&output.stderr);
        parse(text.lines().last().unwrap_or(""))
            .with_context(|| format!("GNU time did not report on `{}`", self.line()))
    }
}

fn parse(line: &str) -> Option<Resources> {
    let figures: Vec<f64> = line
        .split(' ')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    match figures[..] {
        [user, system, kib] => Some(Resources {
            cpu_seconds: Some(user + system),
            peak_mib: Some(kib / 1024.0),
        }),
        _ => None,
    }
}

/// Runs both in turn, `pairs` times each; who goes first changes with each pair, so that neither always finds the
/// caches that the other left. A first run of both is not counted.
pub fn side_by_side(
    ours: &Program,
    theirs: &Program,
    pairs: usize,
    before_ours: Option<fn() -> Result<()>>,
) -> Result<Pairs> {
    let run_ours = || {
        before_ours.map_or(Ok(()), |before| before())?;
        ours.time()
    };
    run_ours()?;
    theirs.time()?;
    let mut times = Pairs {
        ours: Vec::with_capacity(pairs),
        theirs: Vec::with_capacity(pairs),
    };
    for pair in 0..pairs {
        if pair % 2 == 0 {
            times.ours.push(run_ours()?);
            times.theirs.push(theirs.time()?);
        } else {
            times.theirs.push(theirs.time()?);
            times.ours.push(run_ours()?);
        }
    }
    Ok(times)
}

impl Pairs {
    /// Ours / theirs for each pair.
    pub fn ratios(&self) -> Vec<f64> {
        self.ours
            .iter()
            .zip(&self.theirs)
            .map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64())
            .collect()
    }
}

/// The middle value; the mean of the two middle ones for an even number; 0 for none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (
        values.len() % 2,
        middle.checked_sub(1).and_then(|below| values.get(below)),
        values.get(middle),
    ) {
        (0, Some(below), Some(above)) => f64::midpoint(*below, *above),
        (_, _, Some(middle)) => *middle,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median([]).abs() < f64::EPSILON);
    }

    #[test]
    fn report_of_gnu_time_is_read() {
        assert_eq!(
            parse("0.25 0.50 2048"),
            Some(Resources {
                cpu_seconds: Some(0.75),
                peak_mib: Some(2.0)
            })
        );
        assert_eq!(parse("Command exited with non-zero status 1"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn pairs_are_complete_and_failure_is_an_error() {
        let fine = Program::new(["true"]);
        let times = side_by_side(&fine, &fine, 3, None).unwrap();
        assert_eq!(
            (times.ours.len(), times.theirs.len(), times.ratios().len()),
            (3, 3, 3)
        );
        assert!(side_by_side(&Program::new(["false"]), &fine, 1, None).is_err());
        assert!(Program::new(["no-program-has-this-name"]).time().is_err());
    }

    #[test]
    fn peak_memory_is_that_of_the_program_and_not_ours() {
        if overlock_testkit::tool("peak_memory_is_that_of_the_program_and_not_ours", "time")
            .is_none()
        {
            return;
        }
        // Our own resident set is made larger than what `true` can have.
        let ballast = vec![1_u8; 64 << 20];
        let resources = Program::new(["true"]).resources().unwrap();
        assert!(ballast.iter().all(|byte| *byte == 1));
        let peak_mib = resources.peak_mib.unwrap();
        assert!(peak_mib > 0.5 && peak_mib < 16.0, "{resources:?}");
    }
}
