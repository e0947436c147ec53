//! One scale for the vendors' words and for CVSS, because PCI DSS, Essential Eight and own policies ask "how severe".

use crate::cvss::{Assessment, CvssVersion};

/// Severity, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// CVSS 0.0.
    None,
    /// Low, also the vendors' "minor", "negligible", "unimportant".
    Low,
    /// Medium, also "moderate".
    Medium,
    /// High, also "important".
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// The vendor's rating in the vendor's own word (Red Hat, SUSE, Debian, Ubuntu, Alpine, GitHub …); `None` for a
    /// word that rates nothing, such as "not yet assigned".
    #[must_use]
    pub fn from_vendor(word: &str) -> Option<Self> {
        // Debian's tracker marks ratings made by itself with stars.
        match word
            .trim()
            .trim_end_matches('*')
            .to_ascii_lowercase()
            .as_str()
        {
            "critical" => Some(Self::Critical),
            "important" | "high" => Some(Self::High),
            "moderate" | "medium" => Some(Self::Medium),
            "low" | "minor" | "negligible" | "unimportant" => Some(Self::Low),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// By the score. v2 has no "critical": from 9.0 on it counts as that, so that a clock for critical
    /// vulnerabilities does not pass over old ones.
    #[must_use]
    pub fn of(assessment: &Assessment) -> Self {
        match assessment.severity {
            "critical" => Self::Critical,
            "high" if assessment.version == CvssVersion::V2 && assessment.overall >= 9.0 => {
                Self::Critical
            }
            "high" => Self::High,
            "medium" => Self::Medium,
            "low" => Self::Low,
            _ => Self::None,
        }
    }

    /// `none`, `low`, `medium`, `high` or `critical`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_words_meet_on_one_scale() {
        for (word, expected) in [
            ("Important", Some(Severity::High)),
            ("moderate", Some(Severity::Medium)),
            ("CRITICAL", Some(Severity::Critical)),
            ("low**", Some(Severity::Low)),
            ("unimportant", Some(Severity::Low)),
            ("not yet assigned", None),
            ("end-of-life", None),
            ("", None),
        ] {
            assert_eq!(Severity::from_vendor(word), expected, "{word}");
        }
    }

    #[test]
    fn v2_from_9_on_is_critical_for_clocks() {
        let of = |vector| Severity::of(&crate::cvss::assess(vector).unwrap());
        assert_eq!(of("AV:N/AC:L/Au:N/C:C/I:C/A:C"), Severity::Critical);
        assert_eq!(of("AV:N/AC:L/Au:N/C:N/I:N/A:C"), Severity::High);
        assert_eq!(
            of("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"),
            Severity::None
        );
    }
}
