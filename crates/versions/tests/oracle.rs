//! Our order against the real tools on 10,000 generated pairs each: `dpkg --compare-versions`, and rpm's `rpm.vercmp`.
//!
//! The pairs come from a fixed seed: realistic versions, mutated. A missing tool skips the test visibly, and fails it
//! where CI=true.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test program: it may fail and may talk"
)]

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use overlock_versions::{Scheme, compare, key};

const PAIRS: usize = 10_000;

#[test]
fn dpkg_agrees_on_generated_pairs() {
    if !available("dpkg") {
        return;
    }
    const BASES: [&str; 14] = [
        "1.0-1",
        "2:1.36.1-9+deb12u1",
        "6.1.123-1~bpo12+1",
        "1.2.3+dfsg1-4+b2",
        "0.8.12~rc1+git20240101.abc-0ubuntu1.2",
        "20240203",
        "3.0.15-1~deb12u1",
        "1:9.18.28-1~deb12u2",
        "5.36.0-7+deb12u2",
        "1.1.1n-0+deb11u5",
        "4.19.0~beta2-2",
        "2.36-9+deb12u10",
        "1.9.13p3-1+deb12u1",
        "0~r131+dfsg-1",
    ];
    let pairs = generated(Scheme::Dpkg, &BASES, b"0123456789abz.+~-:Z", 0x5EED_0001);
    // Two shells, for two processors: each line is one start of dpkg, which says whether our answer is right.
    let halves = pairs.chunks(PAIRS.div_ceil(2)).enumerate().map(|(half, pairs)| {
        let mut lines = String::new();
        for (a, order, b) in pairs {
            let operator = match order {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            writeln!(lines, "{a} {operator} {b}").unwrap();
        }
        let input = scratch(&format!("dpkg-pairs-{half}.txt"), &lines);
        let script = r#"while read -r a op b; do dpkg --compare-versions "$a" "$op" "$b" || echo "$a $op $b"; done < "$1""#;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        shell.spawn().unwrap()
    });
    for shell in halves.collect::<Vec<_>>() {
        let output = shell.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "",
            "dpkg does not agree with these"
        );
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "",
            "dpkg warns: not versions to it"
        );
    }
}

#[test]
fn rpm_agrees_on_generated_pairs() {
    if !available("rpm") {
        return;
    }
    const BASES: [&str; 14] = [
        "1.0-1.el9",
        "1:3.0.7-24.el9",
        "4.18.0-553.16.1.el8_10",
        "8.7p1-38.el9_4.4",
        "1.1.1k-9.el8_7",
        "2.0~rc1-1.fc40",
        "1.0^20240101gitabcdef-3.fc39",
        "5.14.0-427.33.1.el9_4",
        "20240716",
        "0:2.34-100.el9_4.3",
        "3.9.18-3.el9_4.6",
        "1.8.0.422.b05-2.el8",
        "10.0001_a-2",
        "1.2.3-4.module_el8.6.0+3072+4c630e87",
    ];
    let pairs = generated(Scheme::Rpm, &BASES, b"0123456789abz._+~^-:Z", 0x5EED_0002);
    let mut lines = String::new();
    for (a, _, b) in &pairs {
        writeln!(lines, "{a} {b}").unwrap();
    }
    let input = scratch("rpm-pairs.txt", &lines);
    let program = format!(
        "%{{lua: for line in io.lines('{}') do local a, b = line:match('^(%S+) (%S+)$') \
         io.stdout:write(rpm.vercmp(a, b), '\\n') end}}",
        input.display()
    );
    let output = Command::new("rpm")
        .args(["--eval", &program])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = answers.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(answers.len(), PAIRS);
    for ((a, order, b), answer) in pairs.iter().zip(answers) {
        let theirs = answer.parse::<i32>().unwrap().cmp(&0);
        assert_eq!(*order, theirs, "`{a}` to `{b}`: rpm says {theirs:?}");
    }
}

/// Pairs of valid versions with our answer, from `bases` by mutation. No kind of answer is rare among them.
fn generated(
    scheme: Scheme,
    bases: &[&str],
    alphabet: &[u8],
    seed: u64,
) -> Vec<(String, Ordering, String)> {
    let mut random = Random(seed);
    let mut pairs = Vec::with_capacity(PAIRS);
    let mut equal = 0;
    while pairs.len() < PAIRS {
        let base = bases[random.below(bases.len())];
        let a = mutated(base, alphabet, &mut random);
        // Mostly two mutants of one base: far versions differ at once and test nothing.
        let b = match random.below(8) {
            0 => mutated(bases[random.below(bases.len())], alphabet, &mut random),
            1 | 2 => mutated(&a, alphabet, &mut random),
            _ => mutated(base, alphabet, &mut random),
        };
        if key(scheme, &a).is_ok() && key(scheme, &b).is_ok() {
            let order = compare(scheme, &a, &b).unwrap();
            equal += usize::from(order == Ordering::Equal && a != b);
            pairs.push((a, order, b));
        }
    }
    assert!(
        equal > PAIRS / 100,
        "only {equal} pairs are equal but not identical"
    );
    pairs
}

fn mutated(version: &str, alphabet: &[u8], random: &mut Random) -> String {
    let mut bytes = version.as_bytes().to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() + 1);
        let byte = alphabet[random.below(alphabet.len())];
        match random.below(7) {
            0 | 1 => bytes.insert(at, byte),
            2 if at < bytes.len() => bytes[at] = byte,
            3 if at < bytes.len() && bytes.len() > 1 => drop(bytes.remove(at)),
            4 => bytes.insert(at, b'0'),
            5 => bytes.truncate(at.max(1)),
            _ => drop(bytes.splice(
                at..at,
                std::iter::repeat_n(b'0' + (byte % 10), random.below(25)),
            )),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// xorshift64*: the same pairs on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(value).unwrap() % bound
    }
}

fn scratch(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn available(tool: &str) -> bool {
    let there = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !there {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "`{tool}` is missing and CI=true"
        );
        eprintln!("skipped: `{tool}` is not installed, its order was not compared with ours");
    }
    there
}
