//! Decisions: once for each claim and each distinct choice of facts, when first asked for.

use crate::claim::{Claim, Claims};
use crate::host::Keyed;
use crate::interner::{Interner, place};
use crate::knowledge::Judging;
use overlock_model::Timestamp;
use overlock_model::decision::Decision;
use overlock_model::exposure::Exposure;
use overlock_model::facts::Facts;
use overlock_risk::{Judgement, Setting};
use std::sync::OnceLock;

/// What follows from a claim for hosts of some facts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Judged {
    pub decision: Decision,
    pub deadline: Option<Timestamp>,
    pub risk: f64,
}

/// All decisions so far.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    judging: Judging,
    facts: Interner<Keyed<Facts>>,
    /// Facts → claim → judgement.
    judged: Vec<Vec<OnceLock<Judged>>>,
}

impl Decided {
    pub fn judging(&self) -> &Judging {
        &self.judging
    }

    /// Judges by other rules, or another time.
    pub fn judge_by(&mut self, judging: Judging) {
        self.judging = judging;
        self.forget();
    }

    /// Every decision is to be made anew.
    pub fn forget(&mut self) {
        for list in &mut self.judged {
            for slot in list {
                *slot = OnceLock::new();
            }
        }
    }

    /// The number of these facts, held once; `bound` claims may be judged by them.
    pub fn hold_facts(&mut self, facts: Facts, bound: usize) -> u32 {
        let (id, new) = self.facts.hold(Keyed::of(facts));
        if new {
            let list = place(&mut self.judged, id);
            list.clear();
            list.resize_with(bound, OnceLock::new);
        }
        id
    }

    pub fn release_facts(&mut self, id: u32) {
        self.facts.release(id);
    }

    /// These claims are new: their numbers may have stood for others.
    pub fn forget_claims(&mut self, claims: &[u32], bound: usize) {
        for list in &mut self.judged {
            if list.len() < bound {
                list.resize_with(bound, OnceLock::new);
            }
            for claim in claims {
                *place(list, *claim) = OnceLock::new();
            }
        }
    }

    /// The judgement of a claim for hosts of these facts.
    pub fn of(&self, claims: &Claims, claim: u32, facts: u32) -> Option<Judged> {
        let known = claims.get(claim)?;
        let make = || {
            let facts = self.facts.get(facts)?;
            let (_, judgement) = self.judge(claims, known, &facts.value)?;
            Some(Judged {
                decision: judgement.decision,
                deadline: judgement.deadline,
                risk: judgement.risk,
            })
        };
        match self.judged.get(facts as usize)?.get(claim as usize) {
            Some(slot) => match slot.get() {
                Some(judged) => Some(*judged),
                None => {
                    let judged = make()?;
                    Some(*slot.get_or_init(|| judged))
                }
            },
            // Made since the lists were last sized: right all the same, only not kept.
            None => make(),
        }
    }

    /// The same in full.
    pub fn judge(
        &self,
        claims: &Claims,
        claim: &Claim,
        facts: &Facts,
    ) -> Option<(Exposure, Judgement)> {
        let threat = claims.vulnerability(claim.vulnerability)?.threat.clone();
        let setting = Setting {
            facts,
            policy: &self.judging.policy,
            rules: &self.judging.rules,
            now: self.judging.now,
        };
        Some(overlock_exposure::judge(
            claim.finding.clone(),
            threat,
            &setting,
            &[],
        ))
    }
}
