use super::*;
use overlock_model::inventory::InventorySource;
use overlock_model::package::PackageType;
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

const CYCLONEDX: &str = r#"{
  "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
  "metadata": {"timestamp": "2026-05-28T10:20:03Z", "component": {"type": "container", "name": "shop", "bom-ref": "x"}},
  "components": [
    {"bom-ref": "x", "type": "operating-system", "name": "debian", "version": "12"},
    {"bom-ref": "x", "type": "library", "name": "libssl3", "version": "3.0.11-1~deb12u1",
     "purl": "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&upstream=openssl&distro=debian-12"},
    {"type": "library", "group": "@babel", "name": "core", "version": "7.0.0", "purl": "pkg:npm/%40babel/core@7.0.0",
     "properties": [{"name": "syft:location:0:path", "value": "/app/node_modules/@babel/core/package.json"}],
     "components": [{"type": "library", "name": "inner", "version": "1", "purl": "pkg:pypi/inner@1"}]},
    {"type": "library", "name": "libssl3", "version": "3.0.11-1~deb12u1",
     "purl": "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64&upstream=openssl&distro=debian-12"},
    {"type": "application", "name": "own", "version": 3},
    {"type": "library", "name": "odd", "purl": "invalid purl"},
    {"type": "file", "name": "/etc/passwd", "hashes": [{"alg": "MD5", "content": "x"}]},
    {"type": "library"}
  ]
}"#;

const SPDX: &str = r#"{
  "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "shop", "creationInfo": {"created": "2026-01-30T11:30:05Z"},
  "packages": [
    {"SPDXID": "SPDXRef-1", "name": "bash", "versionInfo": "5.1.8-9.el9", "externalRefs": [
      {"referenceCategory": "SECURITY", "referenceType": "cpe22Type", "referenceLocator": "cpe:/a:b"},
      {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
       "referenceLocator": "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64&upstream=bash-5.1.8-9.el9.src.rpm"}]},
    {"SPDXID": "SPDXRef-2", "name": "image", "versionInfo": "NOASSERTION", "downloadLocation": "NOASSERTION"},
    {"SPDXID": "SPDXRef-3", "name": "ca", "versionInfo": "1", "sourceInfo": "built package from: certs 2",
     "externalRefs": [{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl",
       "referenceLocator": "pkg:rpm/redhat/ca@1-1.el9?arch=noarch&epoch=0"}]}
  ],
  "files": [{"fileName": "./a"}], "relationships": []
}"#;

#[test]
fn cyclonedx_is_an_inventory() {
    let (inventory, counts) = read_counted(CYCLONEDX.as_bytes()).unwrap();
    assert_eq!(
        inventory.source,
        InventorySource::Sbom {
            format: "CycloneDX 1.5".to_owned()
        }
    );
    assert_eq!(
        (inventory.os.id.as_str(), inventory.os.version_id.as_str()),
        ("debian", "12")
    );
    assert_eq!(inventory.host.as_deref(), Some("shop"));
    assert_eq!(
        inventory.collected.unwrap().to_string(),
        "2026-05-28T10:20:03Z"
    );
    assert_eq!(inventory.arch.as_deref(), Some("amd64"));
    let words: Vec<String> = inventory
        .packages
        .iter()
        .map(|package| format!("{} {} {}", package.kind, package.name, package.version))
        .collect();
    assert_eq!(
        words,
        [
            "deb libssl3 3.0.11-1~deb12u1",
            "pypi inner 1",
            "npm @babel/core 7.0.0",
            "generic odd ",
            "generic own 3"
        ]
    );
    assert_eq!(inventory.packages[0].source.as_deref(), Some("openssl"));
    assert_eq!(
        inventory.packages[2].path.as_deref(),
        Some("app/node_modules/@babel/core/package.json")
    );
    assert_eq!(
        counts,
        Counts {
            parts: 9,
            packages: 6,
            files: 1,
            systems: 1,
            nameless: 1,
            unnamed: 2,
            unreadable: 1,
            versionless: 1,
            ..Counts::default()
        }
    );
    assert_eq!(inventory.unseen.len(), 5);
}

#[test]
fn spdx_is_an_inventory() {
    let (inventory, _) = read_counted(SPDX.as_bytes()).unwrap();
    assert_eq!(
        inventory.source,
        InventorySource::Sbom {
            format: "SPDX 2.3".to_owned()
        }
    );
    assert_eq!(inventory.host.as_deref(), Some("shop"));
    // Stated by nothing but the vendor and the release tag.
    assert_eq!(
        (inventory.os.id.as_str(), inventory.os.version_id.as_str()),
        ("rhel", "9")
    );
    assert!(inventory.unseen[0].why.contains("release tags"));
    let bash = &inventory.packages[0];
    assert_eq!(
        (bash.kind.as_str(), bash.epoch, bash.source.as_deref()),
        ("rpm", None, Some("bash"))
    );
    let ca = &inventory.packages[1];
    assert_eq!(
        (ca.epoch, ca.version.as_str(), ca.source.as_deref()),
        (Some(0), "0:1-1.el9", Some("certs"))
    );
    assert_eq!(ca.source_version.as_deref(), Some("2"));
    let image = &inventory.packages[2];
    assert_eq!(
        (&image.kind, image.version.as_str()),
        (&PackageType::Other("generic".to_owned()), "")
    );
}

