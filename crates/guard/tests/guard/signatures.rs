//! T1, T2, REQ-2: a plan that not enough different people signed is carried out nowhere.

use crate::world::{Draft, NOW, at, for_hosts, host};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use overlock_guard::{Approver, Approvers, Host, Permit, Refusal, Trust, TrustError, examine};
use overlock_model::plan::{Digest, PlanFile, SIGNATURE_NAMESPACE};
use proptest::prelude::*;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

pub fn seeded(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn sign_in(namespace: &str, plan: &PlanFile, key: &PrivateKey) -> String {
    let signature = key.sign(namespace, HashAlg::Sha512, &plan.header.bytes().unwrap());
    signature.unwrap().to_pem(LineEnding::LF).unwrap()
}

pub fn sign(plan: &PlanFile, key: &PrivateKey) -> String {
    sign_in(SIGNATURE_NAMESPACE, plan, key)
}

fn approver(name: &str, key: &PrivateKey) -> Approver {
    Approver::new(name, &key.public_key().to_openssh().unwrap()).unwrap()
}

pub fn approvers(keys: &[(&str, u8)], threshold: usize) -> Approvers {
    let keys = keys
        .iter()
        .map(|(name, seed)| approver(name, &seeded(*seed)));
    Approvers::new(keys.collect(), threshold).unwrap()
}

fn trusting(approvers: Approvers) -> Host {
    Host {
        trust: Trust::Keys(approvers),
        ..host()
    }
}

fn judge(host: &Host, sign_by: &[u8]) -> Result<Permit, Refusal> {
    let mut plan = Draft::new().seal();
    plan.signatures = sign_by
        .iter()
        .map(|seed| sign(&plan, &seeded(*seed)))
        .collect();
    examine(&plan, host, at(NOW))
}

#[test]
fn t1_plan_that_nobody_approved_is_refused() {
    let host = trusting(approvers(&[("ada", 1), ("bob", 2)], 2));
    assert!(judge(&host, &[1, 2]).is_ok());
    assert!(matches!(
        judge(&host, &[]),
        Err(Refusal::Unsigned { needed: 2 })
    ));
    // The server's own key, or an attacker's, counts for nothing, and the refusal names it.
    let refusal = judge(&host, &[1, 66]).unwrap_err();
    let fingerprint = seeded(66).fingerprint(HashAlg::Sha256).to_string();
    let message = refusal.to_string();
    assert!(
        matches!(refusal, Refusal::TooFewApprovals { needed: 2, .. }),
        "{refusal:?}"
    );
    assert!(
        message.contains("`ada`") && message.contains(&fingerprint) && !message.contains("`bob`"),
        "{message}"
    );
    assert!(
        judge(&host, &[66, 2, 1]).is_ok(),
        "an unknown key does no harm"
    );
}

#[test]
fn t2_one_person_is_one_approval_with_any_number_of_keys() {
    let host = trusting(approvers(&[("ada", 1), ("ada", 3), ("bob", 2)], 2));
    for one in [&[1, 1][..], &[1, 3], &[3, 1, 3, 1], &[2, 2]] {
        assert!(
            matches!(judge(&host, one), Err(Refusal::TooFewApprovals { .. })),
            "{one:?}"
        );
    }
    assert!(judge(&host, &[3, 2]).is_ok());
}

proptest! {
    /// T2: no set of signers below the threshold passes, and every other does.
    #[test]
    fn t2_threshold_is_of_distinct_identities(
        signers in prop::collection::vec(1_u8..9, 0..6), threshold in 1_usize..4,
    ) {
        // Keys 1..=6 belong to three people, two each; 7 and 8 to nobody.
        let names = ["ada", "bob", "cyd"];
        let keys: Vec<(&str, u8)> = (1..=6).map(|seed: u8| (names[usize::from(seed) % 3], seed)).collect();
        let distinct: BTreeSet<u8> = signers.iter().filter(|seed| **seed <= 6).map(|seed| seed % 3).collect();
        let accepted = judge(&trusting(approvers(&keys, threshold)), &signers).is_ok();
        prop_assert_eq!(accepted, distinct.len() >= threshold);
    }
}

#[test]
fn signature_over_anything_else_is_refused() {
    let host = trusting(approvers(&[("ada", 1)], 1));
    let with = |signature: String| {
        let mut plan = Draft::new().seal();
        plan.signatures = vec![signature];
        examine(&plan, &host, at(NOW)).map(drop)
    };
    let plan = Draft::new().seal();
    let good = sign(&plan, &seeded(1));
    assert!(with(good.clone()).is_ok());
    assert!(with(good.trim_end().to_owned()).is_ok());
    let other = Draft::with(|draft| draft.generation = 2).seal();
    for wrong in [
        sign(&other, &seeded(1)),
        sign_in("file", &plan, &seeded(1)),
        sign_in("overlock-plan-v2", &plan, &seeded(1)),
    ] {
        assert!(matches!(with(wrong), Err(Refusal::SignatureWrong { .. })));
    }
    for unreadable in [
        String::new(),
        "x".to_owned(),
        good.replace('\n', "\r\n"),
        format!("{good}{good}"),
        format!("# comment\n{good}"),
        good.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        good[..good.len() / 2].to_owned(),
        "x".repeat(1 << 20),
        // A name of an algorithm with a control character in it, which the reader of signatures quotes.
        good.replacen("AAALc3No", "AAALC3No", 1),
    ] {
        let judged = with(unreadable);
        if let Err(refusal) = &judged {
            assert!(!refusal.to_string().contains(char::is_control), "{refusal}");
        }
        assert!(
            matches!(judged, Err(Refusal::SignatureUnreadable { .. })),
            "{judged:?}"
        );
    }
}

#[test]
fn more_signatures_than_are_looked_at_are_refused() {
    let host = trusting(approvers(&[("ada", 1)], 1));
    assert!(matches!(
        judge(&host, &[1; 65]),
        Err(Refusal::TooManySignatures { count: 65, max: 64 })
    ));
}

#[test]
fn signatures_that_nobody_can_check_are_refused() {
    assert!(matches!(
        judge(&host(), &[1]),
        Err(Refusal::SignaturesWithoutTrust { count: 1 })
    ));
}

/// A signed plan of the host's own fleet is for many hosts; one of another fleet is not for this one.
#[test]
fn signed_fleet_plan_is_for_its_fleet() {
    let mut plan = for_hosts(&[6, 7, 8], "berlin");
    plan.signatures = vec![sign(&plan, &seeded(1))];
    let member = |fleet: Option<&str>| Host {
        fleet: fleet.map(str::to_owned),
        ..trusting(approvers(&[("ada", 1)], 1))
    };
    let permit = examine(&plan, &member(Some("berlin")), at(NOW)).unwrap();
    assert_eq!(permit.entry().name, "web-7");
    for other in [None, Some("hamburg")] {
        let judged = examine(&plan, &member(other), at(NOW));
        assert!(
            matches!(judged, Err(Refusal::OtherFleet { .. })),
            "{judged:?}"
        );
    }
}

#[test]
fn trust_root_that_means_less_than_it_says_is_refused() {
    let keys = || vec![approver("ada", &seeded(1)), approver("ada", &seeded(3))];
    for threshold in [0, 2] {
        let judged = Approvers::new(keys(), threshold).map(drop);
        assert_eq!(
            judged,
            Err(TrustError::Threshold {
                threshold,
                approvers: 1
            })
        );
    }
    let shared = vec![approver("ada", &seeded(1)), approver("bob", &seeded(1))];
    assert!(matches!(
        Approvers::new(shared, 1),
        Err(TrustError::SharedKey { .. })
    ));
    assert!(matches!(
        Approver::new("ada", "ssh-ed25519 AAAA"),
        Err(TrustError::Key { .. })
    ));
    let key = seeded(1).public_key().to_openssh().unwrap();
    assert!(matches!(Approver::new("", &key), Err(TrustError::Name)));
}

/// The two kinds of security keys that OpenSSH knows.
#[derive(Debug, Clone, Copy)]
enum Token {
    Ed25519,
    Ecdsa,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    out.extend(bytes);
    out
}

/// A positive number of RFC 4251, section 5: no zeros in front but the one that keeps it positive.
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = bytes
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect();
    let sign: &[u8] = if digits[0] & 0x80 == 0 { &[] } else { &[0] };
    string(&[sign, &digits].concat())
}

