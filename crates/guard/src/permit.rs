//! From bytes to a permit, and from a permit to each step.

use crate::refusal::Shown;
use crate::{Host, Limits, Refusal, binding, changes, steps, text, trust, validity};
use crate::{Trust, refusal::TextFault};
use jiff::Timestamp;
use overlock_model::plan::{
    Artifact, Closure, Digest, Header, HostEntry, PlanFile, PlanId, Step, Verb,
};

/// The fleet of plans that were made on the host itself.
const LOCAL: &str = "local";
/// Hosts in a message about other hosts.
const NAMED_MAX: usize = 3;

/// Proof that a plan was examined for this host: there is no other way to get one, and it is what the engine acts on.
#[derive(Debug, Clone)]
pub struct Permit {
    plan: PlanId,
    header: Header,
    entry: HostEntry,
    closure: Closure,
    time_floor: Option<Timestamp>,
    limits: Limits,
}

/// Reads a plan, once its size is known to be bearable (R9).
///
/// # Errors
/// When the bytes are too many or no plan. [`Refusal::is_unparsable`] says yes to both.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<PlanFile, Refusal> {
    if bytes.len() > limits.plan_bytes_max {
        return Err(Refusal::TooLarge {
            bytes: bytes.len(),
            max: limits.plan_bytes_max,
        });
    }
    Ok(PlanFile::read(bytes)?)
}

/// Examines a plan for this host. The order is from what binds to what is bound: nothing is interpreted before it is
/// known to be what was named and signed.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn examine(plan: &PlanFile, host: &Host, now: Timestamp) -> Result<Permit, Refusal> {
    let limits = &host.limits;
    let header = &plan.header;
    let closures = binding::judge(plan)?;
    trust::judge(&host.trust, header, &plan.signatures, limits)?;
    validity::lifetime(header, limits)?;
    validity::time(header, host.time_floor, now, limits)?;
    fleet(plan, host)?;

    // Forms of the whole file, not only of our part: a plan that is wrong anywhere was not made by a planner of ours.
    for (at, entry) in plan.entries.iter().enumerate() {
        let closure = closures
            .get(&entry.closure)
            .ok_or(Refusal::ClosureMissing {
                entry: at,
                digest: entry.closure,
            })?;
        for (what, text, judged) in [
            ("name", &entry.name, text::host_name(&entry.name)),
            ("release", &entry.os, text::word(&entry.os)),
        ] {
            judged.map_err(|why| refused(format!("entry {at}: the {what}"), text, why))?;
        }
        steps::judge(at, entry, closure, limits)?;
    }
    let mut managers = Vec::with_capacity(plan.closures.len());
    for (at, closure) in plan.closures.iter().enumerate() {
        managers.push(changes::form(at, closure, limits)?);
    }

    let entry = own_entry(plan, host)?;
    validity::generation(header, plan.id, host)?;
    if entry.os != host.os {
        let (found, own) = (Shown::new(&entry.os), host.os.clone());
        return Err(Refusal::OtherOs { found, own });
    }
    let own = closures.get(&entry.closure).copied();
    let own = plan
        .closures
        .iter()
        .zip(&managers)
        .enumerate()
        .find(|(_, (closure, _))| own.is_some_and(|own| std::ptr::eq(own, *closure)));
    let Some((at, (closure, manager))) = own else {
        return Err(Refusal::ClosureMissing {
            entry: 0,
            digest: entry.closure,
        });
    };
    changes::allowed(at, closure, *manager, host)?;
    Ok(Permit {
        plan: plan.id,
        header: header.clone(),
        entry: entry.clone(),
        closure: closure.clone(),
        time_floor: host.time_floor,
        limits: limits.clone(),
    })
}

fn refused(place: String, text: &str, why: TextFault) -> Refusal {
    let text = Shown::new(text);
    Refusal::Text { place, text, why }
}

