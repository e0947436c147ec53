//! Stories: what happened, and what the reporter did about it. No clock runs, nothing waits.

use super::delay::{BackOff, next_delay};
use super::*;
use overlock_model::plan::Digest;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::{
    Greeting, Message, PollAnswer, Refusal, Renewed, ReportAnswer, Verdict, Wanted,
};

struct Story {
    reporter: Reporter,
    now: Duration,
    random: u64,
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn host(packages: &str) -> SectionDigests {
    SectionDigests::from([
        (Section::System, digest("system")),
        (Section::Packages, digest(packages)),
    ])
}

fn settled(packages: &str) -> Event {
    Event::Looked(Seen {
        digests: host(packages),
        unsettled: false,
    })
}

fn wall(now: Duration) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + now
}

fn greeting(known: SectionDigests) -> Event {
    Event::Greeted(Greeting {
        schema: Greeting::schema(),
        time: wall(Duration::ZERO),
        known,
        hold_seconds: 60,
        renew_after: "2026-01-08T00:00:00Z".parse().unwrap(),
    })
}

fn polled(wanted: Wanted) -> Event {
    Event::Polled(PollAnswer {
        schema: PollAnswer::schema(),
        time: wall(Duration::ZERO),
        wanted,
        next_seconds: 0,
    })
}

fn reported(verdict: Verdict) -> Event {
    Event::Reported(ReportAnswer {
        schema: ReportAnswer::schema(),
        time: wall(Duration::ZERO),
        verdict,
    })
}

fn accepted(packages: &str) -> Event {
    reported(Verdict::Accepted {
        state: state_digest(&host(packages)),
    })
}

fn poll(count: u64, packages: &str) -> Action {
    Action::Send(Request::Poll {
        count,
        state: state_digest(&host(packages)),
        hold_seconds: 60,
    })
}

impl Story {
    fn new() -> Self {
        let now = Duration::from_secs(1000);
        Self {
            reporter: Reporter::new(Pace::DEFAULT, Self::moment(now)),
            now,
            random: 1,
        }
    }

    fn moment(now: Duration) -> Moment {
        Moment {
            since_boot: now,
            wall: wall(now),
        }
    }

    fn take(&mut self, event: Event) -> Vec<Action> {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.reporter
            .take(event, Self::moment(self.now), self.random >> 20)
    }

    /// Time passes until the next deadline.
    fn wait(&mut self) -> Vec<Action> {
        let deadline = self.reporter.deadline();
        assert!(
            deadline < Duration::MAX,
            "it waits for something, not for time"
        );
        self.now = self.now.max(deadline);
        self.take(Event::Deadline)
    }

    /// Time passes until it sends; checks of files on the way find nothing.
    fn wait_to_send(&mut self) -> Request {
        for _ in 0..10_000 {
            for action in self.wait() {
                match action {
                    Action::Send(request) => return request,
                    Action::Check => {}
                    Action::Look => drop(self.take(Event::LookFailed)),
                    Action::Abandon => panic!("nothing to abandon"),
                }
            }
        }
        panic!("it never sends");
    }

    /// A host that is reported and polls.
    fn polling() -> Self {
        let mut story = Self::new();
        story.wait();
        story.take(settled("a"));
        assert_eq!(story.take(greeting(host("a"))), [poll(1, "a")]);
        story
    }
}

#[test]
fn a_new_host_says_hello_looks_and_reports_all() {
    let mut story = Story::new();
    assert_eq!(
        story.take(Event::Deadline),
        [Action::Look, Action::Send(Request::Hello)]
    );
    assert_eq!(story.take(greeting(SectionDigests::new())), []);
    assert_eq!(
        story.take(settled("a")),
        [Action::Send(Request::Report {
            count: 1,
            sections: vec![(Section::System, None), (Section::Packages, None)],
            dropped: vec![],
        })]
    );
    assert_eq!(story.take(accepted("a")), []);
    let Request::Poll { count, state, .. } = story.wait_to_send() else {
        panic!("it polls")
    };
    assert_eq!((count, state), (2, state_digest(&host("a"))));
}

#[test]
fn an_idle_host_does_nothing_but_check_files_and_poll() {
    let mut story = Story::polling();
    let begin = story.now;
    let (mut polls, mut checks) = (1, 0);
    while story.now < begin + Duration::from_secs(3600) {
        // A poll that is held open for a minute; the only deadlines are checks.
        let answer_at = story.now + Duration::from_secs(60);
        while story.reporter.deadline() < answer_at {
            assert_eq!(story.wait(), [Action::Check]);
            checks += 1;
        }
        story.now = answer_at;
        let mut actions = story.take(polled(Wanted::Nothing));
        loop {
            match actions.as_slice() {
                [Action::Send(Request::Poll { .. })] => break,
                [] => {}
                [Action::Check] => checks += 1,
                other => panic!("{other:?}"),
            }
            actions = story.wait();
        }
        polls += 1;
    }
    assert!((55..=62).contains(&polls), "{polls} polls");
    assert!((50..=70).contains(&checks), "{checks} checks");
}

