//! When a host may be called clear, and when not.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use overlock_model::coverage::{Depth, DepthLimit};
use overlock_model::decision::Decision;
use overlock_model::os::Support;
use overlock_model::scan::ScanReport;
use overlock_report::verdict::{Tone, adds_up, staleness, verdict};
use overlock_report::{Bill, Format, Style};
use overlock_testkit::report_fixture as fixture;

/// Words that promise more than an unjudged host can hold.
const PROMISES: [&str; 9] = [
    "clean",
    "clear",
    "safe",
    "secure",
    "healthy",
    "up to date",
    "green",
    "all good",
    "no vulnerabilities",
];

fn text(format: Format, report: &ScanReport) -> String {
    let mut out = Vec::new();
    overlock_report::write(
        format,
        report,
        Bill::default(),
        &mut out,
        &Style {
            colour: true,
            ..Style::default()
        },
    )
    .unwrap();
    let text = String::from_utf8(out).unwrap();
    // The page's style sheet names its colours.
    let body = text
        .split_once("<body>")
        .map_or(text.as_str(), |(_, body)| body);
    body.split_once("<script>")
        .map_or(body, |(body, _)| body)
        .to_lowercase()
}

/// Makes one thing uncertain.
type Doubt = fn(&mut ScanReport);

#[test]
fn unjudged_host_is_never_called_clean() {
    let report = fixture::uncovered();
    assert_eq!(verdict(&report).tone, Tone::Unknown);
    for format in Format::ALL {
        let text = text(format, &report);
        for promise in PROMISES {
            assert!(!text.contains(promise), "{format} says {promise}");
        }
        let green = "\u{1b}[32m";
        assert!(!text.contains(green), "{format} is green");
    }
}

#[test]
fn wholly_judged_host_without_exposures_is_clear() {
    let verdict = verdict(&fixture::judged_and_clear());
    assert_eq!((verdict.tone, verdict.doubts), (Tone::Clear, vec![]));
    assert!(text(Format::Table, &fixture::judged_and_clear()).contains("\u{1b}[32mclear"));
}

#[test]
fn any_single_doubt_takes_the_green_away() {
    let doubts: [(&str, Doubt); 11] = [
        ("no advisories", |report| {
            report.coverage.advisories_unknown = true
        }),
        ("one package not judged", |report| {
            report.coverage.not_covered = 1;
            report.coverage.not_vulnerable -= 1;
        }),
        ("counts that do not add up", |report| {
            report.coverage.not_vulnerable -= 1
        }),
        ("no packages", |report| {
            report.coverage.packages = 0;
            report.coverage.not_vulnerable = 0;
        }),
        ("fixed versions only", |report| {
            report.coverage.depth.push(Depth {
                ecosystem: "debian:12".into(),
                feeds: vec![],
                limit: DepthLimit::FixedVersionsOnly,
            });
        }),
        ("unknown support", |report| {
            report.host.support = Support::Unknown
        }),
        ("end of life", |report| {
            report.host.support = Support::EndOfLife {
                since: "2024-06-30".parse().unwrap(),
                paid: None,
            }
        }),
        ("something unseen", |report| {
            report.host.unseen = fixture::web_server().host.unseen
        }),
        ("stale feed", |report| report.feeds[0].dated = None),
        ("old code runs", |report| {
            report.host.effective = fixture::web_server().host.effective
        }),
        ("old kernel runs", |report| {
            report.host.kernel.running = Some("6.1.0-25-amd64".into())
        }),
    ];
    for (name, doubt) in doubts {
        let mut report = fixture::judged_and_clear();
        doubt(&mut report);
        if name == "stale feed" {
            report.feeds[0].fetched = None;
        }
        let verdict = verdict(&report);
        assert_eq!(verdict.tone, Tone::Unknown, "{name}");
        assert!(
            !text(Format::Table, &report).contains("\u{1b}[32m"),
            "{name}"
        );
    }
}

#[test]
fn most_urgent_decision_speaks() {
    for (decision, tone, word) in [
        (Decision::Immediate, Tone::Urgent, "ACT NOW"),
        (Decision::OutOfCycle, Tone::Urgent, "ACT SOON"),
        (Decision::Scheduled, Tone::Attention, "PATCH"),
        (Decision::Defer, Tone::Attention, "WATCH"),
    ] {
        let mut report = fixture::web_server();
        for exposure in &mut report.exposures {
            exposure.decision = decision;
            exposure.deadline = None;
        }
        let verdict = verdict(&report);
        assert_eq!((verdict.tone, verdict.word), (tone, word));
    }
}

#[test]
fn deferred_exposure_past_its_deadline_is_urgent() {
    let mut report = fixture::web_server();
    for exposure in &mut report.exposures {
        exposure.decision = Decision::Defer;
    }
    assert_eq!(verdict(&report).word, "LATE");
}

#[test]
fn feed_is_stale_by_its_copy_its_content_its_error_and_its_silence() {
    let report = fixture::web_server();
    let now = report.generated;
    let fresh = &report.feeds[0];
    assert_eq!(staleness(fresh, now), None);
    let hours = |hours: i64| Some(now - jiff::SignedDuration::from_hours(hours));
    let mut feed = fresh.clone();
    feed.fetched = hours(72);
    assert_eq!(staleness(&feed, now), None);
    feed.fetched = hours(73);
    assert!(staleness(&feed, now).unwrap().contains("3 days old"));
    feed.fetched = hours(1);
    feed.dated = hours(31 * 24);
    assert!(staleness(&feed, now).is_some());
    feed.dated = None;
    feed.fetched = None;
    assert_eq!(staleness(&feed, now).as_deref(), Some("age not known"));
    let mut feed = fresh.clone();
    feed.last_error = Some("connection refused".into());
    assert!(
        staleness(&feed, now)
            .unwrap()
            .contains("connection refused")
    );
}

#[test]
fn fixture_counts_add_up_and_a_huge_count_does_not_overflow() {
    let mut report = fixture::web_server();
    assert!(adds_up(&report));
    report.coverage.vulnerable = u64::MAX;
    assert!(!adds_up(&report));
}