/// `local`, or the fleet that this host belongs to. Unsigned it is local and for one host: whoever can bring a file here
/// must not be able to speak for a fleet.
fn fleet(plan: &PlanFile, host: &Host) -> Result<(), Refusal> {
    let fleet = &plan.header.fleet;
    text::word(fleet).map_err(|why| refused("the fleet".to_owned(), fleet, why))?;
    let is_signed = match host.trust {
        Trust::UnsignedLocalAllowed => false,
        Trust::Keys(_) => true,
    };
    let is_own = is_signed && host.fleet.as_deref() == Some(fleet);
    if fleet != LOCAL && !is_own {
        return Err(Refusal::OtherFleet {
            found: Shown::new(fleet),
            own: host.fleet.clone(),
        });
    }
    let hosts = plan.entries.len();
    if !is_signed && hosts > 1 {
        return Err(Refusal::UnsignedForMany { hosts });
    }
    Ok(())
}

/// The one entry for this host; that there are not two was judged before.
fn own_entry<'a>(plan: &'a PlanFile, host: &Host) -> Result<&'a HostEntry, Refusal> {
    let own = plan.entries.iter().find(|entry| entry.host == host.id);
    own.ok_or_else(|| {
        let others = plan.entries.iter().take(NAMED_MAX);
        Refusal::OtherHost {
            own: host.id.clone(),
            named: others
                .map(|other| format!("{} {}", Shown::new(&other.name), other.host))
                .collect(),
            count: plan.entries.len(),
        }
    })
}

impl Permit {
    /// The plan's name.
    #[must_use]
    pub fn plan_id(&self) -> PlanId {
        self.plan
    }

    /// The plan's generation; the caller writes it down before the first step.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.header.generation
    }

    /// The plan's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// This host's entry.
    #[must_use]
    pub fn entry(&self) -> &HostEntry {
        &self.entry
    }

    /// Its closure.
    #[must_use]
    pub fn closure(&self) -> &Closure {
        &self.closure
    }

    /// The step at `at`, if it may begin now; to be asked before every step, and again before every new attempt.
    ///
    /// `generation_floor` is the journal's, read again. Evidence, fetch, install and restart begin only while the plan is
    /// valid and the newest seen. Verify and commit begin always: they change nothing, and a host that was changed in
    /// time must still find out whether the change is good. Refusing them would leave it changed and unjudged, and would
    /// make "wait until it expires" a way to skip the check. A run whose restart comes too late ends by its `on_failure`.
    /// Reverting is no step of a plan and asks nobody.
    ///
    /// # Errors
    /// When there is no such step, or it would begin too late or behind a newer plan.
    pub fn before_step(
        &self,
        at: usize,
        now: Timestamp,
        generation_floor: u64,
    ) -> Result<&Step, Refusal> {
        let step = self.entry.steps.get(at).ok_or(Refusal::NoSuchStep {
            step: at,
            count: self.entry.steps.len(),
        })?;
        let verb = step.verb();
        match verb {
            Verb::Verify | Verb::Commit => Ok(step),
            Verb::Evidence | Verb::Fetch | Verb::Install | Verb::Restart => {
                validity::time(&self.header, self.time_floor, now, &self.limits)?;
                let (found, floor) = (self.header.generation, generation_floor);
                if floor > found {
                    return Err(Refusal::Superseded { verb, found, floor });
                }
                Ok(step)
            }
        }
    }
}

/// R3: whether the file in hand is the one that was planned.
///
/// # Errors
/// When its length or its hash is another.
pub fn artifact(expected: &Artifact, sha256: Digest, size: u64) -> Result<(), Refusal> {
    if expected.size != size {
        return Err(Refusal::ArtifactLength {
            expected: expected.size,
            found: size,
        });
    }
    if expected.sha256 != sha256 {
        return Err(Refusal::ArtifactHash {
            expected: expected.sha256,
            found: sha256,
        });
    }
    Ok(())
}
