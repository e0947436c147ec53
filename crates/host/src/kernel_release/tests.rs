use super::*;
use proptest::prelude::*;

fn release(kind: PackageType, name: &str, version: &str, arch: &str) -> Option<String> {
    let arch = (!arch.is_empty()).then(|| arch.to_owned());
    of_package(&Package {
        arch,
        ..Package::new(kind, name, version)
    })
}

#[test]
fn packages_tell_what_uname_will_print() {
    use PackageType::{Alpm, Apk, Deb, Rpm};
    let table = [
        (
            Deb,
            "linux-image-6.1.0-29-amd64",
            "6.1.123-1",
            "amd64",
            Some("6.1.0-29-amd64"),
        ),
        (
            Deb,
            "linux-image-6.12.38+deb13-amd64",
            "6.12.38-1",
            "amd64",
            Some("6.12.38+deb13-amd64"),
        ),
        (
            Deb,
            "linux-image-unsigned-5.15.0-69-generic",
            "5.15.0-69.76",
            "amd64",
            Some("5.15.0-69-generic"),
        ),
        (
            Deb,
            "proxmox-kernel-6.8.12-4-pve-signed",
            "6.8.12-4",
            "amd64",
            Some("6.8.12-4-pve"),
        ),
        (Deb, "linux-image-amd64", "6.1.123-1", "amd64", None),
        (Deb, "linux-image-virtual", "5.15.0.69.67", "amd64", None),
        (
            Deb,
            "linux-image-6.1.0-29-amd64-dbg",
            "6.1.123-1",
            "amd64",
            None,
        ),
        (
            Deb,
            "linux-headers-6.1.0-29-amd64",
            "6.1.123-1",
            "amd64",
            None,
        ),
        (Deb, "linux-libc-dev", "6.1.123-1", "amd64", None),
        (
            Rpm,
            "kernel-core",
            "5.14.0-70.13.1.el9_0",
            "x86_64",
            Some("5.14.0-70.13.1.el9_0.x86_64"),
        ),
        (
            Rpm,
            "kernel",
            "0:3.10.0-1160.el7",
            "x86_64",
            Some("3.10.0-1160.el7.x86_64"),
        ),
        (
            Rpm,
            "kernel-debug",
            "3.10.0-1160.el7",
            "x86_64",
            Some("3.10.0-1160.el7.x86_64.debug"),
        ),
        (
            Rpm,
            "kernel-debug-core",
            "5.14.0-70.el9",
            "x86_64",
            Some("5.14.0-70.el9.x86_64+debug"),
        ),
        (
            Rpm,
            "kernel-64k-core",
            "5.14.0-427.el9",
            "aarch64",
            Some("5.14.0-427.el9.aarch64+64k"),
        ),
        (
            Rpm,
            "kernel-rt-core",
            "4.18.0-305.rt7.72.el8",
            "x86_64",
            Some("4.18.0-305.rt7.72.el8.x86_64"),
        ),
        (
            Rpm,
            "kernel-rt-core",
            "5.14.0-362.8.1.el9_3",
            "x86_64",
            Some("5.14.0-362.8.1.el9_3.x86_64+rt"),
        ),
        (
            Rpm,
            "kernel-uek-core",
            "5.15.0-0.30.20.el9uek",
            "x86_64",
            Some("5.15.0-0.30.20.el9uek.x86_64"),
        ),
        (
            Rpm,
            "kernel6.12",
            "6.12.20-23.97.amzn2023",
            "x86_64",
            Some("6.12.20-23.97.amzn2023.x86_64"),
        ),
        (
            Rpm,
            "kernel-default",
            "5.3.18-150300.59.49.1",
            "x86_64",
            Some("5.3.18-150300.59.49-default"),
        ),
        (
            Rpm,
            "kernel-default-base",
            "6.12.0-160000.2.1.160000.2.1",
            "x86_64",
            Some("6.12.0-160000.2-default"),
        ),
        (
            Rpm,
            "kernel-default-base",
            "5.3.18-150300.59.49.1.150300.18.31.1",
            "x86_64",
            Some("5.3.18-150300.59.49-default"),
        ),
        (
            Rpm,
            "kernel-rt",
            "5.14.21-150400.15.11.1",
            "x86_64",
            Some("5.14.21-150400.15.11-rt"),
        ),
        (Rpm, "kernel-headers", "5.14.0-70.el9", "x86_64", None),
        (Rpm, "kernel-modules-core", "5.14.0-70.el9", "x86_64", None),
        (Rpm, "kernel-tools", "5.14.0-70.el9", "x86_64", None),
        (Rpm, "kernel-srpm-macros", "1.0-11.el9", "noarch", None),
        (
            Rpm,
            "kernel-default-extra",
            "5.3.18-150300.59.49.1",
            "x86_64",
            None,
        ),
        (Rpm, "kernel-firmware", "2.6.32-754.el6", "noarch", None),
        (Apk, "linux-lts", "6.6.7-r0", "x86_64", Some("6.6.7-0-lts")),
        (
            Apk,
            "linux-virt",
            "6.6.7-r2",
            "x86_64",
            Some("6.6.7-2-virt"),
        ),
        (Apk, "linux-headers", "6.5-r0", "x86_64", None),
        (Apk, "linux-pam", "1.5.3-r7", "x86_64", None),
        (
            Alpm,
            "linux",
            "6.6.7.arch1-1",
            "x86_64",
            Some("6.6.7-arch1-1"),
        ),
        (Alpm, "linux-lts", "6.6.7-1", "x86_64", Some("6.6.7-1-lts")),
        (
            Alpm,
            "linux-zen",
            "6.6.7.zen1-1",
            "x86_64",
            Some("6.6.7-zen1-1-zen"),
        ),
        (Alpm, "linux-firmware", "20231211.f2e52a1c-1", "any", None),
    ];
    for (kind, name, version, arch, expected) in table {
        assert_eq!(
            release(kind, name, version, arch).as_deref(),
            expected,
            "{name} {version}"
        );
    }
}

