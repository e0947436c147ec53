//! Kernel rules against real hosts: each running kernel is matched to a package, or the reason is named.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use overlock_host::kernel::{Running, Uname, kernels, reboot_pending, running};
use overlock_model::package::{Package, PackageType};
use serde_json::Value;
use std::fs::File;
use std::io::Read;

fn packages(host: &Value) -> Vec<Package> {
    let kind = match host["family"].as_str().unwrap() {
        "debian" | "ubuntu" => PackageType::Deb,
        "alpine" => PackageType::Apk,
        _ => PackageType::Rpm,
    };
    let package = |(name, fields): (&String, &Value)| {
        let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
        let version = match text("release").as_str() {
            "" => text("version"),
            release => format!("{}-{release}", text("version")),
        };
        Package {
            arch: Some(text("arch")).filter(|arch| !arch.is_empty()),
            ..Package::new(kind.clone(), name, version)
        }
    };
    host["packages"]
        .as_object()
        .unwrap()
        .iter()
        .map(package)
        .collect()
}

#[test]
fn every_running_kernel_of_seventy_hosts_is_matched_or_explained() {
    let Some(shared) = overlock_testkit::shared("every_running_kernel_of_seventy_hosts") else {
        return;
    };
    let file = File::open(shared.join("data/inventories/vuls-host-inventories.jsonl.zst")).unwrap();
    let mut text = String::new();
    zstd::Decoder::new(file)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();

    let (mut matched, mut explained, mut hosts) = (0, Vec::new(), 0);
    for line in text.lines() {
        hosts += 1;
        let host: Value = serde_json::from_str(line).unwrap();
        let release = host["runningKernel"]["release"].as_str().unwrap();
        if release.is_empty() {
            assert_eq!(host["family"], "windows");
            continue;
        }
        let uname = Uname {
            release: release.into(),
            version: String::new(),
            machine: String::new(),
        };
        let kernel = kernels(Some(&uname), &packages(&host));
        match running(&kernel) {
            Running::Installed(installed) => {
                matched += 1;
                assert_eq!(installed.release, release);
                assert_eq!(
                    reboot_pending(&kernel),
                    None,
                    "{} {}",
                    host["family"],
                    host["release"]
                );
                // Debian hosts say which package version was booted: an oracle for the match.
                let booted = host["runningKernel"]["version"].as_str().unwrap();
                assert!(
                    booted.is_empty() || booted == installed.version,
                    "{booted} {installed:?}"
                );
            }
            other => explained.push(format!(
                "{} {}: {other:?}",
                host["family"].as_str().unwrap(),
                host["release"].as_str().unwrap()
            )),
        }
    }
    assert_eq!(hosts, 70);
    // A container: its kernel is the host's.
    assert_eq!(explained, ["alpine 3.19.0: NoKernelPackage"]);
    assert!(matched >= 40, "{matched}");
}