/// A signature of a security key, built by hand from `PROTOCOL.u2f` and `PROTOCOL.sshsig`.
fn hardware(plan: &PlanFile, token: Token, flags: u8) -> (Approver, String) {
    let application = b"ssh:";
    let header = plan.header.bytes().unwrap();
    let message = SshSig::signed_data(SIGNATURE_NAMESPACE, HashAlg::Sha512, &header).unwrap();
    let tail = [&[flags][..], &7_u32.to_be_bytes()].concat();
    let hashes = [Digest::of(application), Digest::of(&message)];
    let signed = [&hashes[0].bytes()[..], &tail, &hashes[1].bytes()[..]].concat();
    let (kind, key, made) = match token {
        Token::Ed25519 => {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
            let made = pair.sign(&signed).as_ref().to_vec();
            (
                "sk-ssh-ed25519@openssh.com",
                string(pair.public_key().as_ref()),
                made,
            )
        }
        Token::Ecdsa => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let made = pair.sign(&SystemRandom::new(), &signed).unwrap();
            let (r, s) = made.as_ref().split_at(32);
            let key = [string(b"nistp256"), string(pair.public_key().as_ref())].concat();
            (
                "sk-ecdsa-sha2-nistp256@openssh.com",
                key,
                [mpint(r), mpint(s)].concat(),
            )
        }
    };
    let key = [string(kind.as_bytes()), key, string(application)].concat();
    let signature = [string(kind.as_bytes()), string(&made), tail].concat();
    let blob = [
        b"SSHSIG".to_vec(),
        1_u32.to_be_bytes().to_vec(),
        string(&key),
        string(SIGNATURE_NAMESPACE.as_bytes()),
        string(b""),
        string(b"sha512"),
        string(&signature),
    ];
    let text = base64(&blob.concat());
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(70)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    let armor = format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        lines.join("\n")
    );
    let line = format!("{kind} {}", base64(&key));
    (Approver::new("ada", &line).unwrap(), armor)
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let bits = part
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - part.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= part.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// T1: malware on an approver's machine can use a security key that nobody touches.
#[test]
fn t1_security_key_must_have_been_touched() {
    for token in [Token::Ed25519, Token::Ecdsa] {
        for (flags, good) in [(1, true), (5, true), (0, false), (4, false)] {
            let mut plan = Draft::new().seal();
            let (approver, armor) = hardware(&plan, token, flags);
            let host = trusting(Approvers::new(vec![approver], 1).unwrap());
            plan.signatures = vec![armor];
            match examine(&plan, &host, at(NOW)) {
                Ok(_) => assert!(good, "{token:?} {flags}"),
                Err(refusal) => {
                    let fits = matches!(refusal, Refusal::SignatureUntouched { .. });
                    assert!(!good && fits, "{token:?} {flags}: {refusal}");
                }
            }
        }
    }
}

