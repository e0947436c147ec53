//! Why a plan or a step is refused.

mod hint;
mod text;

pub(crate) use text::plain;
pub use text::{Shown, TextFault};

use jiff::{SignedDuration, Timestamp};
use overlock_model::plan::{CanonicalError, Digest, HostId, PlanFileError, PlanId, Verb};

/// The one list of refusals: the message gives place and cause, [`Refusal::hint`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the messages say of them")]
pub enum Refusal {
    // Not parsed.
    /// More bytes than are parsed at all (R9).
    #[error("the plan has {bytes} bytes, {max} are the most that this host reads")]
    TooLarge { bytes: usize, max: usize },
    /// No plan.
    #[error("this is no plan")]
    Unparsable(#[from] PlanFileError),

    // The parts do not belong together (R1).
    /// A format of another time.
    #[error("the {place} is of schema {found}, this host knows `{wanted}`")]
    Schema {
        place: &'static str,
        found: Shown,
        wanted: &'static str,
    },
    /// A number without canonical form.
    #[error("the plan has no canonical bytes")]
    NotCanonical(#[from] CanonicalError),
    /// The header was changed, or the name.
    #[error("the plan is named {stated}, but its header's hash is {found}")]
    Id { stated: PlanId, found: PlanId },
    /// An entry was changed, added, left out or moved.
    #[error("the header's root is {stated}, but the entries' is {found}")]
    Root { stated: Digest, found: Digest },
    /// What signers were told is not what is there.
    #[error("the header counts {stated} {what}, but there are {found}")]
    Count {
        what: &'static str,
        stated: u64,
        found: u64,
    },
    /// A closure was changed or left out.
    #[error("entry {entry} needs closure {digest}, which is not in the plan")]
    ClosureMissing { entry: usize, digest: Digest },
    /// A closure that nothing vouches for.
    #[error("closure {at} ({digest}) belongs to no entry")]
    ClosureUnused { at: usize, digest: Digest },
    /// The same closure again.
    #[error("closure {at} ({digest}) is there twice")]
    ClosureTwice { at: usize, digest: Digest },
    /// Closures in another order than the entries name them.
    #[error("closure {at} ({digest}) does not stand in the order of the entries")]
    ClosureOrder { at: usize, digest: Digest },
    /// Two orders for one host.
    #[error("entry {entry} is a second one for host {host}")]
    HostTwice { entry: usize, host: HostId },

    // Signatures (T1, T2, REQ-2).
    /// A trust root exists and nobody signed.
    #[error("the plan is unsigned, but this host wants {needed} approvals")]
    Unsigned { needed: usize },
    /// Nobody here can check them.
    #[error(
        "the plan has {count} signatures, but this host has no approvers' keys to check them with"
    )]
    SignaturesWithoutTrust { count: usize },
    /// More than are looked at.
    #[error("the plan has {count} signatures, {max} are the most")]
    TooManySignatures { count: usize, max: usize },
    /// No signature.
    #[error("signature {at} cannot be read: {why}")]
    SignatureUnreadable { at: usize, why: String },
    /// By a known key, but not over this plan.
    #[error("signature {at} by `{approver}` is not one over this plan: {why}")]
    SignatureWrong {
        at: usize,
        approver: String,
        why: String,
    },
    /// By a security key that nobody touched.
    #[error("signature {at} by `{approver}` was made without touching the security key")]
    SignatureUntouched { at: usize, approver: String },
    /// Too few people signed; several keys or signatures of one are one.
    #[error("{} of {needed} approvals: {}{}", approvers.len(), list(approvers), unknown_keys(unknown))]
    TooFewApprovals {
        needed: usize,
        approvers: Vec<String>,
        /// Fingerprints of keys that signed and are not trusted here.
        unknown: Vec<String>,
    },
    /// A fleet's plan on a host that has joined none, or another.
    #[error("the plan is for fleet {found}, this host is {}", fleet_of(own.as_deref()))]
    OtherFleet { found: Shown, own: Option<String> },
    /// An unsigned plan is for the host it was made on.
    #[error("an unsigned plan is for one host, this one is for {hosts}")]
    UnsignedForMany { hosts: usize },