#[test]
fn compressed_and_marked_files_are_read() {
    let inventory = read(CYCLONEDX.as_bytes()).unwrap();
    let marked = [b"\xef\xbb\xbf", CYCLONEDX.as_bytes()].concat();
    assert_eq!(read(&marked).unwrap(), inventory);
    let zstd = ruzstd::encoding::compress_to_vec(
        CYCLONEDX.as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    assert_eq!(read(&zstd).unwrap(), inventory);
    assert!(matches!(
        read(&zstd[..zstd.len() / 2]),
        Err(DocumentError::Compression(_))
    ));
}

#[test]
fn everything_else_is_refused_with_what_it_is_and_what_to_do() {
    for (document, word) in [
        ("{}", "another JSON document"),
        ("[]", "another JSON document"),
        ("3", "a JSON object"),
        ("", "line 1, column 0"),
        ("this is not", "line 1"),
        (r#"{"bomFormat":"CycloneDX"}"#, "CycloneDX version ``"),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#,
            "CycloneDX version `2.0`",
        ),
        (r#"{"spdxVersion":"SPDX-3.0"}"#, "SPDX version `SPDX-3.0`"),
        (
            r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#,
            "SPDX version `3`",
        ),
        (r#"{"@context":"https://openvex.dev/ns/v0.2.0"}"#, "OpenVEX"),
        (r#"{"artifacts":[],"source":{}}"#, "syft's own JSON"),
        (
            r#"{"payloadType":"application/vnd.in-toto+json","payload":""}"#,
            "attestation",
        ),
        (r#"{"document":{"category":"csaf_vex"}}"#, "CSAF"),
        (r#"{"sbom":{"spdxVersion":"SPDX-2.3"}}"#, "around another"),
        (
            r#"{"schema":"overlock.inventory/1","packages":[]}"#,
            "an inventory",
        ),
        ("<?xml version=\"1.0\"?><bom/>", "XML"),
        ("SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0", "tag-value"),
        ("spdxVersion: SPDX-2.3\n", "YAML"),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":{}}"#,
            "expected a list",
        ),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[3]}"#,
            "expected an object",
        ),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"name":"a"},"#,
            "line 1, column",
        ),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5"} x"#,
            "trailing characters",
        ),
    ] {
        let error = read(document.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(word), "{document}: {error}");
        assert!(error.hint().is_some(), "{document}");
    }
}

#[test]
fn bounds_hold() {
    let nested = |depth: usize| {
        let open = r#"{"name":"a","components":["#.repeat(depth);
        let close = "]}".repeat(depth);
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{open}{close}]}}"#)
    };
    // Equal ones are merged.
    assert_eq!(read_counted(nested(50).as_bytes()).unwrap().1.packages, 50);
    assert!(matches!(
        read(nested(10_000).as_bytes()),
        Err(DocumentError::TooDeep { line: 1 })
    ));

    let many = "{},".repeat(PARTS_MAX_PLUS);
    let many =
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{many}{{}}]}}"#);
    let error = read(many.as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("more than 1000000 components"),
        "{error}"
    );

    let long = CYCLONEDX.replace("\"own\"", &format!("\"{}\"", "x".repeat(5000)));
    let (inventory, counts) = read_counted(long.as_bytes()).unwrap();
    assert_eq!((counts.oversized, inventory.packages.len()), (1, 4));
}

const PARTS_MAX_PLUS: usize = collector::PARTS_MAX as usize + 1;

#[test]
fn a_system_among_the_parts_counts_more_than_what_packages_name() {
    let document = |os: Value, distro: &str| {
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
            os, {"name": "a", "purl": format!("pkg:deb/debian/a@1?distro={distro}")}
        ]})
        .to_string()
    };
    let os = |name: &str, version: &str| json!({"type": "operating-system", "name": name, "version": version});
    let read = |text: String| {
        let os = read(text.as_bytes()).unwrap().os;
        format!("{} {}", os.id, os.version_id)
    };
    assert_eq!(read(document(os("debian", "11"), "debian-12")), "debian 11");
    assert_eq!(
        read(document(os("Product B", "1"), "debian-12")),
        "debian 12"
    );
    assert_eq!(read(document(os("Product B", "1"), "")), "product-b 1");
    assert_eq!(
        read(document(os("Red Hat Enterprise Linux", "9.2 EUS"), "")),
        "rhel 9.2"
    );
}

