//! What a selection may name of a host.

/// How many hosts share the value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// All hosts of which the same is said.
    Class,
    /// Many hosts.
    Shared,
    /// Perhaps no other host.
    Host,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $variant:ident = $word:literal, $level:ident;)*) => {
        /// A field of `host`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $($(#[doc = $doc])* $variant,)* }

        impl Field {
            /// All of them, by name.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub(crate) fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level,)* }
            }
        }
    };
}

fields! {
    /// Version of the agent; empty without one.
    Agent = "agent", Shared;
    /// Architecture in the package manager's word.
    Arch = "arch", Shared;
    /// Hosts that do one job together.
    Cluster = "cluster", Class;
    /// `low`, `medium`, `high`, `very_high` or `unknown`.
    Criticality = "criticality", Class;
    /// `production`, `staging` … in the organisation's word.
    Environment = "environment", Class;
    /// `small`, `controlled`, `open` or `unknown`.
    Exposure = "exposure", Class;
    /// What fails together.
    FailureDomain = "failure_domain", Class;
    /// The group that it was enrolled into; empty without one.
    Group = "group", Class;
    /// Its id.
    Id = "id", Host;
    /// `low`, `medium`, `high`, `very_high` or `unknown`.
    Impact = "business_impact", Class;
    /// Release of the running kernel.
    Kernel = "kernel", Shared;
    /// What the host says of itself, by label; one that it does not have reads as empty.
    Labels = "labels", Class;
    /// Last contact in seconds since 1970; 0 for never.
    LastSeen = "last_seen", Host;
    /// Its name.
    Name = "name", Host;
    /// `id`, `version`, `codename` and `name` of the release.
    Os = "os", Shared;
    /// Who answers for it.
    Owner = "owner", Class;
    /// Whether PCI DSS applies; false when unknown.
    PciScope = "pci_scope", Class;
    /// Whether something asks for a reboot.
    Reboot = "reboot_pending", Shared;
    /// `server`, `workstation`, `network_device` or `unknown`.
    Role = "role", Class;
    /// Whether it was not in touch for too long.
    Silent = "silent", Shared;
    /// Whether what is known of it is too old.
    Stale = "stale", Shared;
    /// `active`, `unconfirmed`, `quarantined`, `revoked` or `unmanaged`.
    Standing = "standing", Shared;
    /// Sections that its owner switched off.
    SwitchedOff = "switched_off", Shared;
    /// Words that people gave it.
    Tags = "tags", Class;
    /// Whether some of its packages could not be judged.
    Uncovered = "uncovered", Shared;
    /// Whole hours since the last contact.
    UnseenHours = "unseen_hours", Host;
}

impl Field {
    /// The field of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.word() == word)
    }

    pub(crate) fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// What [`Field::Os`] has.
pub(crate) const OS: [&str; 4] = ["codename", "id", "name", "version"];
