//! Metadata as distributions publish it: every module artifact and every security build is found.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something fails"
)]

use overlock_packages::archive::{TarReader, decoded};
use overlock_packages::rpm::modules::{Choice, Modules};
use overlock_packages::rpm::repomd::Repomd;
use overlock_packages::rpm::updateinfo;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

/// The repositories in the shared feed samples, by path.
fn samples(test: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let path = overlock_testkit::shared(test)?.join("data/feed-samples-vuls.tar.zst");
    let mut tar = TarReader::new(decoded(File::open(path).unwrap(), 1 << 30).unwrap());
    let mut files = BTreeMap::new();
    while let Some(entry) = tar.next_file().unwrap() {
        if entry.name.contains("/updateinfo/") {
            files.insert(entry.name, tar.read_file(64 << 20).unwrap());
        }
    }
    assert!(files.len() > 20);
    Some(files)
}

fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    decoded(bytes, 1 << 30)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn each_artifact_of_real_modules_is_shown_in_its_stream_only() {
    let Some(files) = samples("each_artifact_of_real_modules_is_shown_in_its_stream_only") else {
        return;
    };
    let mut seen = Vec::new();
    for (path, bytes) in files
        .iter()
        .filter(|(path, _)| path.contains("modules.yaml"))
    {
        let yaml = text(bytes);
        for document in yaml
            .split("---\n")
            .filter(|text| text.contains("document: modulemd\n"))
        {
            let value = |key: &str| {
                let line = document.lines().find_map(|line| line.strip_prefix(key));
                line.unwrap().trim_matches(['"', '\'']).to_owned()
            };
            let (module, stream) = (value("  name: "), value("  stream: "));
            let (_, artifacts) = document.split_once("  artifacts:\n").unwrap();
            for nevra in artifacts
                .lines()
                .filter_map(|line| line.trim().strip_prefix("- "))
            {
                let name = nevra.rsplitn(3, '-').nth(2).unwrap();
                let shown = |choice: Choice| {
                    let mut modules = Modules::new([(module.clone(), choice)]);
                    modules.add(&yaml, |wanted| wanted == name);
                    modules.shown().shows(name, nevra, false)
                };
                assert!(
                    shown(Choice::Enabled(stream.clone())),
                    "{path}: {nevra} in {module}:{stream}"
                );
                assert!(
                    !shown(Choice::Enabled("other".to_owned())),
                    "{path}: {nevra}"
                );
                assert!(!shown(Choice::Disabled), "{path}: {nevra}");
                seen.push(module.clone());
            }
        }
    }
    seen.dedup();
    assert!(seen.len() > 2, "modules: {seen:?}");
}

#[test]
fn real_tables_of_contents_name_their_updateinfo_and_it_is_read() {
    let Some(files) = samples("real_tables_of_contents_name_their_updateinfo_and_it_is_read")
    else {
        return;
    };
    let mut read = 0;
    for (path, bytes) in files
        .iter()
        .filter(|(path, _)| path.contains("/happy/") && path.ends_with("repomd.xml"))
    {
        let repomd = Repomd::parse(&bytes[..]).unwrap();
        let Some(data) = repomd.find("updateinfo") else {
            continue;
        };
        let file = path.replace("repomd.xml", data.file_name());
        let Some(bytes) = files.get(&file) else {
            continue;
        };
        let xml = text(bytes);
        let security = xml.matches("type=\"security\"").count();
        let builds = updateinfo::security_builds(&bytes[..], |_| true).unwrap();
        let has_packages = xml.contains("<package ");
        assert_eq!(builds.is_empty(), security == 0 || !has_packages, "{file}");
        read += 1;
    }
    assert!(read > 1, "files: {read}");
    let broken = files
        .iter()
        .find(|(path, _)| path.contains("corruptcrc") && path.contains("updateinfo.xml"))
        .unwrap();
    assert!(updateinfo::security_builds(&broken.1[..], |_| true).is_err());
}