fn keygen(program: &Path, arguments: &[&str]) {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "{arguments:?}");
}

/// What OpenSSH's own program signs is what is verified, for each kind of key that it makes here.
#[test]
fn signatures_of_ssh_keygen_are_verified() {
    let Some(program) =
        overlock_testkit::tool("signatures_of_ssh_keygen_are_verified", "ssh-keygen")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut plan = Draft::new().seal();
    let header = path("header.json");
    std::fs::write(&header, plan.header.bytes().unwrap()).unwrap();
    let mut keys = Vec::new();
    for (name, arguments) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("ecdsa", &["-t", "ecdsa", "-b", "256"]),
    ] {
        let key = path(name);
        keygen(
            &program,
            &[arguments, &["-q", "-N", "", "-f", &key]].concat(),
        );
        keygen(
            &program,
            &[
                "-Y",
                "sign",
                "-q",
                "-f",
                &key,
                "-n",
                SIGNATURE_NAMESPACE,
                &header,
            ],
        );
        let signature = path("header.json.sig");
        plan.signatures
            .push(std::fs::read_to_string(&signature).unwrap());
        std::fs::remove_file(&signature).unwrap();
        keys.push(
            Approver::new(
                name,
                &std::fs::read_to_string(format!("{key}.pub")).unwrap(),
            )
            .unwrap(),
        );
    }
    let host = trusting(Approvers::new(keys, 2).unwrap());
    assert!(examine(&plan, &host, at(NOW)).is_ok());
    let mut changed = plan.clone();
    changed.header.generation += 1;
    changed.id = changed.header.id().unwrap();
    assert!(matches!(
        examine(&changed, &host, at(NOW)),
        Err(Refusal::SignatureWrong { at: 0, .. })
    ));
    let mut other = plan.clone();
    keygen(
        &program,
        &[
            "-Y",
            "sign",
            "-q",
            "-f",
            &path("ed25519"),
            "-n",
            "file",
            &header,
        ],
    );
    other.signatures[0] = std::fs::read_to_string(path("header.json.sig")).unwrap();
    assert!(matches!(
        examine(&other, &host, at(NOW)),
        Err(Refusal::SignatureWrong { at: 0, .. })
    ));
    let rsa = path("rsa");
    keygen(
        &program,
        &["-t", "rsa", "-b", "2048", "-q", "-N", "", "-f", &rsa],
    );
    let judged = Approver::new(
        "rsa",
        &std::fs::read_to_string(format!("{rsa}.pub")).unwrap(),
    );
    assert!(
        matches!(judged, Err(TrustError::Algorithm { .. })),
        "{judged:?}"
    );
}
