//! Sets of semantic versions from requirements (`>= 1.2, < 2`, `^1.4.2`, npm's `>=1 <2 || 3.x`), as exact intervals.
//!
//! RustSec and the Node.js group state what is *patched* by requirements; what is affected is the rest. So requirements
//! become intervals between cuts, which can be united and taken away from each other without knowing any version.
//!
//! Order decides, as in RustSec's and OSV's own reading: `>= 1.2.3` holds for `1.3.0-beta`, unlike in Cargo's resolver.

use super::interval::{End, Interval};
use semver::{BuildMetadata, Comparator, Op, Prerelease, Version, VersionReq};

/// A place between versions: just before or just after one, or an end of the line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Start,
    At(Version, Side),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Before,
    After,
}

/// Runs of versions, ascending and apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct VersionSet(Vec<(Cut, Cut)>);

impl VersionSet {
    /// Cargo's syntax: comparators joined by commas, a bare version is a caret.
    pub(super) fn cargo(requirement: &str) -> Result<Self, String> {
        let requirement =
            VersionReq::parse(requirement.trim()).map_err(|e| format!("{requirement:?}: {e}"))?;
        let mut run = (Cut::Start, Cut::End);
        for comparator in &requirement.comparators {
            let (low, high) = bounds(comparator);
            run = (run.0.max(low), run.1.min(high));
        }
        Ok(Self::from_runs(vec![run]))
    }

    /// npm's syntax: `||` joins alternatives, white space joins comparators, a bare version is that version.
    pub(super) fn npm(range: &str) -> Result<Self, String> {
        let mut runs = Vec::new();
        for alternative in range.split("||") {
            let mut comparators: Vec<String> = Vec::new();
            let mut operator = String::new();
            let text = alternative.replace(" - ", " <=hyphen ");
            for token in text.split_whitespace() {
                if token == "<=hyphen" {
                    let from = comparators
                        .pop()
                        .ok_or_else(|| format!("{range:?}: nothing before ` - `"))?;
                    comparators.push(format!(">={}", from.trim_start_matches('=')));
                    operator = "<=".to_owned();
                    continue;
                }
                let version = token.trim_start_matches(['<', '>', '=', '^', '~']);
                operator.push_str(token.get(..token.len() - version.len()).unwrap_or_default());
                if version.is_empty() {
                    continue;
                }
                let version = version.trim_start_matches(['v', 'V']);
                let wild = version.contains(['x', 'X', '*']) && !version.contains('-');
                let operator = match std::mem::take(&mut operator) {
                    bare if bare.is_empty() && !wild => "=".to_owned(),
                    given => given,
                };
                comparators.push(format!("{operator}{version}"));
            }
            let joined = if comparators.is_empty() {
                "*".to_owned()
            } else {
                comparators.join(",")
            };
            runs.extend(Self::cargo(&joined)?.0);
        }
        Ok(Self::from_runs(runs))
    }

