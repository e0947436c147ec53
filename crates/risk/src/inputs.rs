//! The inputs of every decision, each with its value, whether it was assumed, and why.
//!
//! Decision and obligations read the same inputs, so an unknown is filled in one place and by one rule. In this order:
//! what somebody published; what the CVSS vector implies; a default on the careful side. The last two are `assumed`.
//!
//! The defaults for exploitation (none), system exposure (open), automatable (yes) and human impact (medium) are those
//! CERT/CC suggests "when no information is available" (SSVC, how-to "Data operations", Suggested Default Values).
//! They give `scheduled`: careful, but not everything immediate. EPSS is no evidence for exploitation: it forecasts
//! (FIRST), so it ranks and does not decide.
//!
//! What CVSS implies was measured on the CVEs in CISA's Vulnrichment (2024-10) that have both CVSS v3 and SSVC:
//! *automatable* was "yes" for under 1 % of 24,000 vectors other than AV:N/PR:N/UI:N, and *technical impact* was
//! "total" for 4 % of 16,000 with neither C:H nor I:H. So those two mean "no" and "partial"; anything else stays on
//! the careful side.

use crate::cvss::Assessment;
use crate::severity::Severity;
use overlock_model::Date;
use overlock_model::facts::{Criticality, Facts, HumanImpact, SystemExposure};
use overlock_model::threat::{Exploitation, TechnicalImpact, Threat};
use std::borrow::Cow;

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<T> {
    /// The value used.
    pub value: T,
    /// Nobody said so: it was derived or is the default for an unknown.
    pub assumed: bool,
    /// Who said so, or why it is assumed.
    pub why: Cow<'static, str>,
}

impl<T> Resolved<T> {
    fn known(value: T, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            value,
            assumed: false,
            why: why.into(),
        }
    }

    fn assumed(value: T, why: &'static str) -> Self {
        Self {
            value,
            assumed: true,
            why: Cow::Borrowed(why),
        }
    }
}

/// One input in words, for `explain` and for the evidence of an exposure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name of the decision point, such as `system exposure`.
    pub name: &'static str,
    /// The value used, in the standard's word.
    pub value: &'static str,
    /// Nobody said so: it was derived or is the default for an unknown.
    pub assumed: bool,
    /// Who said so, or why it is assumed.
    pub why: Cow<'static, str>,
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.assumed { "assumed: " } else { "" };
        write!(f, "{}: {} ({mark}{})", self.name, self.value, self.why)
    }
}

/// Every input of the decision and of the obligations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// When CISA listed it as known to be exploited, if it did.
    pub kev_added: Option<Date>,
    /// SSVC Exploitation 1.1.0.
    pub exploitation: Resolved<Exploitation>,
    /// SSVC System Exposure 1.0.1.
    pub exposure: Resolved<SystemExposure>,
    /// SSVC Automatable 2.0.0.
    pub automatable: Resolved<bool>,
    /// SSVC Technical Impact 1.0.0 (BOD 26-04 only; the deployer tree does not ask).
    pub technical_impact: Resolved<TechnicalImpact>,
    /// SSVC Human Impact 2.0.2.
    pub human_impact: Resolved<HumanImpact>,
    /// The vendor's rating, else that of the CVSS score; `None` is unknown.
    pub severity: Option<Severity>,
}

impl Inputs {
    /// Gathers the inputs. `cvss` is the preferred assessment, `vendor_severity` the vendor's rating in its own word.
    #[must_use]
    pub fn resolve(
        threat: &Threat,
        facts: &Facts,
        cvss: Option<&Assessment>,
        vendor_severity: Option<&str>,
    ) -> Self {
        let vendor = vendor_severity.and_then(Severity::from_vendor);
        Self {
            kev_added: threat.kev.as_ref().map(|kev| kev.added),
            exploitation: exploitation(threat, cvss),
            exposure: exposure(facts),
            automatable: automatable(threat, cvss),
            technical_impact: technical_impact(threat, cvss, vendor),
            human_impact: human_impact(facts),
            severity: vendor.or_else(|| cvss.map(Severity::of)),
        }
    }

    /// The inputs in words, in the order of the SSVC deployer tree, technical impact last.
    #[must_use]
    pub fn list(&self) -> Vec<Input> {
        fn input<T: Copy>(
            name: &'static str,
            from: &Resolved<T>,
            word: fn(T) -> &'static str,
        ) -> Input {
            Input {
                name,
                value: word(from.value),
                assumed: from.assumed,
                why: from.why.clone(),
            }
        }
        vec![
            input("exploitation", &self.exploitation, exploitation_word),
            input("system exposure", &self.exposure, exposure_word),
            input("automatable", &self.automatable, |yes| {
                if yes { "yes" } else { "no" }
            }),
            input("human impact", &self.human_impact, human_impact_word),
            input(
                "technical impact",
                &self.technical_impact,
                technical_impact_word,
            ),
        ]
    }
}

fn exploitation(threat: &Threat, cvss: Option<&Assessment>) -> Resolved<Exploitation> {
    if threat.kev.is_some() {
        return Resolved::known(Exploitation::Active, "listed in KEV");
    }
    if let Some((value, why)) = published(threat, |ssvc| ssvc.exploitation) {
        return Resolved::known(value, why);
    }
    match cvss.and_then(|cvss| cvss.metric("E")) {
        // v4 §3.1 "Attacked"; all lower values of all versions speak of code, not of attacks.
        Some("A") => Resolved::assumed(Exploitation::Active, "CVSS exploit maturity says attacked"),
        Some("P" | "POC" | "F" | "H") => {
            Resolved::assumed(Exploitation::PublicPoc, "CVSS says exploit code exists")
        }
        Some(_) => Resolved::assumed(Exploitation::None, "CVSS says exploitation is unreported"),
        None => Resolved::assumed(Exploitation::None, "unknown; no feed reports an exploit"),
    }
}

