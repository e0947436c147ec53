//! The wire as it was when this version went out: recorded messages, byte for byte.
//!
//! Agents in the field speak these bytes for years. A file here is never changed; a new version of a message gets a file
//! of its own, and this one stays as N-1. `OVERLOCK_BLESS=1` writes files that are missing and changes none.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a story that does not go as told ends there"
)]

use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use overlock_protocol::check_in::Instance;
use overlock_protocol::message::RefusalCode;
use overlock_protocol::socket::{Answer, Ask, Question, Tell};
use overlock_protocol::*;
use std::fmt::Debug;
use std::path::PathBuf;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-23T12:00:00.123456Z")
}

fn host() -> HostId {
    HostId::from_random([7; 16])
}

fn instance() -> Instance {
    Instance::from_random([1, 2, 3, 4, 5, 6, 7, 8])
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn known() -> SectionDigests {
    SectionDigests::from([
        (Section::System, digest("system")),
        (Section::Packages, digest("packages")),
    ])
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"))
}

/// Today's code reads the recorded bytes as this message, and writes this message as the recorded bytes. One byte more
/// than its limit is refused before anything is parsed, and exactly the limit is not.
fn holds<M: Message + PartialEq + Debug>(name: &str, message: &M) {
    let path = path(name);
    if !path.exists() && std::env::var_os("OVERLOCK_BLESS").is_some() {
        let mut bytes = message.to_bytes().unwrap();
        bytes.push(b'\n');
        std::fs::write(&path, bytes).unwrap();
    }
    let recorded =
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let recorded = recorded.strip_suffix(b"\n").unwrap();
    assert_eq!(
        M::parse(recorded, &Limits::WIRE).as_ref(),
        Ok(message),
        "{name}"
    );
    assert_eq!(
        String::from_utf8(message.to_bytes().unwrap()).unwrap(),
        String::from_utf8(recorded.to_vec()).unwrap(),
        "{name}"
    );
    let limit = match M::KIND {
        Kind::Small => Limits::WIRE.message_bytes,
        Kind::Report => Limits::WIRE.unpacked_bytes,
    };
    let mut padded = recorded.to_vec();
    padded.resize(usize::try_from(limit).unwrap(), b' ');
    assert_eq!(
        M::parse(&padded, &Limits::WIRE).as_ref(),
        Ok(message),
        "{name}"
    );
    padded.push(b' ');
    assert_eq!(
        M::parse(&padded, &Limits::WIRE),
        Err(MessageError::Size {
            name: M::NAME,
            bytes: limit + 1,
            limit
        }),
        "{name}"
    );
    // Neither the version after this one nor another kind is guessed.
    let text = String::from_utf8(recorded.to_vec()).unwrap();
    let newer = text.replacen("/1\"", "/2\"", 1);
    assert!(matches!(
        M::parse(newer.as_bytes(), &Limits::WIRE),
        Err(MessageError::Schema { .. })
    ));
}

#[test]
fn enrolment() {
    holds(
        "enrol",
        &Enrol {
            schema: Enrol::schema(),
            secret: "ab".repeat(32),
            host: host(),
            name: "web-1".into(),
            machine_id: "0123456789abcdef0123456789abcdef".into(),
            agent: "0.1.0".into(),
            request:
                "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
                    .into(),
        },
    );
    holds(
        "enrolled",
        &Enrolled {
            schema: Enrolled::schema(),
            host: host(),
            certificate: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".into(),
            authority: "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n".into(),
            expires: at("2026-12-07T12:00:00Z"),
            renew_after: at("2026-11-30T12:00:00Z"),
            needs_confirmation: true,
        },
    );
    holds(
        "renew",
        &Renew {
            schema: Renew::schema(),
            host: host(),
            instance: instance(),
            count: 43,
            request:
                "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
                    .into(),
        },
    );
    holds(
        "renewed",
        &Renewed {
            schema: Renewed::schema(),
            certificate: "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n".into(),
            expires: at("2026-12-14T12:00:00Z"),
            renew_after: at("2026-12-07T12:00:00Z"),
        },
    );
}

#[test]
fn check_in() {
    holds(
        "hello",
        &Hello {
            schema: Hello::schema(),
            host: host(),
            instance: instance(),
            agent: "0.1.0".into(),
            machine_id: "0123456789abcdef0123456789abcdef".into(),
            boot_id: "7d0f6c1e-0000-4000-8000-000000000001".into(),
            time: now(),
            switched_off: [Section::Languages, Section::Labels].into(),
            helper: true,
        },
    );
    holds(
        "greeting",
        &Greeting {
            schema: Greeting::schema(),
            time: now(),
            known: known(),
            hold_seconds: 300,
            renew_after: at("2026-11-30T12:00:00Z"),
        },
    );
    holds(
        "poll",
        &Poll {
            schema: Poll::schema(),
            host: host(),
            instance: instance(),
            count: 42,
            state: state_digest(&known()),
            hold_seconds: 300,
        },
    );
    for (name, wanted) in [
        ("poll-answer-nothing", Wanted::Nothing),
        ("poll-answer-report", Wanted::Report { known: known() }),
        ("poll-answer-look-now", Wanted::LookNow),
        ("poll-answer-renew", Wanted::Renew),
    ] {
        holds(
            name,
            &PollAnswer {
                schema: PollAnswer::schema(),
                time: now(),
                wanted,
                next_seconds: 0,
            },
        );
    }
}

#[test]
fn an_unchanged_check_in_is_a_kilobyte_at_most_each_way() {
    for name in ["poll", "poll-answer-nothing"] {
        assert!(
            std::fs::metadata(path(name)).unwrap().len() <= 1024,
            "{name}"
        );
    }
}

#[test]
fn reports() {
    let full = SectionContent::of(["a", "b"]).unwrap();
    let after = SectionContent::of(["a", "c"]).unwrap();
    holds(
        "report",
        &Report {
            schema: Report::schema(),
            host: host(),
            instance: instance(),
            count: 43,
            collected: now(),
            sections: vec![
                SectionReport {
                    section: Section::System,
                    digest: full.digest(),
                    update: Update::Full {
                        lines: full.lines().to_vec(),
                    },
                },
                SectionReport {
                    section: Section::Packages,
                    digest: after.digest(),
                    update: Update::Delta {
                        base: full.digest(),
                        delta: Delta::between(&full, &after),
                    },
                },
            ],
            dropped: vec![Section::Processes],
        },
    );
    for (name, verdict) in [
        (
            "report-answer-accepted",
            Verdict::Accepted {
                state: state_digest(&known()),
            },
        ),
        (
            "report-answer-send-all",
            Verdict::SendAll {
                sections: vec![Section::Packages],
                known: known(),
            },
        ),
    ] {
        holds(
            name,
            &ReportAnswer {
                schema: ReportAnswer::schema(),
                time: now(),
                verdict,
            },
        );
    }
}

#[test]
fn refusals() {
    for (name, code) in [
        ("refusal-token-refused", RefusalCode::TokenRefused),
        ("refusal-revoked", RefusalCode::Revoked),
        ("refusal-quarantined", RefusalCode::Quarantined),
        ("refusal-unconfirmed", RefusalCode::Unconfirmed),
        ("refusal-invalid", RefusalCode::Invalid),
        ("refusal-hello-first", RefusalCode::HelloFirst),
    ] {
        holds(name, &Refusal::new(code, "why"));
    }
    holds(
        "refusal-busy",
        &Refusal {
            retry_seconds: Some(30),
            ..Refusal::new(RefusalCode::Busy, "the database is away")
        },
    );
}

#[test]
fn reporter_and_helper() {
    for (name, what) in [
        ("ask-status", Question::Status),
        (
            "ask-look",
            Question::Look {
                sections: vec![Section::Processes, Section::Unseen],
            },
        ),
        (
            "ask-apply",
            Question::Apply {
                plan: "{\"schema\":\"overlock.plan-file/1\"}".into(),
            },
        ),
    ] {
        holds(
            name,
            &Ask {
                schema: Ask::schema(),
                what,
            },
        );
    }
    for (name, what) in [
        (
            "tell-here",
            Answer::Here {
                version: "0.1.0".into(),
            },
        ),
        (
            "tell-seen",
            Answer::Seen {
                sections: vec![(Section::Processes, vec!["{\"complete\":true}".into()])],
            },
        ),
        (
            "tell-started",
            Answer::Started {
                plan: digest("plan"),
            },
        ),
        (
            "tell-refused",
            Answer::Refused {
                why: "nobody may approve plans on this host".into(),
            },
        ),
    ] {
        holds(
            name,
            &Tell {
                schema: Tell::schema(),
                what,
            },
        );
    }
}