    fn from_runs(mut runs: Vec<(Cut, Cut)>) -> Self {
        runs.retain(|(low, high)| low < high);
        runs.sort();
        let mut merged: Vec<(Cut, Cut)> = Vec::with_capacity(runs.len());
        for (low, high) in runs {
            match merged.last_mut() {
                Some(last) if low <= last.1 => {
                    if high > last.1 {
                        last.1 = high;
                    }
                }
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    pub(super) fn union_of(sets: impl IntoIterator<Item = Self>) -> Self {
        Self::from_runs(sets.into_iter().flat_map(|set| set.0).collect())
    }

    /// Everything that is not in the set.
    pub(super) fn complement(&self) -> Self {
        let mut low = Cut::Start;
        let mut runs = Vec::with_capacity(self.0.len() + 1);
        for (from, to) in &self.0 {
            runs.push((low, from.clone()));
            low = to.clone();
        }
        runs.push((low, Cut::End));
        Self::from_runs(runs)
    }

    /// What is in this set but not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        Self::union_of([self.complement(), other.clone()]).complement()
    }

    /// The runs as intervals of versions.
    pub(super) fn intervals(&self) -> Vec<Interval> {
        let one = |(low, high): &(Cut, Cut)| Interval {
            introduced: match low {
                Cut::Start | Cut::End => None,
                Cut::At(version, Side::Before) => Some(version.to_string()),
                Cut::At(version, Side::After) => Some(next(version).to_string()),
            },
            end: match high {
                Cut::Start | Cut::End => End::Open,
                Cut::At(version, Side::Before) => End::Before(version.to_string()),
                Cut::At(version, Side::After) => End::Through(version.to_string()),
            },
        };
        self.0.iter().map(one).collect()
    }

    /// The first run of `self` that begins after `version` within its major version: where a fix is.
    pub(super) fn first_after(&self, version: &str) -> Option<String> {
        let version = Version::parse(version).ok()?;
        self.0.iter().find_map(|(low, _)| match low {
            Cut::At(found, Side::Before) if *found > version && found.major == version.major => {
                Some(found.to_string())
            }
            _ => None,
        })
    }
}

/// The least version after `version`: SemVer 2.0.0 §11 puts `0` first of all pre-release words, and more words last.
fn next(version: &Version) -> Version {
    let words = if version.pre.is_empty() {
        "0".to_owned()
    } else {
        format!("{}.0", version.pre)
    };
    let mut next = version.clone();
    if version.pre.is_empty() {
        next.patch = next.patch.saturating_add(1);
    }
    next.pre = Prerelease::new(&words).unwrap_or(Prerelease::EMPTY);
    next.build = BuildMetadata::EMPTY;
    next
}

/// The run of one comparator, after the `semver` crate's table of operators; upper bounds of partial and caret
/// requirements exclude the next version's pre-releases (`2.0.0-0`), as npm's grammar says.
fn bounds(comparator: &Comparator) -> (Cut, Cut) {
    let lowest = Version {
        major: comparator.major,
        minor: comparator.minor.unwrap_or(0),
        patch: comparator.patch.unwrap_or(0),
        pre: comparator.pre.clone(),
        build: BuildMetadata::EMPTY,
    };
    let before = |version: &Version| Cut::At(version.clone(), Side::Before);
    let end_of_major = || Cut::At(floor(lowest.major.saturating_add(1), 0, 0), Side::Before);
    let end_of_minor = || {
        Cut::At(
            floor(lowest.major, lowest.minor.saturating_add(1), 0),
            Side::Before,
        )
    };
    let end_of_patch = || {
        Cut::At(
            floor(lowest.major, lowest.minor, lowest.patch.saturating_add(1)),
            Side::Before,
        )
    };
    let whole = match (comparator.minor, comparator.patch) {
        (None, _) => Some(end_of_major()),
        (_, None) => Some(end_of_minor()),
        _ => None,
    };
    let after = || {
        whole
            .clone()
            .unwrap_or(Cut::At(lowest.clone(), Side::After))
    };
    match comparator.op {
        Op::Greater => (after(), Cut::End),
        Op::GreaterEq => (before(&lowest), Cut::End),
        Op::Less => (Cut::Start, before(&lowest)),
        Op::LessEq => (Cut::Start, after()),
        Op::Tilde if comparator.minor.is_none() => (before(&lowest), end_of_major()),
        Op::Tilde => (before(&lowest), end_of_minor()),
        Op::Caret => {
            let end = match (lowest.major, comparator.minor, comparator.patch) {
                (1.., ..) | (0, None, _) => end_of_major(),
                (0, Some(1..), _) | (0, Some(0), None) => end_of_minor(),
                (0, Some(0), Some(_)) => end_of_patch(),
            };
            (before(&lowest), end)
        }
        // Exact, Wildcard, and whatever a later version of the crate may add: the narrow reading.
        _ => (before(&lowest), after()),
    }
}

fn floor(major: u64, minor: u64, patch: u64) -> Version {
    let mut version = Version::new(major, minor, patch);
    version.pre = Prerelease::new("0").unwrap_or(Prerelease::EMPTY);
    version
}