#[test]
fn a_change_ends_the_held_poll_and_goes_as_a_delta() {
    let mut story = Story::polling();
    assert_eq!(story.take(Event::Changed), [Action::Look]);
    assert_eq!(
        story.take(settled("b")),
        [
            Action::Abandon,
            Action::Send(Request::Report {
                count: 2,
                sections: vec![(Section::Packages, Some(digest("a")))],
                dropped: vec![],
            })
        ]
    );
    story.take(accepted("b"));
    assert!(matches!(
        story.wait_to_send(),
        Request::Poll { count: 3, .. }
    ));
}

#[test]
fn a_look_that_finds_nothing_leaves_the_poll_alone() {
    let mut story = Story::polling();
    assert_eq!(story.take(Event::Changed), [Action::Look]);
    assert_eq!(story.take(settled("a")), []);
}

#[test]
fn a_change_during_a_look_is_looked_at_again() {
    let mut story = Story::polling();
    assert_eq!(story.take(Event::Changed), [Action::Look]);
    assert_eq!(story.take(Event::Changed), []);
    assert_eq!(story.take(settled("a")), [Action::Look]);
}

#[test]
fn a_server_that_cannot_use_a_delta_gets_everything() {
    let mut story = Story::polling();
    story.take(Event::Changed);
    story.take(settled("b"));
    let send_all = || {
        reported(Verdict::SendAll {
            sections: vec![Section::Packages],
            known: host("x"),
        })
    };
    assert_eq!(
        story.take(send_all()),
        [Action::Send(Request::Report {
            count: 3,
            sections: vec![(Section::Packages, None)],
            dropped: vec![],
        })]
    );
    // Asking again for what came in full goes round slowly, beginning with a hello.
    assert_eq!(story.take(send_all()), []);
    assert!(story.reporter.deadline() > story.now + Duration::from_secs(1));
    assert_eq!(story.wait_to_send(), Request::Hello);
}

#[test]
fn a_server_that_lost_a_host_gets_all_of_it() {
    let mut story = Story::polling();
    assert_eq!(
        story.take(polled(Wanted::Report {
            known: SectionDigests::new()
        })),
        [Action::Send(Request::Report {
            count: 2,
            sections: vec![(Section::System, None), (Section::Packages, None)],
            dropped: vec![],
        })]
    );
}

#[test]
fn a_section_that_was_switched_off_is_dropped() {
    let mut story = Story::new();
    story.wait();
    let only_system = SectionDigests::from([(Section::System, digest("system"))]);
    story.take(Event::Looked(Seen {
        digests: only_system,
        unsettled: false,
    }));
    assert_eq!(
        story.take(greeting(host("a"))),
        [Action::Send(Request::Report {
            count: 1,
            sections: vec![],
            dropped: vec![Section::Packages],
        })]
    );
}

#[test]
fn a_server_that_stores_something_else_is_not_believed() {
    let mut story = Story::polling();
    story.take(Event::Changed);
    story.take(settled("b"));
    assert_eq!(story.take(accepted("c")), []);
    assert_eq!(story.wait_to_send(), Request::Hello);
}

#[test]
fn a_state_that_differs_though_all_sections_are_equal_begins_anew_and_slowly() {
    let mut story = Story::polling();
    assert_eq!(story.take(polled(Wanted::Report { known: host("a") })), []);
    assert!(story.reporter.deadline() > story.now + Duration::from_secs(1));
    assert_eq!(story.wait_to_send(), Request::Hello);
}

#[test]
fn an_outage_is_met_with_longer_and_longer_waits_and_no_new_hello() {
    let mut story = Story::polling();
    let mut waits = Vec::new();
    assert_eq!(story.take(Event::Failed), []);
    for _ in 0..20 {
        let before = story.now;
        assert!(matches!(story.wait_to_send(), Request::Poll { .. }));
        waits.push(story.now - before);
        assert_eq!(story.take(Event::Failed), []);
    }
    assert!(waits.iter().all(|wait| *wait >= Duration::from_secs(1)));
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(120)));
    assert!(
        waits[10..]
            .iter()
            .any(|wait| *wait > Duration::from_secs(30))
    );
    // What is found meanwhile waits with the rest.
    story.take(Event::Changed);
    assert_eq!(story.take(settled("b")), []);
    assert!(matches!(story.wait_to_send(), Request::Report { .. }));
}

#[test]
fn a_server_that_forgot_the_instance_is_greeted_at_once_but_not_in_a_circle() {
    let forgot = || Event::Refused(Refusal::new(RefusalCode::HelloFirst, "who are you?"));
    let mut story = Story::polling();
    assert_eq!(story.take(forgot()), [Action::Send(Request::Hello)]);
    assert_eq!(story.take(forgot()), []);
    assert_eq!(story.wait_to_send(), Request::Hello);
}

