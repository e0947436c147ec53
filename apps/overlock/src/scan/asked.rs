//! Which feeds were asked for lately, so that a host without network does not wait for them at every scan.
//!
//! Kept beside the feeds as `asked.json`. Asking another source (a mirror given meanwhile) is a new question.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// After this long a scan asks again.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);
const BYTES_MAX: u64 = 1 << 20;

/// Times of the last question, by feed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Asked {
    source: String,
    feeds: BTreeMap<String, Timestamp>,
}

impl Asked {
    /// What was asked of `source` (a mirror, or nothing for the publishers).
    pub fn read(data: &Path, source: Option<&str>) -> Self {
        let source = source.unwrap_or("publishers").to_owned();
        read(&path(data))
            .filter(|asked| asked.source == source)
            .unwrap_or(Self {
                source,
                feeds: BTreeMap::new(),
            })
    }

    /// Whether this feed was asked for so lately that asking again is idle.
    pub fn lately(&self, feed: &str, now: Timestamp) -> bool {
        self.feeds
            .get(feed)
            .is_some_and(|asked| *asked <= now && now.duration_since(*asked) < PATIENCE)
    }

    /// Notes the question. Where it cannot be written the next scan asks again, which costs time and nothing else.
    pub fn note(&mut self, feeds: impl Iterator<Item = String>, now: Timestamp, data: &Path) {
        self.feeds.extend(feeds.map(|feed| (feed, now)));
        if let Ok(text) = serde_json::to_vec(self) {
            let _ = std::fs::write(path(data), text);
        }
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("feeds").join("asked.json")
}

fn read(path: &Path) -> Option<Asked> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_asked_for_again_after_an_hour_or_of_another_source() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("feeds")).unwrap();
        let at = |minutes| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let mut asked = Asked::read(data.path(), None);
        asked.note(["epss".to_owned()].into_iter(), at(10), data.path());

        let again = Asked::read(data.path(), None);
        assert!(again.lately("epss", at(69)));
        assert!(!again.lately("epss", at(70)));
        assert!(!again.lately("epss", at(9)), "a clock that went back");
        assert!(!again.lately("cisa-kev", at(11)));
        assert!(!Asked::read(data.path(), Some("/mirror")).lately("epss", at(11)));
    }
}
