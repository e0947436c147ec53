//! Plans: whatever is in the file, what the guard lets through is what a host may do, and nothing but it.

use crate::Target;
use crate::parts::{join, split};
use jiff::Timestamp;
use overlock_guard::{Approver, Approvers, Host, Permit, Trust, examine, read};
use overlock_model::plan::{
    Action, Artifact, Change, Closure, Digest, Ends, HostEntry, HostId, OnFailure, PlanFile,
    SIGNATURE_NAMESPACE, Step,
};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn host(trust: Trust) -> Host {
    Host::new(HostId::from_random([7; 16]), "debian:12", "amd64", trust)
}

fn parts() -> (HostEntry, Closure) {
    let artifact = |seed: &str| Artifact {
        sha256: Digest::of(seed.as_bytes()),
        size: 1000,
        origin: "example.org/bookworm-security/main".to_owned(),
        path: Some(format!("pool/o/openssl_1%3a{seed}_amd64.deb")),
    };
    let change = |name: &str, action| Change {
        name: name.to_owned(),
        arch: "amd64".to_owned(),
        action,
    };
    let closure = Closure {
        manager: "deb".to_owned(),
        changes: vec![
            change(
                "libnew1",
                Action::Install {
                    to: "1".to_owned(),
                    artifact: artifact("1"),
                },
            ),
            change(
                "openssl",
                Action::Replace {
                    from: "1:2~rc1-1".to_owned(),
                    to: "1:2-1+deb12u1".to_owned(),
                    artifact: artifact("2"),
                    back: Some(artifact("3")),
                },
            ),
        ],
    };
    let steps = vec![
        Step::Evidence {
            reason: "known exploited".to_owned(),
        },
        Step::Fetch {},
        Step::Install {},
        Step::Restart {
            units: vec!["nginx.service".to_owned(), "getty@tty1.service".to_owned()],
        },
        Step::Verify {
            ends: vec![Ends {
                vulnerability: "CVE-2026-0001".to_owned(),
                package: "openssl".to_owned(),
            }],
        },
        Step::Commit {
            confirm_within: Some(600),
        },
    ];
    let entry = HostEntry {
        host: HostId::from_random([7; 16]),
        name: "web-1".to_owned(),
        os: "debian:12".to_owned(),
        closure: closure.digest().expect("canonical"),
        steps,
        on_failure: OnFailure::Revert,
    };
    (entry, closure)
}

/// With all hashes and sums right; `None` where a number is none that a plan can hold.
fn sealed(mut entry: HostEntry, closure: Closure) -> Option<PlanFile> {
    entry.closure = closure.digest().ok()?;
    let (created, expires) = (time("2026-11-23T00:00:00Z"), time("2026-11-24T00:00:00Z"));
    PlanFile::local(entry, closure, 1, None, b"", created, expires).ok()
}

fn judged(plan: &PlanFile, trust: Trust) -> Option<Permit> {
    match examine(plan, &host(trust), time("2026-11-23T12:00:00Z")) {
        Ok(permit) => Some(permit),
        Err(refusal) => {
            let message = refusal.to_string();
            assert!(!message.contains(char::is_control), "{message:?}");
            assert!(!refusal.is_unparsable() && !refusal.hint().is_empty());
            None
        }
    }
}