#[test]
fn refusals_that_do_not_pass_are_met_slowly() {
    for (code, least) in [
        (RefusalCode::Revoked, 3000),
        (RefusalCode::Invalid, 3000),
        (RefusalCode::Quarantined, 500),
        (RefusalCode::Unconfirmed, 10),
    ] {
        let mut story = Story::polling();
        assert_eq!(story.take(Event::Refused(Refusal::new(code, ""))), []);
        let before = story.now;
        assert_eq!(story.wait_to_send(), Request::Hello);
        assert!(story.now - before >= Duration::from_secs(least), "{code:?}");
    }
}

#[test]
fn a_busy_server_says_when_and_is_bounded() {
    let mut story = Story::polling();
    let busy = Event::Refused(Refusal {
        retry_seconds: Some(u32::MAX),
        ..Refusal::new(RefusalCode::Busy, "")
    });
    story.take(busy);
    let before = story.now;
    assert!(matches!(story.wait_to_send(), Request::Poll { .. }));
    assert!(story.now - before <= Duration::from_secs(3960));
}

#[test]
fn a_server_that_answers_at_once_cannot_make_it_spin() {
    let mut story = Story::polling();
    for _ in 0..50 {
        let before = story.now;
        assert_eq!(story.take(polled(Wanted::Nothing)), []);
        story.wait_to_send();
        assert!(story.now - before >= Duration::from_millis(900));
    }
}

#[test]
fn somebody_asks_for_a_look() {
    let mut story = Story::polling();
    assert_eq!(story.take(polled(Wanted::LookNow)), [Action::Look]);
    assert!(
        matches!(story.wait(), actions if matches!(actions[..], [Action::Send(Request::Poll { .. })]))
    );
    assert!(matches!(
        story.take(settled("b"))[..],
        [Action::Abandon, Action::Send(Request::Report { .. })]
    ));
}

#[test]
fn after_sleep_it_looks_and_asks_anew() {
    let mut story = Story::polling();
    story.now += Duration::from_secs(8 * 3600);
    assert_eq!(
        story.take(Event::Woke)[..2],
        [Action::Abandon, Action::Look]
    );
    let before = story.now;
    assert!(matches!(story.wait_to_send(), Request::Poll { .. }));
    assert!(story.now - before <= Duration::from_secs(5));
}

#[test]
fn an_unsettled_host_is_looked_at_often_and_a_settled_one_seldom() {
    for (unsettled, least, most) in [(true, 240, 360), (false, 10 * 3600, 14 * 3600)] {
        let mut story = Story::new();
        story.wait();
        story.take(Event::Looked(Seen {
            digests: host("a"),
            unsettled,
        }));
        let before = story.now;
        while !story.wait().contains(&Action::Look) {}
        let after = (story.now - before).as_secs();
        assert!((least..=most).contains(&after), "{unsettled} {after}");
    }
}

#[test]
fn a_look_that_failed_is_tried_again_and_what_was_seen_stands() {
    let mut story = Story::polling();
    assert_eq!(story.take(Event::Changed), [Action::Look]);
    assert_eq!(story.take(Event::LookFailed), []);
    assert_eq!(story.reporter.seen().unwrap().digests, host("a"));
    let before = story.now;
    while !story.wait().contains(&Action::Look) {}
    assert!((story.now - before).as_secs() <= 360);
}

#[test]
fn a_certificate_is_renewed_when_it_is_time_and_a_failure_keeps_reports_going() {
    let mut story = Story::polling();
    story.now += Duration::from_secs(7 * 24 * 3600 + 600);
    story.take(polled(Wanted::Nothing));
    assert!(matches!(story.wait_to_send(), Request::Renew { .. }));
    story.take(Event::Refused(Refusal::new(RefusalCode::Busy, "")));
    assert!(matches!(story.wait_to_send(), Request::Poll { .. }));
    story.now += Duration::from_secs(700);
    story.take(polled(Wanted::Nothing));
    assert!(matches!(story.wait_to_send(), Request::Renew { .. }));
    let renewed = Event::Renewed(Renewed {
        schema: Renewed::schema(),
        certificate: String::new(),
        expires: "2026-01-22T00:00:00Z".parse().unwrap(),
        renew_after: "2026-01-15T00:00:00Z".parse().unwrap(),
    });
    assert!(matches!(
        story.take(renewed)[..],
        [Action::Send(Request::Poll { .. })]
    ));
}

#[test]
fn the_server_may_ask_for_a_new_certificate() {
    let mut story = Story::polling();
    story.take(polled(Wanted::Renew));
    assert!(matches!(story.wait_to_send(), Request::Renew { .. }));
}

#[test]
fn ten_thousand_agents_come_back_within_five_minutes_of_an_outage_and_never_all_at_once() {
    let mut seconds = vec![0_u32; 301];
    for agent in 0..10_000_u64 {
        let random = |n: u64| (agent * 31 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 13;
        // Down for an hour: each has failed often by now, and its next try falls somewhere into its wait.
        let first =
            next_delay(BackOff::DEFAULT, 40, random(1)).mul_f64((random(2) % 1000) as f64 / 1000.0);
        seconds[first.as_secs() as usize] += 1;
    }
    let worst = seconds.iter().max().unwrap();
    assert!(*worst < 400, "{worst} agents in one second");
    assert_eq!(seconds[121..].iter().sum::<u32>(), 0);
}
