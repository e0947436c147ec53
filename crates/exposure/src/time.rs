//! The time to judge by, where a clock may be wrong.

use overlock_model::Timestamp;
use overlock_model::feed::FeedStatus;
use overlock_model::inventory::Unseen;

/// No clock that is right shows a time before this program was written.
const WRITTEN: Timestamp = Timestamp::constant(1_767_225_600, 0); // 2026-01-01T00:00:00Z

/// The time to judge by. A clock that is behind the feeds cannot be right: deadlines then count from the newest feed,
/// and it is said.
#[must_use]
pub fn plausible_now(now: Timestamp, feeds: &[FeedStatus]) -> (Timestamp, Option<Unseen>) {
    let newest = feeds
        .iter()
        .filter_map(|feed| match feed.fetched {
            // Fetched under a clock that cannot have been right: only the publisher's date is left to go by.
            Some(fetched) if fetched < WRITTEN => feed.dated,
            fetched => feed.dated.min(fetched),
        })
        .max();
    match newest {
        Some(newest) if newest > now => {
            let unseen = Unseen {
                what: "the time".to_owned(),
                why: format!(
                    "the clock says {now}, which is before the newest feed of {newest}; judged as of that feed"
                ),
            };
            (newest, Some(unseen))
        }
        _ => (now, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn feed(dated: &str, fetched: &str) -> FeedStatus {
        FeedStatus {
            id: "debian-dsa".to_owned(),
            url: "https://feeds.example.org/".to_owned(),
            dated: Some(at(dated)),
            fetched: Some(at(fetched)),
            records: 1,
            quarantined: 0,
            size_bytes: 1,
            sha256: None,
            last_error: None,
        }
    }

    #[test]
    fn clock_after_the_feeds_is_believed() {
        let now = at("2026-06-01T00:00:00Z");
        let feeds = [feed("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")];
        assert_eq!(plausible_now(now, &feeds), (now, None));
        assert_eq!(plausible_now(now, &[]), (now, None));
    }

    #[test]
    fn clock_behind_the_newest_feed_is_not_believed_and_it_is_said() {
        let feeds = [
            feed("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z"),
            feed("2026-04-01T00:00:00Z", "2026-05-03T00:00:00Z"),
        ];
        let (now, unseen) = plausible_now(at("2026-03-01T00:00:00Z"), &feeds);
        assert_eq!(now, at("2026-05-01T00:00:00Z"));
        assert_eq!(unseen.unwrap().what, "the time");
    }

    #[test]
    fn feed_that_says_it_is_from_the_future_does_not_move_the_time_past_its_fetching() {
        let feeds = [feed("2030-01-01T00:00:00Z", "2026-05-02T00:00:00Z")];
        let (now, _) = plausible_now(at("2026-03-01T00:00:00Z"), &feeds);
        assert_eq!(now, at("2026-05-02T00:00:00Z"));
    }

    #[test]
    fn feed_fetched_under_a_wrong_clock_counts_by_its_publishers_date() {
        let feeds = [feed("2026-05-01T00:00:00Z", "1970-01-01T00:00:10Z")];
        let (now, unseen) = plausible_now(at("1970-01-01T00:00:20Z"), &feeds);
        assert_eq!(now, at("2026-05-01T00:00:00Z"));
        assert!(unseen.is_some());
    }
}
