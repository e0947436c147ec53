//! The wire: what a host that lies can send a server, what a server that lies can answer an agent, and what a reporter
//! that was taken over can say to the root helper.
//!
//! The recorded messages are the seeds. What is read is written and read again as the same. A report goes on to the
//! server's next step, contents and inventory; since no mutation hits a digest by chance, it goes there a second time with
//! the digests set right.

use super::documents::INVENTORY;
use crate::Target;
use crate::parts::{join, split};
use overlock_model::plan::{Digest, HostId};
use overlock_packages::inventory;
use overlock_protocol::check_in::Instance;
use overlock_protocol::content::{self, Labels, Sections};
use overlock_protocol::enrol::EnrolToken;
use overlock_protocol::report::Taken;
use overlock_protocol::socket::{Ask, Tell};
use overlock_protocol::{
    Delta, Enrol, Enrolled, Greeting, Hello, Limits, Message, Poll, PollAnswer, Refusal, Renew,
    Renewed, Report, ReportAnswer, SectionContent, SectionReport, Update,
};
use std::fmt::Debug;

/// Recorded messages by the names of their files.
macro_rules! recorded {
    ($($name:literal),+) => {
        vec![$(include_bytes!(concat!("../../../crates/protocol/tests/golden/", $name, ".json")).to_vec()),+]
    };
}

const BEFORE: &str = "{\"name\":\"bash\",\"type\":\"deb\",\"version\":\"5.2.15-2\"}\n{\"name\":\"openssl\",\"type\":\"deb\",\"version\":\"3.0.11-1\"}";

/// Reads a message; one that can be read comes back from its own bytes.
fn comes_back<M: Message + PartialEq + Debug>(input: &[u8]) -> Option<M> {
    let message = M::parse(input, &Limits::WIRE).ok()?;
    let bytes = message.to_bytes().expect("a message can be written");
    // Parts that may be left out are written, which may lift a message above its limit.
    if bytes.len() <= input.len() {
        assert_eq!(M::parse(&bytes, &Limits::WIRE).as_ref(), Ok(&message));
    }
    Some(message)
}

/// Takes a section as the server does. What is taken has the digest that the report states, and is within the limits.
fn take(report: SectionReport, base: &SectionContent) -> Option<SectionContent> {
    let stated = report.digest;
    match report.take(Some(base), &Limits::WIRE) {
        Ok(Taken::Content(taken)) => {
            assert_eq!(taken.digest(), stated);
            let again = SectionContent::checked(taken.lines().to_vec(), &Limits::WIRE);
            assert_eq!(again.as_ref(), Ok(&taken));
            Some(taken)
        }
        Ok(Taken::SendAll) | Err(_) => None,
    }
}

/// The same section as a host would send it that has this content, and another before.
fn sealed(mut report: SectionReport, before: &SectionContent) -> SectionReport {
    report.digest = match &mut report.update {
        Update::Full { lines } => Digest::of(lines.join("\n").as_bytes()),
        Update::Delta { base, delta } => {
            *base = before.digest();
            let after = delta.clone().apply(before, &Limits::WIRE);
            after.map_or(report.digest, |after| after.digest())
        }
    };
    report
}

/// A report against what is there: each section as it came and with its digests set right.
fn report(input: &[u8]) {
    let [before, message] = split(input);
    let before = String::from_utf8_lossy(before);
    let Ok(before) = SectionContent::from_text(&before, &Limits::WIRE) else {
        return;
    };
    let Some(report) = comes_back::<Report>(message) else {
        return;
    };
    let mut sections = Sections::new();
    for section in report.sections {
        let name = section.section;
        take(section.clone(), &before);
        if let Some(taken) = take(sealed(section, &before), &before) {
            sections.insert(name, taken);
        }
    }
    // What no inventory is, is said to be none.
    let _ = content::inventory(&sections);
    let _ = content::labels(&sections, &Limits::WIRE);
}