fn exposure(facts: &Facts) -> Resolved<SystemExposure> {
    match facts.exposure {
        Some(value) => Resolved::known(value, "facts"),
        None => Resolved::assumed(SystemExposure::Open, "unknown"),
    }
}

fn automatable(threat: &Threat, cvss: Option<&Assessment>) -> Resolved<bool> {
    if let Some((value, why)) = published(threat, |ssvc| ssvc.automatable) {
        return Resolved::known(value, why);
    }
    let metric = |name| cvss.and_then(|cvss| cvss.metric(name));
    // v4's supplemental metric asks the same question of the same four steps (v4 §5.2).
    if let Some(value) = metric("AU") {
        return Resolved::known(value == "Y", "CVSS v4 Automatable");
    }
    let any_but = |name, easiest| metric(name).is_some_and(|value| value != easiest);
    if any_but("AV", "N") || any_but("PR", "N") || any_but("Au", "N") || any_but("UI", "N") {
        return Resolved::assumed(
            false,
            "CVSS asks for local access, an account or a user's help",
        );
    }
    Resolved::assumed(true, "unknown")
}

fn technical_impact(
    threat: &Threat,
    cvss: Option<&Assessment>,
    vendor: Option<Severity>,
) -> Resolved<TechnicalImpact> {
    use TechnicalImpact::{Partial, Total};
    if let Some((value, why)) = published(threat, |ssvc| ssvc.technical_impact) {
        return Resolved::known(value, why);
    }
    if let Some(cvss) = cvss {
        // C and I in v2 (complete) and v3, VC and VI in v4.
        let complete = |name| matches!(cvss.metric(name), Some("H" | "C"));
        return if ["C", "I", "VC", "VI"].into_iter().any(complete) {
            Resolved::assumed(
                Total,
                "CVSS says confidentiality or integrity is lost entirely",
            )
        } else {
            Resolved::assumed(
                Partial,
                "CVSS says neither confidentiality nor integrity is lost entirely",
            )
        };
    }
    if threat.kev.is_some() {
        return Resolved::assumed(Total, "unknown, and known to be exploited");
    }
    if vendor >= Some(Severity::High) {
        return Resolved::assumed(Total, "unknown, and rated high or more by the vendor");
    }
    // Exposure and automation are already at their worst where this line decides. A third worst case would put each
    // vulnerability nobody has rated into the 3-day class, meant for about 1 % of instances, and hide that 1 %.
    // CISA rates 68 % of CVEs partial and 7 % automatable with total impact (Vulnrichment, 2024-10).
    Resolved::assumed(
        Partial,
        "unknown, not exploited and not rated high; most are partial",
    )
}

/// Human Impact 2.0.2 combines mission impact and safety impact. Criticality speaks of the mission only, in the four
/// steps of Mission Impact 2.0.0; with CERT/CC's default for safety (marginal) the definitions of Human Impact give
/// medium, high and very high for the upper three. For the lowest they would give medium too, but then the asset's
/// owner has said that nobody would notice, so safety is taken as negligible. (The derived table DT_HI 1.0.0 reads
/// medium and high one step lower; the more careful of the two is taken.)
fn human_impact(facts: &Facts) -> Resolved<HumanImpact> {
    if let Some(value) = facts.business_impact {
        return Resolved::known(value, "facts");
    }
    let derived = match facts.criticality {
        Some(Criticality::Low) => HumanImpact::Low,
        Some(Criticality::Medium) => HumanImpact::Medium,
        Some(Criticality::High) => HumanImpact::High,
        Some(Criticality::VeryHigh) => HumanImpact::VeryHigh,
        None => return Resolved::assumed(HumanImpact::Medium, "unknown"),
    };
    Resolved::assumed(derived, "derived from the asset's criticality")
}

fn published<T>(
    threat: &Threat,
    point: impl Fn(&overlock_model::threat::Ssvc) -> Option<T>,
) -> Option<(T, String)> {
    let ssvc = threat.ssvc.as_ref()?;
    point(ssvc).map(|value| (value, format!("SSVC by {}", ssvc.source)))
}

pub(crate) const fn exploitation_word(value: Exploitation) -> &'static str {
    match value {
        Exploitation::None => "none",
        Exploitation::PublicPoc => "public poc",
        Exploitation::Active => "active",
    }
}

const fn exposure_word(value: SystemExposure) -> &'static str {
    match value {
        SystemExposure::Small => "small",
        SystemExposure::Controlled => "controlled",
        SystemExposure::Open => "open",
    }
}

const fn human_impact_word(value: HumanImpact) -> &'static str {
    match value {
        HumanImpact::Low => "low",
        HumanImpact::Medium => "medium",
        HumanImpact::High => "high",
        HumanImpact::VeryHigh => "very high",
    }
}

const fn technical_impact_word(value: TechnicalImpact) -> &'static str {
    match value {
        TechnicalImpact::Partial => "partial",
        TechnicalImpact::Total => "total",
    }
}
