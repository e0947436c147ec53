//! What to do about each refusal, and how the program ends by it.

use super::Refusal;

impl Refusal {
    /// Whether the bytes are no plan at all (exit code 2), and not a plan that this host does not carry out (4).
    #[must_use]
    pub fn is_unparsable(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Unparsable(_))
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "make a plan with fewer hosts or changes",
            Self::Unparsable(_) | Self::Schema { .. } => {
                "give it the unchanged file of `overlock plan --out`, made by a version of the same format"
            }
            Self::NotCanonical(_)
            | Self::Id { .. }
            | Self::Root { .. }
            | Self::Count { .. }
            | Self::ClosureMissing { .. }
            | Self::ClosureUnused { .. }
            | Self::ClosureTwice { .. }
            | Self::ClosureOrder { .. }
            | Self::HostTwice { .. } => {
                "the file was changed after it was made; get it again from where it was made, or plan again"
            }
            Self::Unsigned { .. } | Self::TooFewApprovals { .. } => {
                "have the approvers of `/etc/overlock/trust.toml` sign the plan's header"
            }
            Self::SignaturesWithoutTrust { .. } => {
                "put the approvers' keys into `/etc/overlock/trust.toml`, or make an unsigned plan on this host"
            }
            Self::TooManySignatures { .. } => "leave the signatures out that are not needed",
            Self::SignatureUnreadable { .. } | Self::SignatureWrong { .. } => {
                "sign the header of just this plan with `ssh-keygen -Y sign -n overlock-plan-v1`"
            }
            Self::SignatureUntouched { .. } => "sign with a key made without `no-touch-required`",
            Self::OtherFleet { .. } | Self::UnsignedForMany { .. } | Self::OtherHost { .. } => {
                "make a plan on this host, or for it"
            }
            Self::Expired { .. }
            | Self::ExpiresBeforeCreated { .. }
            | Self::LivesTooLong { .. }
            | Self::OtherOs { .. }
            | Self::GenerationPast { .. }
            | Self::GenerationTaken { .. }
            | Self::GenerationAhead { .. }
            | Self::Superseded { .. } => "plan again: `overlock plan`",
            Self::Measure { .. } => {
                "measures only close things, and never those that a host runs by: `docs/mitigations.md` lists them"
            }
            Self::MeasureExpired { .. } | Self::MeasureTooLong { .. } => {
                "plan it again with a nearer end: `overlock mitigate --expires`"
            }
            Self::NotBegun { .. } => "begin it: `overlock apply PLAN`",
            Self::CreatedAhead { .. } | Self::ClockBehind { .. } => {
                "set this host's clock (`timedatectl`) before anything is judged by it"
            }
            Self::NoSteps { .. }
            | Self::TooManySteps { .. }
            | Self::StepTwice { .. }
            | Self::StepOrder { .. }
            | Self::StepMissing { .. }
            | Self::StepsAndClosure { .. }
            | Self::TooManyNames { .. }
            | Self::NameTwice { .. }
            | Self::ConfirmTime { .. }
            | Self::NoSuchStep { .. }
            | Self::Manager { .. }
            | Self::ChangeOrder { .. }
            | Self::SameVersion { .. }
            | Self::ArtifactSize { .. }
            | Self::Text { .. } => {
                "no planner of ours writes this; find out who made the plan before you make a new one"
            }
            Self::TooManyChanges { .. } | Self::ClosureSize { .. } => {
                "plan fewer packages at a time, or raise this host's limits"
            }
            Self::Downgrade { .. } => "go back to older versions by `overlock revert RUN` only",
            Self::OtherArch { .. } => "add the architecture to this host first, if it belongs here",
            Self::RemovesProtected { .. } => {
                "the host could not boot, install or be reached without it; look why the closure removes it"
            }
            Self::TooManyRemovals { .. } => {
                "look why the closure removes packages; raise this host's limit only if they are to go"
            }
            Self::ArtifactHash { .. } | Self::ArtifactLength { .. } => {
                "the file is not the one that was planned; nothing is installed from it, plan again"
            }
        }
    }
}