/// What holds of every plan that is let through, said without the guard's own words (T4, T5).
fn is_harmless(permit: &Permit) {
    let word = |text: &str| {
        assert!(!text.is_empty() && text.len() < 256, "{text:?}");
        assert!(!text.starts_with(['-', '/', '.']), "{text:?}");
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"*?[]$`;|&<>()'\"#!".contains(&byte)),
            "{text:?}"
        );
    };
    for change in &permit.closure().changes {
        assert!(change.to().is_some(), "nothing is removed: {change:?}");
        assert_ne!(change.from(), change.to());
        for text in [
            Some(change.name.as_str()),
            Some(&change.arch),
            change.from(),
            change.to(),
        ] {
            text.into_iter().for_each(word);
        }
        assert!(!change.name.contains(['/', ':', '=']) && !change.spec().ends_with('-'));
        for artifact in [change.artifact(), change.back()].into_iter().flatten() {
            assert!(
                !artifact.origin.starts_with('-') && !artifact.origin.contains(char::is_whitespace)
            );
            let path = artifact.path.as_deref().unwrap_or("a");
            assert!(
                path.split('/')
                    .all(|part| part != ".." && !part.starts_with('-')),
                "{path:?}"
            );
        }
    }
    for step in &permit.entry().steps {
        if let Step::Restart { units } = step {
            for unit in units {
                word(unit);
                assert!(
                    !unit.contains('/') && !unit.ends_with(".target") && !unit.ends_with(".mount")
                );
            }
        }
    }
}

fn signer() -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]))
}

fn armor(plan: &PlanFile) -> String {
    let header = plan.header.bytes().expect("canonical");
    let signature = signer().sign(SIGNATURE_NAMESPACE, HashAlg::Sha512, &header);
    signature
        .expect("signed")
        .to_pem(LineEnding::LF)
        .expect("armor")
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "plan_file",
        seeds: || {
            let (entry, closure) = parts();
            let plan = sealed(entry, closure).unwrap();
            let mut signed = plan.clone();
            signed.signatures.push(armor(&plan));
            vec![plan.bytes().unwrap(), signed.bytes().unwrap()]
        },
        run: |input| {
            let limits = host(Trust::UnsignedLocalAllowed).limits;
            match read(input, &limits) {
                Ok(plan) => {
                    let again = plan.bytes().expect("what was read is canonical");
                    assert_eq!(
                        again.strip_suffix(b"\n"),
                        Some(input.strip_suffix(b"\n").unwrap_or(input))
                    );
                    if let Some(permit) = judged(&plan, Trust::UnsignedLocalAllowed) {
                        is_harmless(&permit);
                    }
                }
                Err(refusal) => assert!(refusal.is_unparsable()),
            }
        },
    },
    // Random bytes never have the right hashes, so the guard's own checks are reached by writing these last.
    Target {
        name: "plan_parts",
        seeds: || {
            let (entry, closure) = parts();
            vec![join([&*entry.bytes().unwrap(), &*closure.bytes().unwrap()])]
        },
        run: |input| {
            let [entry, closure] = split(input);
            let entry = serde_json::from_slice(entry);
            let (Ok(entry), Ok(closure)) = (entry, serde_json::from_slice(closure)) else {
                return;
            };
            let plan = sealed(entry, closure);
            let permit = plan.and_then(|plan| judged(&plan, Trust::UnsignedLocalAllowed));
            permit.iter().for_each(is_harmless);
        },
    },
    Target {
        name: "plan_signature",
        seeds: || {
            let (entry, closure) = parts();
            let armor = armor(&sealed(entry, closure).unwrap());
            // The name of an algorithm with a control character in it.
            let hostile = armor.replacen("AAALc3No", "AAALC3No", 1);
            vec![armor.into_bytes(), hostile.into_bytes()]
        },
        run: |input| {
            let (entry, closure) = parts();
            let mut plan = sealed(entry, closure).expect("a plan");
            let good = armor(&plan);
            let key = signer().public_key().to_openssh().expect("a key");
            let approver = Approver::new("ada", &key).expect("an approver");
            let trust = Trust::Keys(Approvers::new(vec![approver], 1).expect("one of one"));
            plan.signatures = vec![String::from_utf8_lossy(input).into_owned()];
            let is_good = good.trim_end()
                == plan.signatures[0]
                    .strip_suffix('\n')
                    .unwrap_or(&plan.signatures[0]);
            assert_eq!(judged(&plan, trust).is_some(), is_good);
        },
    },
];
