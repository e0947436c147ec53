//! From bytes to a permit, and from a permit to each step.

use crate::refusal::{Shown, TextFault};
use crate::text::Manager;
use crate::{
    Host, Limits, Refusal, Trust, binding, changes, mitigation, steps, text, trust, validity,
};
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
    signatures: Vec<String>,
    /// How many hosts the plan is for.
    hosts: usize,
    entry: HostEntry,
    /// Where the closure stands in the file, for messages.
    closure_at: usize,
    closure: Closure,
    manager: Manager,
    host: Host,
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

/// Examines a plan that is to begin on this host.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn examine(plan: &PlanFile, host: &Host, now: Timestamp) -> Result<Permit, Refusal> {
    let permit = whole(plan, host)?;
    permit.may_begin(now)?;
    validity::generation(&permit.header, permit.plan, host)?;
    if permit.entry.os != host.os {
        let found = Shown::new(&permit.entry.os);
        let own = host.os.clone();
        return Err(Refusal::OtherOs { found, own });
    }
    Ok(permit)
}

/// Examines a plan whose run the journal says has begun and was cut off: it is whole, well formed and for this host.
///
/// Whether it has expired since, or lost its approvals, is asked before each step ([`Permit::before_step`]) and not here:
/// a host that was switched off in the middle of an installation must be able to mend, revert or verify, however late it
/// comes back and whatever its clock says.
///
/// # Errors
/// The first thing that is wrong with it; also when this host has not seen the plan before.
pub fn resume(plan: &PlanFile, host: &Host) -> Result<Permit, Refusal> {
    let permit = whole(plan, host)?;
    validity::has_begun(&permit.header, permit.plan, host)?;
    Ok(permit)
}

/// What has to hold of a plan at any time: its parts belong together, every part is well formed, one is for this host.
fn whole(plan: &PlanFile, host: &Host) -> Result<Permit, Refusal> {
    let limits = &host.limits;
    let closures = binding::judge(plan)?;
    // Forms of the whole file, not only of our part: a plan that is wrong anywhere was not made by a planner of ours.
    let fleet = &plan.header.fleet;
    text::word(fleet).map_err(|why| refused("the fleet".to_owned(), fleet, why))?;
    for (at, entry) in plan.entries.iter().enumerate() {
        let Some(closure) = closures.get(&entry.closure) else {
            let digest = entry.closure;
            return Err(Refusal::ClosureMissing { entry: at, digest });
        };
        for (what, text, judged) in [
            ("name", &entry.name, text::host_name(&entry.name)),
            ("release", &entry.os, text::word(&entry.os)),
        ] {
            judged.map_err(|why| refused(format!("entry {at}: the {what}"), text, why))?;
        }
        steps::judge(at, entry, closure, limits)?;
    }
    let (at, entry) = own_entry(plan, host)?;
    let mut own = None;
    for (at, closure) in plan.closures.iter().enumerate() {
        let manager = changes::form(at, closure, limits)?;
        let is_own = closures
            .get(&entry.closure)
            .is_some_and(|own| std::ptr::eq(*own, closure));
        if is_own {
            own = Some((at, closure, manager));
        }
    }
    let Some((closure_at, closure, manager)) = own else {
        let digest = entry.closure;
        return Err(Refusal::ClosureMissing { entry: at, digest });
    };
    Ok(Permit {
        plan: plan.id,
        header: plan.header.clone(),
        signatures: plan.signatures.clone(),
        hosts: plan.entries.len(),
        entry: entry.clone(),
        closure_at,
        closure: closure.clone(),
        manager,
        host: host.clone(),
    })
}

fn refused(place: String, text: &str, why: TextFault) -> Refusal {
    let text = Shown::new(text);
    Refusal::Text { place, text, why }
}

/// The one entry for this host; that there are not two was judged before.
fn own_entry<'a>(plan: &'a PlanFile, host: &Host) -> Result<(usize, &'a HostEntry), Refusal> {
    let mut entries = plan.entries.iter().enumerate();
    let own = entries.find(|(_, entry)| entry.host == host.id);
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
    /// `generation_floor` is the journal's, read again. All steps begin only while the plan is approved, allowed,
    /// valid and the newest seen, but for verify and commit, which begin always: they change nothing, and a host that
    /// was changed in time must still find out whether the change is good. Refusing them would leave it changed and
    /// unjudged, and would make "wait until it expires" a way to skip the check. A run whose restart comes too late ends
    /// by its `on_failure`. Mending and reverting are no steps of a plan and ask nobody.
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
            Verb::Evidence
            | Verb::Fetch
            | Verb::Snapshot
            | Verb::Install
            | Verb::Mitigate
            | Verb::Revert
            | Verb::Restart
            | Verb::Reboot => {
                self.may_begin(now)?;
                let (found, floor) = (self.header.generation, generation_floor);
                if floor > found {
                    return Err(Refusal::Superseded { verb, found, floor });
                }
                Ok(step)
            }
        }
    }

    /// Whether something may be changed by this plan now: signed by enough, for this host's fleet, at its time, and within
    /// what this host allows.
    fn may_begin(&self, now: Timestamp) -> Result<(), Refusal> {
        let (header, host) = (&self.header, &self.host);
        if !mitigation::only_ends(&self.entry.steps, &host.expired) {
            trust::judge(&host.trust, header, &self.signatures, &host.limits)?;
        }
        validity::lifetime(header, &host.limits)?;
        validity::time(header, host.time_floor, now, &host.limits)?;
        mitigation::time(&self.entry.steps, now, &host.limits)?;
        self.fleet()?;
        changes::allowed(self.closure_at, &self.closure, self.manager, host)
    }

    /// `local`, or the fleet that this host belongs to. Unsigned it is local and for one host: whoever can bring a file
    /// here must not be able to speak for a fleet.
    fn fleet(&self) -> Result<(), Refusal> {
        let (fleet, own) = (&self.header.fleet, &self.host.fleet);
        let is_signed = match self.host.trust {
            Trust::UnsignedLocalAllowed => false,
            Trust::Keys(_) => true,
        };
        if fleet != LOCAL && !(is_signed && own.as_ref() == Some(fleet)) {
            let (found, own) = (Shown::new(fleet), own.clone());
            return Err(Refusal::OtherFleet { found, own });
        }
        if !is_signed && self.hosts > 1 {
            return Err(Refusal::UnsignedForMany { hosts: self.hosts });
        }
        Ok(())
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
