//! Package URLs: known answers, and another implementation reads them back.

use overlock_model::os::Os;
use overlock_model::package::{Package, PackageType};
use overlock_report::purl::purl;
use packageurl::PackageUrl;
use std::str::FromStr;

fn os(id: &str, version_id: &str) -> Os {
    Os {
        id: id.to_owned(),
        version_id: version_id.to_owned(),
        ..Os::default()
    }
}

fn package(kind: PackageType, name: &str, version: &str, arch: &str) -> Package {
    let mut package = Package::new(kind, name, version);
    package.arch = (!arch.is_empty()).then(|| arch.to_owned());
    package
}

#[test]
fn known_answers() {
    use PackageType::{Alpm, Apk, Cargo, Deb, Gem, Golang, Maven, Npm, Nuget, Other, Pypi, Rpm};
    let (debian, alma, rhel, alpine) = (
        os("debian", "12"),
        os("almalinux", "9.4"),
        os("rhel", "9.4"),
        os("alpine", "3.19.1"),
    );
    for (package, os, expected) in [
        (
            package(Deb, "curl", "7.88.1-10+deb12u5", "amd64"),
            &debian,
            "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64&distro=debian-12",
        ),
        (
            package(Deb, "libstdc++6", "1:2~x", "amd64"),
            &debian,
            "pkg:deb/debian/libstdc%2B%2B6@1:2~x?arch=amd64&distro=debian-12",
        ),
        (
            package(Rpm, "openssl", "1:3.0.7-27.el9", "x86_64"),
            &alma,
            "pkg:rpm/almalinux/openssl@3.0.7-27.el9?arch=x86_64&distro=almalinux-9.4&epoch=1",
        ),
        (
            package(Rpm, "bash", "0:5.1.8-9.el9", "x86_64"),
            &rhel,
            "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64&distro=rhel-9.4",
        ),
        (
            package(Apk, "busybox", "1.36.1-r15", "x86_64"),
            &alpine,
            "pkg:apk/alpine/busybox@1.36.1-r15?arch=x86_64&distro=alpine-3.19.1",
        ),
        (
            package(Alpm, "pacman", "6.0.1-1", "x86_64"),
            &os("arch", ""),
            "pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64&distro=arch",
        ),
        (
            package(Pypi, "Typing_Extensions", "4.9.0", ""),
            &debian,
            "pkg:pypi/typing-extensions@4.9.0",
        ),
        (
            package(Npm, "@angular/core", "17.0.1", ""),
            &debian,
            "pkg:npm/%40angular/core@17.0.1",
        ),
        (
            package(Golang, "github.com/Masterminds/semver", "v3.2.1", ""),
            &debian,
            "pkg:golang/github.com/masterminds/semver@v3.2.1",
        ),
        (
            package(Cargo, "tokio", "1.54.0", ""),
            &debian,
            "pkg:cargo/tokio@1.54.0",
        ),
        (
            package(Maven, "org.apache.commons:commons-io", "2.11", ""),
            &debian,
            "pkg:maven/org.apache.commons/commons-io@2.11",
        ),
        (
            package(Gem, "rails", "7.1.2", ""),
            &debian,
            "pkg:gem/rails@7.1.2",
        ),
        (
            package(Nuget, "Newtonsoft.Json", "13.0.3", ""),
            &debian,
            "pkg:nuget/Newtonsoft.Json@13.0.3",
        ),
        (
            package(Other("Windows KB".to_owned()), "KB5034441", "1", ""),
            &debian,
            "pkg:generic/KB5034441@1",
        ),
    ] {
        assert_eq!(purl(&package, os), expected);
    }
}

#[test]
fn module_label_is_a_qualifier() {
    let mut nodejs = package(PackageType::Rpm, "nodejs", "1:18.19.0-1", "x86_64");
    nodejs.module = Some("nodejs:18:9030020240101:rhel9".to_owned());
    assert_eq!(
        purl(&nodejs, &os("almalinux", "9.4")),
        "pkg:rpm/almalinux/nodejs@18.19.0-1?arch=x86_64&distro=almalinux-9.4&epoch=1&rpmmod=nodejs:18:9030020240101:rhel9"
    );
}

proptest::proptest! {
    #[test]
    fn another_implementation_reads_name_and_version_back(name in "[a-z][a-z0-9+.~ é%?#@-]{0,20}", version in "[0-9][0-9a-z+.~:%&=-]{0,20}") {
        let url = purl(&package(PackageType::Deb, &name, &version, "amd64"), &os("debian", "12"));
        let back = PackageUrl::from_str(&url).unwrap();
        proptest::prop_assert_eq!(back.name(), name.as_str());
        proptest::prop_assert_eq!(back.version(), Some(version.as_str()));
        proptest::prop_assert_eq!(back.namespace(), Some("debian"));
    }
}
