use super::*;
use proptest::prelude::*;

fn host(running: &str, packages: &[(PackageType, &str, &str)]) -> Kernel {
    let packages: Vec<Package> = packages
        .iter()
        .map(|(kind, name, version)| Package {
            arch: Some("x86_64".into()),
            ..Package::new(kind.clone(), *name, *version)
        })
        .collect();
    let uname = Uname {
        release: running.into(),
        version: String::new(),
        machine: "x86_64".into(),
    };
    kernels(Some(&uname), &packages)
}

fn pending(kernel: &Kernel) -> Option<String> {
    match reboot_pending(kernel)? {
        RebootReason::Kernel { installed, .. } => Some(installed),
        other @ RebootReason::Marker { .. } => panic!("{other:?}"),
    }
}

#[test]
fn newest_is_by_version_not_by_string() {
    let kernel = host(
        "6.1.0-9-amd64",
        &[
            (PackageType::Deb, "linux-image-6.1.0-9-amd64", "6.1.27-1"),
            (PackageType::Deb, "linux-image-6.1.0-29-amd64", "6.1.123-1"),
            (PackageType::Deb, "linux-image-amd64", "6.1.123-1"),
        ],
    );
    let releases: Vec<_> = kernel
        .installed
        .iter()
        .map(|kernel| kernel.release.as_str())
        .collect();
    assert_eq!(releases, ["6.1.0-29-amd64", "6.1.0-9-amd64"]);
    assert_eq!(pending(&kernel).as_deref(), Some("6.1.0-29-amd64"));
}

#[test]
fn only_a_kernel_of_the_same_flavour_asks_for_a_reboot() {
    let packages = [
        (PackageType::Deb, "linux-image-6.1.0-28-amd64", "6.1.119-1"),
        (
            PackageType::Deb,
            "linux-image-6.1.0-29-cloud-amd64",
            "6.1.123-1",
        ),
    ];
    assert_eq!(pending(&host("6.1.0-28-amd64", &packages)), None);
    assert_eq!(
        running(&host("6.1.0-29-rt-amd64", &packages)),
        Running::OtherFlavour
    );
    assert_eq!(pending(&host("6.1.0-29-rt-amd64", &packages)), None);
}

#[test]
fn streams_that_live_side_by_side_do_not_compete() {
    let packages = [
        (PackageType::Rpm, "kernel", "6.1.79-99.164.amzn2023"),
        (PackageType::Rpm, "kernel6.12", "6.12.20-23.97.amzn2023"),
    ];
    assert_eq!(
        pending(&host("6.1.79-99.164.amzn2023.x86_64", &packages)),
        None
    );
}

#[test]
fn red_hat_kernels_are_counted_once_with_the_package_that_holds_the_image() {
    let kernel = host(
        "5.14.0-70.13.1.el9_0.x86_64",
        &[
            (PackageType::Rpm, "kernel", "5.14.0-70.13.1.el9_0"),
            (PackageType::Rpm, "kernel-core", "5.14.0-70.13.1.el9_0"),
            (PackageType::Rpm, "kernel-core", "5.14.0-427.13.1.el9_4"),
            (PackageType::Rpm, "kernel-tools", "5.14.0-427.13.1.el9_4"),
        ],
    );
    assert_eq!(kernel.installed.len(), 2);
    assert!(
        matches!(running(&kernel), Running::Installed(found) if found.package == "kernel-core")
    );
    assert_eq!(
        pending(&kernel).as_deref(),
        Some("5.14.0-427.13.1.el9_4.x86_64")
    );
}

#[test]
fn a_kernel_replaced_in_place_is_noticed() {
    let arch = host(
        "6.6.6-arch1-1",
        &[(PackageType::Alpm, "linux", "6.6.10.arch1-1")],
    );
    assert_eq!(running(&arch), Running::Replaced);
    assert_eq!(pending(&arch).as_deref(), Some("6.6.10-arch1-1"));
    let alpine = host(
        "6.6.6-0-lts",
        &[(PackageType::Apk, "linux-lts", "6.6.10-r0")],
    );
    assert_eq!(pending(&alpine).as_deref(), Some("6.6.10-0-lts"));
    let downgraded = host(
        "6.6.10-0-lts",
        &[(PackageType::Apk, "linux-lts", "6.6.6-r0")],
    );
    assert_eq!(pending(&downgraded), None);
}

#[test]
fn one_release_name_can_hide_an_older_build_in_memory() {
    let mut kernel = host(
        "6.1.0-29-amd64",
        &[(PackageType::Deb, "linux-image-6.1.0-29-amd64", "6.1.124-1")],
    );
    assert_eq!(
        reboot_pending(&kernel),
        None,
        "nothing told which build was booted"
    );
    kernel.running_version = Some("6.1.123-1".into());
    assert_eq!(
        reboot_pending(&kernel),
        Some(RebootReason::Kernel {
            running: "6.1.0-29-amd64 (6.1.123-1)".into(),
            installed: "6.1.0-29-amd64 (6.1.124-1)".into()
        })
    );
    kernel.running_version = Some("6.1.124-1".into());
    assert_eq!(reboot_pending(&kernel), None);
}

#[test]
fn containers_have_no_kernel_and_no_reboot() {
    let kernel = host(
        "6.8.0-60-generic",
        &[(PackageType::Apk, "musl", "1.2.4-r3")],
    );
    assert_eq!(running(&kernel), Running::NoKernelPackage);
    assert_eq!(reboot_pending(&kernel), None);
    assert_eq!(running(&kernels(None, &[])), Running::Unknown);
}

#[test]
fn uname_v_tells_the_build() {
    let table = [
        (
            "6.1.0-29-amd64",
            "#1 SMP PREEMPT_DYNAMIC Debian 6.1.123-1 (2025-01-02)",
            Some("6.1.123-1"),
        ),
        (
            "5.15.0-69-generic",
            "#76-Ubuntu SMP Fri Mar 17 17:19:29 UTC 2023",
            Some("5.15.0-69.76"),
        ),
        (
            "5.15.0-69-generic",
            "#76~20.04.1-Ubuntu SMP Mon Mar 20 15:54:19 UTC 2023",
            Some("5.15.0-69.76~20.04.1"),
        ),
        (
            "5.14.0-70.el9.x86_64",
            "#1 SMP PREEMPT Thu Feb 24 19:11:22 EST 2022",
            None,
        ),
        ("x", "Debian", None),
        ("", "", None),
    ];
    for (release, version, expected) in table {
        assert_eq!(
            booted_version(release, version).as_deref(),
            expected,
            "{version}"
        );
    }
}

proptest! {
    #[test]
    fn any_kernel_is_no_panic_and_a_pending_one_is_installed(running_release in "\\PC{0,24}", names in proptest::collection::vec(("[a-z0-9.-]{0,20}", "[0-9a-z.~+:-]{0,16}"), 0..6)) {
        let packages: Vec<_> = names.iter().flat_map(|(name, version)| {
            [(PackageType::Deb, format!("linux-image-{name}"), version), (PackageType::Rpm, format!("kernel{name}"), version)]
        }).collect();
        let packages: Vec<_> = packages.iter().map(|(kind, name, version)| (kind.clone(), name.as_str(), version.as_str())).collect();
        let kernel = host(&running_release, &packages);
        if let Some(release) = pending(&kernel) {
            prop_assert!(kernel.installed.iter().any(|installed| release.starts_with(&installed.release)));
        }
        let _ = booted_version(&running_release, &running_release);
    }
}
