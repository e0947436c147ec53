//! What changed between two contents of a section.

use crate::Limits;
use crate::section::{ContentError, SectionContent};
use overlock_model::plan::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Hex digits of a line's SHA-256 that name it in a delta: 64 bits, so that two lines of one host never meet by chance;
/// if they do, the digest of the result does not match and everything is sent.
const NAME_DIGITS: usize = 16;

/// Lines that came and lines that went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// New lines, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Lines that are gone, by the first 16 hex digits of their SHA-256, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// A delta that cannot be applied; the answer is to ask for everything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// It removes a line that is not there.
    #[error("it removes the line `{0}`, which is not there")]
    Missing(String),
    /// Two lines have this name.
    #[error("two lines have the name `{0}`")]
    Ambiguous(String),
    /// It adds a line that is there already.
    #[error("it adds a line that is there already")]
    Twice,
    /// What comes out is no section.
    #[error(transparent)]
    Content(#[from] ContentError),
}

impl Delta {
    /// What turns `before` into `after`.
    #[must_use]
    pub fn between(before: &SectionContent, after: &SectionContent) -> Self {
        let old: HashSet<&str> = before.lines().iter().map(String::as_str).collect();
        let new: HashSet<&str> = after.lines().iter().map(String::as_str).collect();
        let mut removed: Vec<String> = before
            .lines()
            .iter()
            .filter(|line| !new.contains(line.as_str()))
            .map(|line| name(line))
            .collect();
        removed.sort_unstable();
        Self {
            added: after
                .lines()
                .iter()
                .filter(|line| !old.contains(line.as_str()))
                .cloned()
                .collect(),
            removed,
        }
    }

    /// `before` with this change.
    ///
    /// # Errors
    /// When it does not fit `before`, or what comes out breaks a limit.
    pub fn apply(
        self,
        before: &SectionContent,
        limits: &Limits,
    ) -> Result<SectionContent, DeltaError> {
        let mut lines: Vec<String> = before.lines().to_vec();
        if !self.removed.is_empty() {
            let mut names: HashMap<String, usize> = HashMap::with_capacity(lines.len());
            for (at, line) in lines.iter().enumerate() {
                let name = name(line);
                if names.insert(name.clone(), at).is_some() {
                    return Err(DeltaError::Ambiguous(name));
                }
            }
            let mut gone = HashSet::with_capacity(self.removed.len());
            for name in &self.removed {
                let at = names
                    .get(name)
                    .ok_or_else(|| DeltaError::Missing(name.chars().take(80).collect()))?;
                gone.insert(*at);
            }
            let mut at = 0;
            lines.retain(|_| {
                at += 1;
                !gone.contains(&(at - 1))
            });
        }
        lines.extend(self.added);
        lines.sort_unstable();
        match SectionContent::checked(lines, limits) {
            Err(ContentError::Order { .. }) => Err(DeltaError::Twice),
            checked => Ok(checked?),
        }
    }
}

/// How a delta names a line.
fn name(line: &str) -> String {
    let mut name = Digest::of(line.as_bytes()).to_string();
    name.truncate(NAME_DIGITS);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(values: &[u16]) -> SectionContent {
        SectionContent::of(values).unwrap()
    }

    #[test]
    fn a_delta_that_does_not_fit_is_refused() {
        let before = content(&[1, 2]);
        let foreign = Delta::between(&content(&[3]), &content(&[]));
        assert!(matches!(
            foreign.apply(&before, &Limits::WIRE),
            Err(DeltaError::Missing(_))
        ));
        let twice = Delta::between(&content(&[]), &content(&[1]));
        assert_eq!(twice.apply(&before, &Limits::WIRE), Err(DeltaError::Twice));
        let too_many = Delta::between(&content(&[]), &content(&[7, 8]));
        let limits = Limits {
            section_lines: 3,
            ..Limits::WIRE
        };
        assert!(matches!(
            too_many.apply(&before, &limits),
            Err(DeltaError::Content(_))
        ));
    }

    #[test]
    fn small_deltas_do_not_grow_a_section_beyond_its_bytes() {
        let limits = Limits {
            section_bytes: 8,
            ..Limits::WIRE
        };
        let grow = |line: u16| Delta::between(&content(&[]), &content(&[line]));
        let mut grown = content(&[100]);
        grown = grow(200).apply(&grown, &limits).unwrap();
        assert_eq!(
            grow(300).apply(&grown, &limits),
            Err(DeltaError::Content(ContentError::Bytes {
                bytes: 11,
                limit: 8
            }))
        );
    }

    proptest! {
        #[test]
        fn a_delta_leads_from_before_to_after(
            before in proptest::collection::vec(0..60_u16, 0..40),
            after in proptest::collection::vec(0..60_u16, 0..40),
        ) {
            let (before, after) = (content(&before), content(&after));
            let delta = Delta::between(&before, &after);
            prop_assert_eq!(delta.apply(&before, &Limits::WIRE).unwrap(), after.clone());
            prop_assert_eq!(Delta::between(&after, &after), Delta::default());
        }
    }
}
