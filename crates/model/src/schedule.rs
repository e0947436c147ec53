//! Patching in a window: when, within which bounds, and how it went last time.

use crate::decision::Decision;
use crate::run::RunId;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Schema of [`ScheduleReport`].
pub const SCHEDULE_SCHEMA: &str = "overlock.schedule/1";

/// What `overlock schedule show --format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleReport {
    /// [`SCHEDULE_SCHEMA`].
    pub schema: String,
    /// What is set; absent when nothing is.
    pub schedule: Option<Schedule>,
    /// Whether the timer that starts it runs.
    pub timer: bool,
    /// When its next window opens.
    pub next: Option<Timestamp>,
    /// What became of it last time.
    pub last: Option<LastTime>,
    /// What stands in the way of the next time.
    pub obstacles: Vec<String>,
}

/// When and how this host patches itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// When the window opens, in the words of `systemd.time(7)`, "Calendar Events".
    pub at: String,
    /// The time zone that they are in; absent is the host's own.
    pub time_zone: Option<String>,
    /// How long it is open, in seconds.
    pub window_seconds: u64,
    /// Over how long hosts with the same schedule are spread, in seconds.
    pub spread_seconds: u64,
    /// Whether what repositories offer is renewed first.
    pub refresh: bool,
    /// Whether feeds are fetched first.
    pub sync: bool,
    /// What it may do.
    pub bounds: Bounds,
}

/// What may be done with nobody there. All that goes beyond is held, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Most packages in one run.
    pub packages_max: usize,
    /// Only from these repositories, by name, `*` at the end for any ending; all when it is empty.
    pub origins: Vec<String>,
    /// Never these packages.
    pub without: Vec<String>,
    /// Whether packages may change whose former version is nowhere to be had.
    pub one_way: bool,
    /// Whether packages of network, boot and identity may change with nobody and nothing to confirm that the host can
    /// still be reached. Where `[confirm] connect` names an address, that confirms, and they change.
    pub unconfirmed: bool,
    /// What about updates that take effect after a reboot.
    pub reboot: RebootBound,
    /// Least urgent decision that is acted on; absent acts on every security update.
    pub decision: Option<Decision>,
}

/// What a schedule does about updates that take effect after a reboot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RebootBound {
    /// They are held.
    Hold,
    /// They are installed, and the reboot is left to others.
    #[default]
    Never,
    /// The host boots anew where one of them needs it.
    IfRequired,
}

impl Default for Bounds {
    /// Careful: what can be taken back and cannot cut the host off.
    fn default() -> Self {
        Self {
            packages_max: 500,
            origins: Vec::new(),
            without: Vec::new(),
            one_way: false,
            unconfirmed: false,
            reboot: RebootBound::Never,
            decision: None,
        }
    }
}

/// An update that is not made by a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutOfBounds {
    /// The package that stands for it.
    pub package: String,
    /// Version that it would get.
    pub to: String,
    /// Which bound, in words.
    pub why: String,
}

/// What became of a schedule the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastTime {
    /// When it began.
    pub at: Timestamp,
    /// How it ended.
    pub result: LastResult,
    /// In words.
    pub said: String,
    /// The run, where one began.
    pub run: Option<RunId>,
    /// Updates beyond the bounds.
    pub held: Vec<OutOfBounds>,
}

/// How a schedule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastResult {
    /// It has begun, and nothing was written since: it runs, or it was cut off.
    Begun,
    /// Outside of the window: nothing was looked at.
    Closed,
    /// Nothing within bounds was on offer.
    Nothing,
    /// Packages were changed as planned.
    Applied,
    /// The host is as it was: put off, refused, failed or taken back.
    NotApplied,
    /// The host is in a named state that `overlock repair` mends.
    Repair,
}

impl LastResult {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Begun => "begun, and not ended",
            Self::Closed => "outside of the window",
            Self::Nothing => "nothing to do",
            Self::Applied => "applied",
            Self::NotApplied => "not applied",
            Self::Repair => "repair needed",
        }
    }
}