/// A delta that fits leads to what the delta between both leads to.
fn delta(input: &[u8]) {
    let [before, delta] = split(input);
    let before = String::from_utf8_lossy(before);
    let Ok(before) = SectionContent::from_text(&before, &Limits::WIRE) else {
        return;
    };
    let Ok(delta) = serde_json::from_slice::<Delta>(delta) else {
        return;
    };
    if let Ok(after) = delta.apply(&before, &Limits::WIRE) {
        let between = Delta::between(&before, &after);
        assert_eq!(between.apply(&before, &Limits::WIRE), Ok(after));
    }
}

/// A whole host.
fn whole() -> Vec<u8> {
    let inventory = inventory::parse(INVENTORY.as_bytes()).expect("an inventory");
    let labels = Labels::from([("team".to_owned(), "db".to_owned())]);
    let sections = content::sections(&inventory, &labels).expect("canonical");
    let report = Report {
        schema: Report::schema(),
        host: HostId::from_random([7; 16]),
        instance: Instance::from_random([1; 8]),
        count: 1,
        collected: inventory.collected.expect("it says when"),
        sections: sections
            .into_iter()
            .map(|(section, content)| SectionReport {
                section,
                digest: content.digest(),
                update: Update::Full {
                    lines: content.lines().to_vec(),
                },
            })
            .collect(),
        dropped: Vec::new(),
    };
    report.to_bytes().expect("a message can be written")
}

/// Against [`BEFORE`]: one line goes, one comes.
fn deltas() -> Vec<Vec<u8>> {
    let before = SectionContent::from_text(BEFORE, &Limits::WIRE).expect("lines in order");
    let text = BEFORE.replace("5.2.15-2", "5.2.15-3");
    let after = SectionContent::from_text(&text, &Limits::WIRE).expect("lines in order");
    let delta = Delta::between(&before, &after);
    vec![serde_json::to_vec(&delta).expect("a delta can be written")]
}

fn onto(before: &str, messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let joined = |message: &Vec<u8>| join([before.as_bytes(), message.as_slice()]);
    messages.iter().map(joined).collect()
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "wire_hello",
        seeds: || recorded!("hello"),
        run: |input| drop(comes_back::<Hello>(input)),
    },
    Target {
        name: "wire_report",
        seeds: || {
            [
                onto("\"a\"\n\"b\"", recorded!("report")),
                onto("", vec![whole()]),
            ]
            .concat()
        },
        run: report,
    },
    Target {
        name: "wire_delta",
        seeds: || onto(BEFORE, deltas()),
        run: delta,
    },
    Target {
        name: "wire_poll",
        seeds: || recorded!("poll"),
        run: |input| drop(comes_back::<Poll>(input)),
    },
    Target {
        name: "wire_enrol",
        seeds: || recorded!("enrol"),
        run: |input| drop(comes_back::<Enrol>(input)),
    },
    Target {
        name: "wire_renew",
        seeds: || recorded!("renew"),
        run: |input| drop(comes_back::<Renew>(input)),
    },
    Target {
        name: "wire_token",
        seeds: || {
            let token = EnrolToken::new(&[1; 32], &[7; 32]);
            vec![token.reveal().into_bytes()]
        },
        run: |input| {
            let text = String::from_utf8_lossy(input).into_owned();
            if let Ok(token) = EnrolToken::try_from(text.clone()) {
                assert_eq!(token.reveal(), text);
            }
        },
    },
    Target {
        name: "wire_answers",
        seeds: || {
            recorded!(
                "enrolled",
                "greeting",
                "poll-answer-look-now",
                "poll-answer-report",
                "refusal-busy",
                "renewed",
                "report-answer-accepted",
                "report-answer-send-all"
            )
        },
        run: |input| {
            comes_back::<Enrolled>(input);
            comes_back::<Greeting>(input);
            comes_back::<PollAnswer>(input);
            comes_back::<Refusal>(input);
            comes_back::<Renewed>(input);
            comes_back::<ReportAnswer>(input);
        },
    },
    Target {
        name: "wire_helper",
        seeds: || {
            recorded!(
                "ask-apply",
                "ask-look",
                "ask-status",
                "tell-here",
                "tell-refused",
                "tell-seen",
                "tell-started"
            )
        },
        run: |input| {
            comes_back::<Ask>(input);
            comes_back::<Tell>(input);
        },
    },
];