/// Every file of both sample archives: what is a valid bill of materials has as many packages as a count that shares no
/// code with the reader; everything else is a clear error.
#[test]
fn every_real_sample_has_the_right_number_of_packages() {
    let Some(shared) =
        overlock_testkit::shared("every_real_sample_has_the_right_number_of_packages")
    else {
        return;
    };
    let (mut read_files, mut refused, mut packages) = (0, 0, 0);
    for archive in ["redhat-sbom-samples", "sbom-vex-samples"] {
        each_file(
            &shared.join(format!("data/{archive}.tar.zst")),
            &mut |name, bytes| {
                let plain = plain(name, bytes);
                let value = serde_json::from_slice::<Value>(&plain).ok();
                let expected = value.as_ref().and_then(expected_packages);
                match (read_counted(bytes), expected) {
                    (Ok((inventory, counts)), Some(expected)) => {
                        assert_eq!(counts.packages, expected, "{name}");
                        assert!(inventory.packages.len() as u64 <= expected, "{name}");
                        let distinct: std::collections::HashSet<_> = inventory
                            .packages
                            .iter()
                            .map(|package| format!("{package:?}"))
                            .collect();
                        assert_eq!(
                            distinct.len(),
                            inventory.packages.len(),
                            "{name}: none twice"
                        );
                        read_files += 1;
                        packages += expected;
                    }
                    (Err(error), None) => {
                        assert!(
                            !error.to_string().is_empty() && error.hint().is_some(),
                            "{name}: {error}"
                        );
                        refused += 1;
                    }
                    (Ok(_), None) => panic!("{name} is no bill of materials and was read"),
                    (Err(error), Some(_)) => panic!("{name}: {error}"),
                }
            },
        );
    }
    // CycloneDX 1.4 to 1.7, SPDX 2.2 and 2.3 are among them.
    assert_eq!((read_files, packages), (154, 17_899));
    assert!(refused > 1000);
}

/// Packages of a document by a plain walk over all of it: a component or package counts once for each Package URL, or
/// once where it has none that begins as one; systems and files do not.
fn expected_packages(document: &Value) -> Option<u64> {
    let purls = |list: Vec<&str>| {
        list.iter()
            .filter(|purl| purl.contains("pkg:"))
            .count()
            .max(1) as u64
    };
    if document["bomFormat"] == "CycloneDX" {
        fn components(list: &Value) -> u64 {
            list.as_array().into_iter().flatten().map(component).sum()
        }
        fn component(component: &Value) -> u64 {
            let none = component["type"] == "operating-system"
                || component["type"] == "file" && component["purl"].is_null();
            u64::from(!none) + components(&component["components"])
        }
        let subject = &document["metadata"]["component"];
        let own = u64::from(subject["purl"].is_string());
        return Some(
            components(&document["components"]) + components(&subject["components"]) + own,
        );
    }
    let version = document["spdxVersion"].as_str()?;
    if !matches!(version, "SPDX-2.2" | "SPDX-2.3") {
        return None;
    }
    let packages = document["packages"].as_array().into_iter().flatten();
    let count = packages.filter(|package| {
        let purpose = package["primaryPackagePurpose"].as_str();
        let id = package["SPDXID"].as_str().unwrap_or_default();
        let references = package["externalRefs"].as_array().into_iter().flatten();
        let named = references
            .filter(|reference| reference["referenceType"] == "purl")
            .count()
            > 0;
        purpose != Some("OPERATING-SYSTEM")
            && !id.starts_with("SPDXRef-OperatingSystem")
            && (purpose != Some("FILE") || named)
    });
    Some(
        count
            .map(|package| {
                let references = package["externalRefs"].as_array().into_iter().flatten();
                let of_purl = references.filter(|reference| reference["referenceType"] == "purl");
                purls(
                    of_purl
                        .filter_map(|reference| reference["referenceLocator"].as_str())
                        .collect(),
                )
            })
            .sum(),
    )
}

fn plain(name: &str, bytes: &[u8]) -> Vec<u8> {
    if !name.ends_with(".bz2") && !name.ends_with(".xz") {
        return bytes.to_vec();
    }
    let mut plain = Vec::new();
    crate::archive::decoded(bytes, 1 << 30)
        .unwrap()
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

fn each_file(archive: &Path, visit: &mut dyn FnMut(&str, &[u8])) {
    let mut tar = crate::archive::TarReader::new(overlock_testkit::zstd_reader(archive).unwrap());
    while let Some(entry) = tar.next_file().unwrap() {
        let bytes = tar.read_file(64 << 20).unwrap();
        visit(&entry.name, &bytes);
    }
}

proptest::proptest! {
    #[test]
    fn no_damage_makes_it_panic(
        spdx in proptest::bool::ANY,
        at in 0..2000_usize,
        byte in proptest::num::u8::ANY,
        cut in 0..2000_usize,
    ) {
        let whole = if spdx { SPDX } else { CYCLONEDX };
        let mut bytes = whole.as_bytes().to_vec();
        let length = bytes.len();
        bytes[at % length] = byte;
        drop(read(&bytes));
        bytes.truncate(cut);
        drop(read(&bytes));
    }

    #[test]
    fn no_noise_makes_it_panic(noise in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        drop(read(&noise));
        let text = String::from_utf8_lossy(&noise);
        let document = json!({"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [
            {"name": text, "purl": format!("pkg:{text}"), "version": text}]});
        drop(read(document.to_string().as_bytes()));
    }
}
