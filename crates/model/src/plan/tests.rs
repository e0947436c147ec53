use super::*;
use jiff::Timestamp;

fn hex(text: &str) -> Digest {
    text.parse().unwrap()
}

fn plan() -> PlanFile {
    let artifact = |seed: &[u8]| Artifact {
        sha256: Digest::of(seed),
        size: 1000,
        origin: "security".to_owned(),
        path: Some("pool/o/openssl.deb".to_owned()),
    };
    let closure = Closure {
        manager: "deb".to_owned(),
        changes: vec![Change {
            name: "openssl".to_owned(),
            arch: "amd64".to_owned(),
            action: Action::Replace {
                from: "1".to_owned(),
                to: "2".to_owned(),
                artifact: artifact(b"new"),
                back: Some(artifact(b"old")),
            },
        }],
    };
    let entry = HostEntry {
        host: HostId::from_random([7; 16]),
        name: "web-1".to_owned(),
        os: "debian:12".to_owned(),
        closure: closure.digest().unwrap(),
        steps: vec![Step::Fetch {}, Step::Install {}],
        on_failure: OnFailure::Revert,
    };
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (created, expires) = (at("2026-11-23T00:00:00Z"), at("2026-11-24T00:00:00Z"));
    PlanFile::local(entry, closure, 3, None, b"", created, expires).unwrap()
}

/// Test vector: a change of these bytes is a change of the format.
#[test]
fn header_bytes_and_name_are_the_published_ones() {
    let plan = plan();
    let bytes = String::from_utf8(plan.header.bytes().unwrap()).unwrap();
    assert_eq!(
        bytes,
        concat!(
            r#"{"counts":{"bytes":1000,"changes":1,"hosts":1,"reboots":0,"removals":0},"#,
            r#""created":"2026-11-23T00:00:00Z","expires":"2026-11-24T00:00:00Z","fleet":"local","generation":3,"#,
            r#""parent":null,"policy":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
            r#""root":"ROOT","schema":"overlock.plan/1"}"#
        )
        .replace("ROOT", &plan.header.root.to_string())
    );
    assert_eq!(plan.id, Digest::of(bytes.as_bytes()));
}

#[test]
fn what_is_written_is_read_and_nothing_else() {
    let plan = plan();
    let bytes = plan.bytes().unwrap();
    assert_eq!(PlanFile::read(&bytes).unwrap(), plan);
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        (r#""schema""#, r#" "schema""#),
        ("2026-11-23T00:00:00Z", "2026-11-23T00:00:00.0Z"),
        (r#""parent":null,"#, ""),
        (r#""verb":"fetch""#, r#""verb":"shell""#),
        (r#""generation":3"#, r#""generation":3.0"#),
        (r#""generation":3"#, r#""generation":3,"generation":3"#),
        (r#""generation":3"#, r#""generation":9007199254740992"#),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(
            PlanFile::read(text.replace(from, to).as_bytes()).is_err(),
            "{to}"
        );
    }
}

/// RFC 8785, section 3.2.3: names in the order of their UTF-16 code units.
#[test]
fn canonical_order_is_that_of_the_standard() {
    let value = serde_json::json!({
        "\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7
    });
    let text = String::from_utf8(canonical(&value).unwrap()).unwrap();
    assert_eq!(
        text,
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
    );
    assert!(canonical(&serde_json::json!(1.5)).is_err());
    assert!(canonical(&serde_json::json!(-9_007_199_254_740_992_i64)).is_err());
}

/// Known answers over the eight inputs that implementations of RFC 6962 share.
#[test]
fn merkle_roots_are_the_known_ones() {
    let inputs: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[
            0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
            0x6e, 0x6f,
        ],
    ];
    let leaves: Vec<Digest> = inputs.iter().map(|input| merkle::leaf(input)).collect();
    for (count, root) in [
        (
            1,
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        ),
        (
            2,
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
        (
            3,
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ),
        (
            8,
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ] {
        assert_eq!(merkle::root(&leaves[..count]), hex(root), "{count}");
    }
}

#[test]
fn every_leaf_is_proved_and_no_other() {
    for count in 1..40_u64 {
        let leaves: Vec<Digest> = (0..count)
            .map(|at| merkle::leaf(&at.to_le_bytes()))
            .collect();
        let root = merkle::root(&leaves);
        for (at, leaf) in leaves.iter().enumerate() {
            let path = merkle::proof(&leaves, at).unwrap();
            let at = at as u64;
            assert!(
                merkle::is_included(leaf, at, count, &path, &root),
                "{at} of {count}"
            );
            assert!(
                !merkle::is_included(leaf, at + 1, count, &path, &root)
                    || count == 1 && at + 1 < count
            );
            assert!(!merkle::is_included(&root, at, count, &path, &root) || count == 1);
            let mut longer = path.clone();
            longer.push(root);
            assert!(!merkle::is_included(leaf, at, count, &longer, &root));
        }
        assert_eq!(merkle::proof(&leaves, leaves.len()), None);
    }
}

#[test]
fn digests_and_host_ids_have_one_spelling() {
    let digest = Digest::of(b"");
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    assert!(digest.to_string().to_uppercase().parse::<Digest>().is_err());
    assert!("00".parse::<Digest>().is_err());
    let host = HostId::from_random([0xff; 16]);
    assert_eq!(host.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert!(HostId::try_from("../etc".to_owned()).is_err());
}