    // Time and turn (R1, R5, T7, T8, T25).
    /// Too late.
    #[error("the plan expired at {expires}, it is {now}")]
    Expired { expires: Timestamp, now: Timestamp },
    /// Made tomorrow, or this host's clock is wrong.
    #[error("the plan was made at {created}, but here it is only {now}")]
    CreatedAhead { created: Timestamp, now: Timestamp },
    /// It never was valid.
    #[error("the plan expires at {expires}, before or when it was made at {created}")]
    ExpiresBeforeCreated {
        created: Timestamp,
        expires: Timestamp,
    },
    /// Valid for longer than this host accepts.
    #[error("the plan is valid for {} days, {} are the most", days(*lifetime), days(*max))]
    LivesTooLong {
        lifetime: SignedDuration,
        max: SignedDuration,
    },
    /// This host has already lived through later times.
    #[error("the clock says {now}, but this host has already written {floor}")]
    ClockBehind { now: Timestamp, floor: Timestamp },
    /// Older than what this host has seen.
    #[error("the plan has generation {found}, this host has seen {floor}")]
    GenerationPast { found: u64, floor: u64 },
    /// Another plan had this generation.
    #[error("generation {generation} was already used by {}", used_by(*by))]
    GenerationTaken { generation: u64, by: Option<PlanId> },
    /// Resumed, but never begun.
    #[error(
        "no run of this plan can have been cut off: it has generation {found}, this host has seen {floor}"
    )]
    NotBegun { found: u64, floor: u64 },
    /// It would lock later plans out.
    #[error(
        "the plan has generation {found}, more than {ahead_max} above {floor}, the last one seen"
    )]
    GenerationAhead {
        found: u64,
        floor: u64,
        ahead_max: u64,
    },

    // This host.
    /// For other hosts.
    #[error("the plan is for {} ({}), this host is {own}", named.join(", "), hosts(*count))]
    OtherHost {
        own: HostId,
        /// The first of them.
        named: Vec<String>,
        count: usize,
    },
    /// Made for another release.
    #[error("the plan is for {found}, this host is `{own}`")]
    OtherOs { found: Shown, own: String },

    // Steps (R2).
    /// Nothing to do is no plan.
    #[error("entry {entry} has no step")]
    NoSteps { entry: usize },
    /// More than a host does in one run.
    #[error("entry {entry} has {count} steps, {max} are the most")]
    TooManySteps {
        entry: usize,
        count: usize,
        max: usize,
    },
    /// Each verb once.
    #[error("entry {entry}, step {step}: `{verb}` a second time")]
    StepTwice {
        entry: usize,
        step: usize,
        verb: Verb,
    },
    /// In the one order that is safe.
    #[error("entry {entry}, step {step}: `{verb}` cannot follow `{after}`")]
    StepOrder {
        entry: usize,
        step: usize,
        verb: Verb,
        after: Verb,
    },
    /// A change that was not fetched before, or is not verified after.
    #[error("entry {entry}: `{verb}` needs `{needed}`")]
    StepMissing {
        entry: usize,
        verb: Verb,
        needed: Verb,
    },
    /// Nothing to install, or something that no step installs.
    #[error("entry {entry}: {why}")]
    StepsAndClosure { entry: usize, why: &'static str },
    /// A list in a step is too long.
    #[error("{place} has {count} names, {max} are the most")]
    TooManyNames {
        place: String,
        count: usize,
        max: usize,
    },
    /// The same again.
    #[error("{place}: {name} a second time")]
    NameTwice { place: String, name: Shown },
    /// A measure that no plan may ask for.
    #[error("{place}: {what} cannot be asked for: {why}")]
    Measure {
        place: String,
        what: Shown,
        why: &'static str,
    },
    /// It would be over before it began.
    #[error("{place}: {measure} expires at {expires}, it is {now}")]
    MeasureExpired {
        place: String,
        measure: Shown,
        expires: Timestamp,
        now: Timestamp,
    },
    /// A measure without an end that anybody will see (R11).
    #[error("{place}: {measure} expires at {expires}, more than {} days from now", days(*max))]
    MeasureTooLong {
        place: String,
        measure: Shown,
        expires: Timestamp,
        max: SignedDuration,
    },
    /// Nobody confirms in no time, or after a day.
    #[error("entry {entry}: a confirmation within {seconds} s is not between 1 and {max} s")]
    ConfirmTime {
        entry: usize,
        seconds: u64,
        max: u64,
    },
    /// The plan has no such step.
    #[error("the plan has no step {step}, only {count}")]
    NoSuchStep { step: usize, count: usize },
    /// A newer plan was seen while this one was carried out.
    #[error("`{verb}` is not begun: generation {floor} was seen since, this plan has {found}")]
    Superseded { verb: Verb, found: u64, floor: u64 },

    // Changes (T4, T5, T8, T30, R3).
    /// A package manager that this host has no words for.
    #[error("{place}: no package manager {found} is known, only `deb` and `rpm`")]
    Manager { place: String, found: Shown },
    /// More than one transaction should have.
    #[error("{place} has {count} changes, {max} are the most")]
    TooManyChanges {
        place: String,
        count: usize,
        max: usize,
    },
    /// Not sorted by name and architecture, or one of them twice.
    #[error("{place}: {package} comes after {after}; changes are sorted and each is there once")]
    ChangeOrder {
        place: String,
        package: Shown,
        after: Shown,
    },
    /// Nothing would change.
    #[error("{place}: {package} goes from {from} to {to}, which is the same version")]
    SameVersion {
        place: String,
        package: Shown,
        from: Shown,
        to: Shown,
    },
    /// Older, and no run is taken back by it.
    #[error("{place}: {package} goes back from {from} to {to}")]
    Downgrade {
        place: String,
        package: Shown,
        from: Shown,
        to: Shown,
    },
    /// Of an architecture that is none of this host's.
    #[error("{place}: {package} is not for this host, which takes {}", list(takes))]
    OtherArch {
        place: String,
        package: Shown,
        takes: Vec<String>,
    },
    /// The host would not boot, install or be reached without it.
    #[error("{place}: {package} would be removed, and it is protected")]
    RemovesProtected { place: String, package: Shown },
    /// More removals than this host allows.
    #[error("{place} removes {count} packages ({}), {max} are the most", names.join(", "))]
    TooManyRemovals {
        place: String,
        count: usize,
        max: usize,
        /// The first of them.
        names: Vec<String>,
    },
    /// A file of no or too many bytes.
    #[error("{place} has {bytes} bytes, which is not between 1 and {max}")]
    ArtifactSize { place: String, bytes: u64, max: u64 },
    /// More to fetch than this host takes.
    #[error("{place} has more than {max} bytes of artifacts")]
    ClosureSize { place: String, max: u64 },
    /// A text is not what its field may hold.
    #[error("{place} is {text}: {why}")]
    Text {
        place: String,
        text: Shown,
        why: TextFault,
    },

    // The file in hand (R3, T6).
    /// Other bytes than the plan's.
    #[error("the artifact's SHA-256 is {found}, the plan says {expected}")]
    ArtifactHash { expected: Digest, found: Digest },
    /// Another length than the plan's.
    #[error("the artifact has {found} bytes, the plan says {expected}")]
    ArtifactLength { expected: u64, found: u64 },
}

fn list(words: &[String]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn unknown_keys(fingerprints: &[String]) -> String {
    if fingerprints.is_empty() {
        return String::new();
    }
    format!(
        "; keys that are not trusted here: {}",
        fingerprints.join(", ")
    )
}

fn fleet_of(own: Option<&str>) -> String {
    own.map_or_else(
        || "in no fleet".to_owned(),
        |own| format!("in fleet `{own}`"),
    )
}

fn used_by(plan: Option<PlanId>) -> String {
    plan.map_or_else(
        || "another plan".to_owned(),
        |plan| format!("plan {}", plan.short()),
    )
}

fn hosts(count: usize) -> String {
    match count {
        1 => "1 host".to_owned(),
        _ => format!("{count} hosts"),
    }
}

fn days(duration: SignedDuration) -> i64 {
    // Rounded up, so that what is above a bound of whole days never reads as equal to it.
    let hours = duration.as_hours();
    hours / 24 + i64::from(duration > SignedDuration::from_hours(hours / 24 * 24))
}
