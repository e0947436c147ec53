//! Episodes as a few bytes each: every text once, column by column, then compressed.
//!
//! Five hundred episodes of a host share a few dozen sources, versions and dates. Side by side in columns they compress
//! to a handful of bytes each. The first byte is the version of the form. Times are kept to the microsecond.

use crate::columns::{micros, time_of};
use crate::contents::{pack, unpack};
use crate::error::StoreError;
use overlock_model::episode::{Episode, EpisodeDates, EpisodeKey, EpisodeState};
use overlock_model::exposure::ExposureStatus;
use overlock_model::package::PackageType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const VERSION: u8 = 1;

/// Columns of equal length; a text is its place in `texts`.
#[derive(Default, Serialize, Deserialize)]
struct Columns {
    texts: Vec<String>,
    vulnerability: Vec<u32>,
    kind: Vec<u32>,
    source: Vec<u32>,
    ordinal: Vec<u32>,
    state: Vec<u8>,
    status: Vec<u8>,
    installed: Vec<u32>,
    fixed: Vec<Option<u32>>,
    /// Distance to the episode before.
    opened: Vec<i64>,
    /// Distances to when the episode was opened: exposed, fix available, staged, installed, effective, verified, ended.
    dates: [Vec<Option<i64>>; 7],
}

pub(super) fn write(episodes: &[Episode]) -> Result<Vec<u8>, StoreError> {
    let mut texts = Texts::default();
    let mut columns = Columns::default();
    let mut before = 0;
    for episode in episodes {
        columns
            .vulnerability
            .push(texts.place(&episode.key.vulnerability));
        columns.kind.push(texts.place(episode.key.kind.as_str()));
        columns.source.push(texts.place(&episode.key.source));
        columns.ordinal.push(episode.ordinal);
        columns.state.push(state_number(episode.state));
        columns.status.push(status_number(episode.status));
        columns.installed.push(texts.place(&episode.installed));
        columns
            .fixed
            .push(episode.fixed.as_deref().map(|fixed| texts.place(fixed)));
        let opened = micros(episode.dates.opened);
        columns.opened.push(opened - before);
        before = opened;
        for (column, date) in columns.dates.iter_mut().zip(later(&episode.dates)) {
            column.push(date.map(|date| micros(date) - opened));
        }
    }
    columns.texts = texts.in_order();
    let mut bytes = vec![VERSION];
    let packed = postcard::to_allocvec(&columns)
        .map_err(|error| StoreError::damaged("episodes to pack", error))?;
    bytes.extend(pack(&packed)?);
    Ok(bytes)
}

pub(super) fn read(place: &'static str, bytes: &[u8]) -> Result<Vec<Episode>, StoreError> {
    let Some((&VERSION, packed)) = bytes.split_first() else {
        return Err(StoreError::damaged(
            place,
            "a form that this program does not know",
        ));
    };
    let columns: Columns = postcard::from_bytes(&unpack(place, packed)?)
        .map_err(|error| StoreError::damaged(place, error))?;
    let mut episodes = Vec::with_capacity(columns.vulnerability.len());
    let mut before = 0;
    for at in 0..columns.vulnerability.len() {
        let episode = columns
            .episode(at, &mut before)
            .ok_or_else(|| StoreError::damaged(place, format!("episode {at}")))?;
        episodes.push(episode);
    }
    Ok(episodes)
}

impl Columns {
    fn episode(&self, at: usize, before: &mut i64) -> Option<Episode> {
        let text = |column: &[u32]| self.text(*column.get(at)?);
        let opened = before.checked_add(*self.opened.get(at)?)?;
        *before = opened;
        let time = |microseconds| time_of("episode", microseconds).ok();
        let [
            exposed,
            fix_available,
            staged,
            installed,
            effective,
            verified,
            ended,
        ] = self.dates.each_ref().map(|column| match column.get(at)? {
            None => Some(None),
            Some(distance) => Some(Some(time(opened.checked_add(*distance)?)?)),
        });
        Some(Episode {
            key: EpisodeKey {
                vulnerability: text(&self.vulnerability)?,
                kind: PackageType::from_word(&text(&self.kind)?),
                source: text(&self.source)?,
            },
            ordinal: *self.ordinal.get(at)?,
            state: state_of(*self.state.get(at)?)?,
            status: status_of(*self.status.get(at)?)?,
            installed: text(&self.installed)?,
            fixed: match self.fixed.get(at)? {
                None => None,
                Some(place) => Some(self.text(*place)?),
            },
            dates: EpisodeDates {
                opened: time(opened)?,
                exposed: exposed?,
                fix_available: fix_available?,
                staged: staged?,
                installed: installed?,
                effective: effective?,
                verified: verified?,
                ended: ended?,
            },
        })
    }

    fn text(&self, place: u32) -> Option<String> {
        self.texts.get(usize::try_from(place).ok()?).cloned()
    }
}

#[derive(Default)]
struct Texts {
    places: BTreeMap<String, u32>,
}

impl Texts {
    fn place(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.insert(text.to_owned(), place);
        place
    }

    fn in_order(self) -> Vec<String> {
        let mut texts: Vec<(String, u32)> = self.places.into_iter().collect();
        texts.sort_unstable_by_key(|(_, place)| *place);
        texts.into_iter().map(|(text, _)| text).collect()
    }
}

fn later(dates: &EpisodeDates) -> [Option<jiff::Timestamp>; 7] {
    [
        dates.exposed,
        dates.fix_available,
        dates.staged,
        dates.installed,
        dates.effective,
        dates.verified,
        dates.ended,
    ]
}

/// Numbers are written, so they never change.
fn state_number(state: EpisodeState) -> u8 {
    match state {
        EpisodeState::Unknown => 0,
        EpisodeState::Exposed => 1,
        EpisodeState::Staged => 2,
        EpisodeState::Installed => 3,
        EpisodeState::Effective => 4,
        EpisodeState::Verified => 5,
        EpisodeState::Mitigated => 6,
        EpisodeState::NotAffected => 7,
        EpisodeState::Accepted => 8,
        EpisodeState::Gone => 9,
    }
}

fn state_of(number: u8) -> Option<EpisodeState> {
    EpisodeState::ALL
        .into_iter()
        .find(|state| state_number(*state) == number)
}

const STATUSES: [ExposureStatus; 6] = [
    ExposureStatus::FixAvailable,
    ExposureStatus::NoFix,
    ExposureStatus::Postponed,
    ExposureStatus::WillNotFix,
    ExposureStatus::UnderInvestigation,
    ExposureStatus::EndOfLife,
];

fn status_number(status: ExposureStatus) -> u8 {
    match status {
        ExposureStatus::FixAvailable => 0,
        ExposureStatus::NoFix => 1,
        ExposureStatus::Postponed => 2,
        ExposureStatus::WillNotFix => 3,
        ExposureStatus::UnderInvestigation => 4,
        ExposureStatus::EndOfLife => 5,
    }
}

fn status_of(number: u8) -> Option<ExposureStatus> {
    STATUSES
        .into_iter()
        .find(|status| status_number(*status) == number)
}
