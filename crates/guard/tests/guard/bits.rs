//! R1, T5: a plan is its bytes; any other bytes are another plan or none.

use crate::signatures::{approvers, seeded, sign};
use crate::world::{Draft, NOW, at, host};
use overlock_guard::{Host, Limits, Permit, Refusal, Trust, examine, read};
use proptest::prelude::*;

fn judge(bytes: &[u8], host: &Host) -> Result<Permit, Refusal> {
    examine(&read(bytes, &host.limits)?, host, at(NOW))
}

/// Every single bit, not a sample of them.
fn all_bits_matter(bytes: &[u8], host: &Host) {
    let permit = judge(bytes, host).unwrap();
    let mut flipped = bytes.to_vec();
    // The newline at the end may be left out, but not be another byte.
    for place in 0..bytes.len() {
        for bit in 0..8 {
            flipped[place] ^= 1 << bit;
            if let Ok(other) = judge(&flipped, host) {
                panic!(
                    "byte {place}, bit {bit}: {} accepted like {}:\n{}",
                    other.plan_id(),
                    permit.plan_id(),
                    String::from_utf8_lossy(&flipped)
                );
            }
            flipped[place] ^= 1 << bit;
        }
    }
}

#[test]
fn no_bit_of_an_unsigned_plan_can_be_flipped() {
    all_bits_matter(&Draft::new().seal().bytes().unwrap(), &host());
}

/// T1: nor one of a signed plan; the signature is part of the file but not of what is hashed.
#[test]
fn no_bit_of_a_signed_plan_can_be_flipped() {
    let mut plan = Draft::new().seal();
    plan.signatures.push(sign(&plan, &seeded(1)));
    let host = Host {
        trust: Trust::Keys(approvers(&[("ada", 1)], 1)),
        ..host()
    };
    all_bits_matter(&plan.bytes().unwrap(), &host);
}

/// Exit code 2 is for what is no plan; a plan that is refused has 4.
#[test]
fn unparsable_and_refused_are_told_apart() {
    let limits = Limits::default();
    let bytes = Draft::new().seal().bytes().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    for unparsable in [
        "".to_owned(),
        "{}".to_owned(),
        "[".repeat(100_000),
        text.replace(r#""verb":"fetch""#, r#""verb":"shell""#),
        text.replace(r#""verb":"fetch""#, r#""command":"id","verb":"fetch""#),
        text.replace("{\"closures\"", "{ \"closures\""),
    ] {
        let refusal = read(unparsable.as_bytes(), &limits).unwrap_err();
        assert!(refusal.is_unparsable(), "{refusal}");
        assert!(!refusal.hint().is_empty());
    }
    let refusal = judge(text.replace("web-1", "web-2").as_bytes(), &host()).unwrap_err();
    assert!(
        matches!(refusal, Refusal::Root { .. }) && !refusal.is_unparsable(),
        "{refusal}"
    );
}

/// R9: judged before it is parsed.
#[test]
fn plan_of_too_many_bytes_is_not_parsed() {
    let bytes = Draft::new().seal().bytes().unwrap();
    let limits = |plan_bytes_max| Limits {
        plan_bytes_max,
        ..Limits::default()
    };
    assert!(read(&bytes, &limits(bytes.len())).is_ok());
    let refusal = read(&bytes, &limits(bytes.len() - 1)).unwrap_err();
    assert!(matches!(refusal, Refusal::TooLarge { .. }) && refusal.is_unparsable());
    let refusal = read(&vec![b' '; (16 << 20) + 1], &Limits::default()).unwrap_err();
    assert!(matches!(refusal, Refusal::TooLarge { .. }));
}

proptest! {
    #[test]
    fn random_bytes_are_no_plan(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes, &Limits::default()).is_err());
    }

    /// Several bytes at once, cut short, or with a piece of itself somewhere else.
    #[test]
    fn spoilt_plan_is_refused(
        cut in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), length in 1_usize..200,
    ) {
        let bytes = Draft::new().seal().bytes().unwrap();
        let (cut, to) = (cut.index(bytes.len()), to.index(bytes.len()));
        let piece: Vec<u8> = bytes[cut..].iter().take(length).copied().collect();
        let mut moved = bytes.clone();
        moved.splice(to..to, piece);
        prop_assert!(judge(&moved, &host()).is_err());
        let mut gone = bytes.clone();
        gone.drain(cut..(cut + length).min(bytes.len()));
        // All but the newline at the end is needed.
        prop_assert!(gone.len() + 1 == bytes.len() && cut + 1 == bytes.len() || judge(&gone, &host()).is_err());
    }
}