#[test]
fn flavours_are_what_follows_the_build_number() {
    let table = [
        ("6.1.0-29-amd64", "amd64"),
        ("6.1.0-29-cloud-amd64", "cloud-amd64"),
        ("6.12.38+deb13-amd64", "amd64"),
        ("6.1.0-0.deb11.5-rt-amd64", "rt-amd64"),
        ("5.10.0-0.bpo.15-amd64", "amd64"),
        ("6.1.0-29-686-pae", "686-pae"),
        ("5.15.0-69-generic", "generic"),
        ("6.8.0-60-generic-64k", "generic-64k"),
        ("5.4.0-1103-azure-fde", "azure-fde"),
        ("6.8.12-4-pve", "pve"),
        ("5.14.0-70.13.1.el9_0.x86_64", ""),
        ("5.14.0-70.el9.x86_64+debug", "debug"),
        ("3.10.0-1160.el7.x86_64.debug", "debug"),
        ("5.4.17-2136.330.7.1.el7uek.x86_64", "uek"),
        ("4.18.0-305.rt7.72.el8.x86_64", "rt"),
        ("6.9.1-1.el9.elrepo.x86_64", "elrepo"),
        ("5.3.18-150300.59.49-default", "default"),
        ("6.6.7-1-default", "default"),
        ("6.6.7-0-lts", "lts"),
        ("6.6.7-0-rpi2", "rpi2"),
        ("6.6.7-arch1-1", ""),
        ("6.6.7-1-lts", "lts"),
        ("6.6.7-zen1-1-zen", "zen"),
        ("6.1.0-rc5-amd64", "amd64"),
        ("6.18.44", ""),
        ("", ""),
    ];
    for (release, expected) in table {
        assert_eq!(flavour(release), expected, "{release}");
    }
}

proptest! {
    #[test]
    fn any_name_and_version_are_no_panic(name in "(kernel|linux|linux-image-|kernel-default-base|)[ -~]{0,20}", version in "\\PC{0,30}") {
        for kind in [PackageType::Deb, PackageType::Rpm, PackageType::Apk, PackageType::Alpm] {
            if let Some(release) = release(kind, &name, &version, "x86_64") {
                prop_assert!(release.contains(flavour(&release)));
            }
        }
        prop_assert!(version.contains(flavour(&version)));
    }
}
