//! Intervals of affected versions, from OSV's events and from requirement sets.

use overlock_model::advisory::VendorStatus;
use overlock_versions::Scheme;

/// One run of affected versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interval {
    /// First affected version; `None` is the beginning.
    pub(super) introduced: Option<String>,
    pub(super) end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// This version is not affected any more.
    Before(String),
    /// This version is the last one affected.
    Through(String),
    /// No end is known.
    Open,
}

impl From<End> for VendorStatus {
    fn from(end: End) -> Self {
        match end {
            End::Before(version) => Self::Fixed(version),
            End::Through(version) => Self::LastAffected(version),
            End::Open => Self::Affected,
        }
    }
}

/// An event of an OSV range (OSV schema 1.7, "affected[].ranges[].events fields").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Introduced(String),
    Fixed(String),
    LastAffected(String),
    Limit(String),
}

impl Event {
    fn version(&self) -> &str {
        match self {
            Self::Introduced(version)
            | Self::Fixed(version)
            | Self::LastAffected(version)
            | Self::Limit(version) => version,
        }
    }
}

/// The affected intervals of a range: its events in version order, walked once (OSV schema, "Evaluation").
///
/// Where the scheme is unknown or a version cannot be read, the file's own order is kept. A `limit` only ends what
/// nothing else ends.
pub(super) fn intervals(events: &[Event], scheme: Option<Scheme>) -> Vec<Interval> {
    let mut events: Vec<&Event> = events.iter().collect();
    sort(&mut events, scheme);
    let mut found = Vec::new();
    let mut open: Option<Option<String>> = None;
    let has_end = events
        .iter()
        .any(|event| matches!(event, Event::Fixed(_) | Event::LastAffected(_)));
    for event in events {
        let end = match event {
            Event::Introduced(version) => {
                if open.is_none() {
                    open = Some((version != "0").then(|| version.clone()));
                }
                continue;
            }
            Event::Fixed(version) => End::Before(version.clone()),
            Event::LastAffected(version) => End::Through(version.clone()),
            Event::Limit(version) if version == "*" || has_end => continue,
            Event::Limit(version) => End::Before(version.clone()),
        };
        if let Some(introduced) = open.take() {
            found.push(Interval { introduced, end });
        }
    }
    if let Some(introduced) = open {
        found.push(Interval {
            introduced,
            end: End::Open,
        });
    }
    found
}

/// Stable: events of one version keep the file's order, so `fixed 2, introduced 2` stays affected at 2.
fn sort(events: &mut [&Event], scheme: Option<Scheme>) {
    // Nearly all ranges are one `introduced` and one end, in order.
    if let [Event::Introduced(_)]
    | [
        Event::Introduced(_),
        Event::Fixed(_) | Event::LastAffected(_),
    ] = events
    {
        return;
    }
    let Some(scheme) = scheme else { return };
    let key = |event: &Event| match event {
        Event::Introduced(version) if version == "0" => Some(None),
        other => overlock_versions::key(scheme, other.version())
            .ok()
            .map(Some),
    };
    if let Some(keys) = events
        .iter()
        .map(|event| key(event))
        .collect::<Option<Vec<_>>>()
    {
        let mut keyed: Vec<_> = keys.into_iter().zip(events.iter().copied()).collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        for (slot, (_, event)) in events.iter_mut().zip(keyed) {
            *slot = event;
        }
    }
}
