//! The line into a machine: commands in, what they came to out, through a serial port of virtio.
//!
//! Inside, [`AGENT`] sits at the port. At the beginning of a boot it says `up`; then it takes `LENGTH` and a script
//! of so many bytes, and answers `CODE LENGTH LENGTH` and both outputs. One command is under way at a time.

use crate::host::Ran;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Most that a program may print on one stream.
const PRINTED_MAX: u64 = 16 << 20;
/// A line of the protocol is short.
const LINE_MAX: u64 = 200;

/// What answers inside. A shell: it is there in every root.
pub const AGENT: &str = r#"#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LANG=C.UTF-8 TERM=dumb
cd /root || exit
exec 3<>/dev/virtio-ports/lab
echo up >&3
while read -r -u 3 length; do
    head -c "$length" <&3 >/run/lab.script
    code=0
    bash /run/lab.script </dev/null >/run/lab.out 2>/run/lab.messages 3>&- || code=$?
    echo "$code $(stat -c %s /run/lab.out) $(stat -c %s /run/lab.messages)" >&3
    cat /run/lab.out /run/lab.messages >&3
done
"#;

/// Our end.
#[derive(Debug)]
pub struct Line {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl Line {
    /// Our end and the one for qemu. There is no file: a line ends with those who hold it.
    pub fn new() -> Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        let line = Self {
            from: BufReader::new(ours.try_clone()?),
            to: ours,
        };
        Ok((line, theirs.into()))
    }

    /// Waits until the machine says that it is up.
    pub fn await_boot(&mut self, limit: Duration) -> Result<()> {
        let said = self.line(limit)?;
        ensure!(said == "up", "the machine begins with `{said}`");
        Ok(())
    }

    /// Runs a program and waits for its end.
    pub fn run(&mut self, argv: &[&str], limit: Duration) -> Result<Ran> {
        let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
        let script = words.join(" ");
        write!(self.to, "{}\n{script}", script.len())?;
        let said = self.line(limit)?;
        let numbers: Option<Vec<u64>> = said.split(' ').map(|word| word.parse().ok()).collect();
        let Some([code, out, messages]) = numbers.as_deref() else {
            bail!("the machine answered `{said}`");
        };
        Ok(Ran {
            code: i32::try_from(*code)?,
            stdout: self.text(*out)?,
            stderr: self.text(*messages)?,
        })
    }

    fn line(&mut self, limit: Duration) -> Result<String> {
        self.to
            .set_read_timeout(Some(limit.max(Duration::from_millis(1))))?;
        let mut line = String::new();
        let mut bounded = (&mut self.from).take(LINE_MAX);
        let read = bounded
            .read_line(&mut line)
            .context("the machine does not answer")?;
        if read == 0 {
            bail!("qemu has ended");
        }
        Ok(line.trim_end().to_owned())
    }

    fn text(&mut self, length: u64) -> Result<String> {
        if length > PRINTED_MAX {
            bail!("it printed {length} bytes");
        }
        let mut bytes = vec![0; usize::try_from(length)?];
        self.from.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// As one word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_by_their_lengths() {
        let (mut line, theirs) = Line::new().unwrap();
        let mut theirs = UnixStream::from(theirs);
        theirs.write_all(b"up\n3 5 1\na\nb\n!x").unwrap();
        let limit = Duration::from_secs(1);
        line.await_boot(limit).unwrap();
        let ran = line.run(&["true"], limit).unwrap();
        assert_eq!((ran.code, ran.stdout.as_str()), (3, "a\nb\n!"));
        assert_eq!(ran.stderr, "x");
        drop(theirs);
        assert!(line.run(&["true"], limit).is_err());
    }

    #[test]
    fn words_stay_words() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
