//! apt itself as the oracle: candidates, phased updates and signatures must be what `apt-cache`, `apt-get -s` and
//! libstdc++ say. Skipped, visibly, where those tools are not there.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it finds something wrong"
)]

use overlock_model::package::Package;
use overlock_model::repository::{Blocked, Offer, Signature};
use overlock_packages::{Survey, apt, deb};
use overlock_rootfs::Root;
use overlock_testkit::skip;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

/// What apt would call the candidate, by our answer.
fn candidate(package: &Package, offer: Option<&Offer>) -> String {
    match offer {
        Some(Offer {
            blocked: Some(Blocked::Pin { .. }),
            ..
        })
        | None => package.version.clone(),
        Some(offer) => offer.version.clone(),
    }
}

fn candidates(packages: &[Package], survey: &Survey) -> BTreeMap<String, String> {
    let offers: BTreeMap<(&str, String), &Offer> = survey
        .offers
        .iter()
        .map(|offer| {
            (
                (
                    offer.package.as_str(),
                    offer.arch.clone().unwrap_or_default(),
                ),
                offer,
            )
        })
        .collect();
    packages
        .iter()
        .map(|package| {
            let arch = package.arch.clone().unwrap_or_default();
            // A version may change between `all` and an architecture.
            let offer = offers
                .get(&(package.name.as_str(), arch.clone()))
                .or_else(|| {
                    offers
                        .iter()
                        .find(|((name, _), _)| *name == package.name)
                        .map(|(_, offer)| offer)
                });
            (package.name.clone(), candidate(package, offer.copied()))
        })
        .collect()
}

/// What `apt-cache policy` prints.
fn apt_policy(names: &[String], config: Option<&Path>) -> String {
    let mut command = Command::new("apt-cache");
    command.arg("policy").args(names).env("LC_ALL", "C.UTF-8");
    if let Some(config) = config {
        command.env("APT_CONFIG", config);
    }
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The candidates in it.
fn apt_candidates(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(package) = line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
            name = package.to_owned();
        } else if let Some(version) = line.trim().strip_prefix("Candidate: ") {
            found.insert(name.clone(), version.to_owned());
        }
    }
    assert!(!found.is_empty(), "apt-cache said nothing: {text}");
    found
}

#[test]
fn candidates_of_this_machine_are_apts() {
    let test = "candidates_of_this_machine_are_apts";
    if !has("apt-cache") {
        return skip(test, "apt-cache is not here");
    }
    let root = Root::open("/").unwrap();
    let Some(installed) = deb::installed(&root).unwrap() else {
        return skip(test, "there is no dpkg database");
    };
    let mut packages = installed.packages;
    let cache = tempfile::tempdir().unwrap();
    let cold = apt::survey(&root, &mut packages, None, Some(cache.path())).unwrap();
    let mut again = packages.clone();
    let warm = apt::survey(&root, &mut again, None, Some(cache.path())).unwrap();
    assert_eq!(
        (&cold, &packages),
        (&warm, &again),
        "the cache changes nothing"
    );

    let query: Vec<String> = packages
        .iter()
        .map(|p| format!("{}:{}", p.name, p.arch.as_deref().unwrap_or_default()))
        .collect();
    let apts = apt_candidates(&apt_policy(&query, None));
    let ours = candidates(&packages, &cold);
    let wrong: Vec<_> = packages
        .iter()
        .filter_map(|package| {
            let full = format!(
                "{}:{}",
                package.name,
                package.arch.as_deref().unwrap_or_default()
            );
            let theirs = apts.get(&package.name).or_else(|| apts.get(&full));
            (theirs != ours.get(&package.name)).then(|| (full, theirs, ours.get(&package.name)))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} differ: {wrong:?}",
        wrong.len(),
        packages.len()
    );
}

/// A small generator, so that each world can be made again from its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.roll(all.len() as u64)).unwrap()]
    }
}

const PACKAGES: u64 = 12;

/// Writes a root with four repositories, installed packages and preferences; gives back the apt configuration.
fn world(folder: &Path, number: u64, phased: bool) -> std::path::PathBuf {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (number + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let versions = [
        "1.0-1",
        "1.0-2",
        "1.1~rc1-1",
        "1.1-1",
        "1:0.5-1",
        "2.0-1",
        "2.0-1+b1",
    ];
    let mut sources = String::new();
    let repositories = [
        (
            "http://a.example.org/debian",
            "stable",
            "main",
            "bookworm",
            "12.1",
        ),
        (
            "http://a.example.org/debian",
            "stable-security",
            "main",
            "bookworm-security",
            "12",
        ),
        (
            "http://b.example.org/back_ports",
            "backports",
            "contrib",
            "bookworm-backports",
            "12",
        ),
        ("file:/srv/local", "./", "", "", ""),
    ];
    for (uri, suite, component, codename, version) in repositories {
        let flat = suite.ends_with('/');
        writeln!(sources, "deb [trusted=yes] {uri} {suite} {component}").unwrap();
        let base = if flat {
            format!("{uri}/{suite}")
        } else {
            format!("{uri}/dists/{suite}/")
        };
        let mut release = String::new();
        if !flat {
            let suite = if dice.roll(2) == 0 {
                suite
            } else {
                "oldstable"
            };
            writeln!(
                release,
                "Origin: {}\nLabel: L\nSuite: {suite}\nCodename: {codename}\nVersion: {version}",
                dice.pick(&["Debian", "Other"])
            )
            .unwrap();
        } else {
            writeln!(release, "Label: Local").unwrap();
        }
        if suite == "backports" || dice.roll(6) == 0 {
            writeln!(release, "NotAutomatic: yes").unwrap();
            if dice.roll(2) == 0 {
                writeln!(release, "ButAutomaticUpgrades: yes").unwrap();
            }
        }
        writeln!(release, "Date: Sat, 11 Jul 2026 10:16:37 UTC").unwrap();
        write(
            &format!(
                "var/lib/apt/lists/{}",
                apt::list_name(&format!("{base}Release"))
            ),
            &release,
        );
        let mut list = String::new();
        for package in 0..PACKAGES {
            let mut last = "";
            for _ in 0..dice.roll(3) {
                let version = dice.pick(&versions);
                if version == last {
                    continue;
                }
                last = version;
                let arch = if package % 5 == 0 { "all" } else { "amd64" };
                write!(list, "Package: pkg{package}\nSource: src{} ({version})\nVersion: {version}\nArchitecture: {arch}\nMaintainer: m\nInstalled-Size: 1\n", package / 3).unwrap();
                // Installed versions are never phased themselves here: how apt treats that rare case is not modelled.
                if phased && version != "1.0-1" && dice.roll(2) == 0 {
                    writeln!(list, "Phased-Update-Percentage: {}", dice.roll(101)).unwrap();
                }
                writeln!(list, "Filename: pool/pkg{package}_{version}.deb\nSize: 1\nSHA256: {}\nDescription: d\n", "ab".repeat(32)).unwrap();
            }
        }
        let index = if flat {
            "Packages".to_owned()
        } else {
            format!("{component}/binary-amd64/Packages")
        };
        write(
            &format!(
                "var/lib/apt/lists/{}",
                apt::list_name(&format!("{base}{index}"))
            ),
            &list,
        );
    }
    write("etc/apt/sources.list", &sources);
    let mut status = String::from(
        "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\nMaintainer: m\nInstalled-Size: 1\nDescription: d\n\n",
    );
    for package in 0..PACKAGES {
        if dice.roll(5) == 0 {
            continue;
        }
        let want = if dice.roll(6) == 0 { "hold" } else { "install" };
        let arch = if package % 5 == 0 { "all" } else { "amd64" };
        let version = dice.pick(if phased {
            &["0.9-1", "1.0-1"]
        } else {
            &versions
        });
        write!(status, "Package: pkg{package}\nStatus: {want} ok installed\nArchitecture: {arch}\nSource: src{} ({version})\nVersion: {version}\nMaintainer: m\nInstalled-Size: 1\nDescription: d\n\n", package / 3).unwrap();
    }
    write("var/lib/dpkg/status", &status);
    if !phased {
        let pins = [
            "release a=stable",
            "release o=Debian, a=stable*",
            "release n=bookworm",
            "release l=Local",
            "release c=contrib",
            "release v=12*",
            "release stable",
            "release 12.1",
            "release bookworm-*",
            "release *",
            "release a=now",
            "release b=amd64",
            "origin a.example.org",
            "origin *.example.org",
            "origin \"\"",
            "origin /^b\\./",
            "version 1.0-1",
            "version 1.*",
            "version /^2/",
            "version 1.1?rc1-1",
        ];
        let mut file = |path: &str, records: u64| {
            let mut text = String::from("# pins\n");
            for _ in 0..records {
                let package = dice.pick(&[
                    "*",
                    "*",
                    "pkg1",
                    "pkg2 pkg3",
                    "pkg*",
                    "src:src1",
                    "/kg[4-6]$/",
                    "pkg7:amd64",
                    "pkg8:any",
                    "pkg9:i386",
                    "src:src?",
                    "pkg1? pkg0",
                    "pkg0:all",
                    "pkg5:native",
                ]);
                let priority = dice.pick(&[
                    "-1", "1", "50", "100", "400", "500", "600", "989", "990", "991", "999",
                    "1000", "1001",
                ]);
                let pin = dice.pick(&pins);
                write!(
                    text,
                    "Package: {package}\nPin: {pin}\nPin-Priority: {priority}\n\n"
                )
                .unwrap();
            }
            write(path, &text);
        };
        file("etc/apt/preferences", 2);
        file("etc/apt/preferences.d/10-first", 2);
        file("etc/apt/preferences.d/20-second.pref", 2);
        file("etc/apt/preferences.d/ignored.bak", 3);
        if dice.roll(3) == 0 {
            let release = dice.pick(&[
                "stable",
                "bookworm",
                "12*",
                "a=stable",
                "n=bookworm-security",
                "oldstable",
            ]);
            write(
                "etc/apt/apt.conf.d/50default",
                &format!("APT::Default-Release \"{release}\";\n"),
            );
        }
    }
    std::fs::create_dir_all(folder.join("etc/apt/apt.conf.d")).unwrap();
    std::fs::create_dir_all(folder.join("etc/apt/preferences.d")).unwrap();
    std::fs::create_dir_all(folder.join("var/lib/apt/lists/partial")).unwrap();
    let config = folder.join("apt-config");
    std::fs::write(
        &config,
        format!(
            "Dir \"{0}\";\nDir::State::status \"{0}/var/lib/dpkg/status\";\nDir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n\
             Dir::Log \"{0}\";\nAPT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\nAPT::Machine-ID \"{1}\";\nAPT::Sandbox::User \"root\";\nDebug::NoLocking \"1\";\n",
            folder.display(),
            MACHINE_ID
        ),
    )
    .unwrap();
    config
}

const MACHINE_ID: &str = "0123456789abcdef0123456789abcdef";

fn read_world(folder: &Path) -> (Vec<Package>, Survey) {
    let root = Root::open(folder).unwrap();
    let mut packages = deb::installed(&root).unwrap().unwrap().packages;
    let survey = apt::survey(&root, &mut packages, Some(MACHINE_ID), None).unwrap();
    (packages, survey)
}

#[test]
fn candidates_under_any_pins_are_apts() {
    let test = "candidates_under_any_pins_are_apts";
    if !has("apt-cache") {
        return skip(test, "apt-cache is not here");
    }
    let mut pinned = 0;
    for number in 0..60 {
        let folder = tempfile::tempdir().unwrap();
        let config = world(folder.path(), number, false);
        let (packages, survey) = read_world(folder.path());
        let refused = survey
            .unseen
            .iter()
            .any(|unseen| unseen.why.contains("Default-Release"));
        if refused {
            continue;
        }
        pinned += survey
            .offers
            .iter()
            .filter(|offer| matches!(offer.blocked, Some(Blocked::Pin { .. })))
            .count();
        let ours = candidates(&packages, &survey);
        let names: Vec<String> = ours.keys().cloned().collect();
        let text = apt_policy(&names, Some(&config));
        let apts = apt_candidates(&text);
        for (name, version) in &ours {
            let apt = &apts[name];
            // Where pins forbid every version apt has no candidate; nothing would be installed.
            let installed = &packages
                .iter()
                .find(|package| package.name == *name)
                .unwrap()
                .version;
            let wanted = if apt == "(none)" { installed } else { apt };
            let preferences: String = [
                "preferences",
                "preferences.d/10-first",
                "preferences.d/20-second.pref",
            ]
            .iter()
            .map(|file| std::fs::read_to_string(folder.path().join("etc/apt").join(file)).unwrap())
            .collect();
            let apts_reasons = || {
                apt_policy(std::slice::from_ref(name), Some(&config))
                    + &apt_policy(&[], Some(&config))
            };
            assert_eq!(
                version,
                wanted,
                "world {number}: {name}\n{}\n{preferences}",
                apts_reasons()
            );
        }
    }
    assert!(
        pinned > 10,
        "the worlds hold too few pins that matter: {pinned}"
    );
}

#[test]
fn what_apt_would_upgrade_is_what_is_not_blocked() {
    let test = "what_apt_would_upgrade_is_what_is_not_blocked";
    if !has("apt-get") {
        return skip(test, "apt-get is not here");
    }
    let mut phased = 0;
    for number in 1000..1025 {
        let folder = tempfile::tempdir().unwrap();
        let config = world(folder.path(), number, true);
        let (packages, survey) = read_world(folder.path());
        let output = Command::new("apt-get")
            .args(["-s", "upgrade"])
            .env("APT_CONFIG", &config)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let apts: BTreeMap<String, String> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.strip_prefix("Inst ")?.split_whitespace();
                let name = words.next()?;
                let version = words.find(|word| word.starts_with('('))?;
                Some((name.to_owned(), version.trim_start_matches('(').to_owned()))
            })
            .collect();
        phased += survey
            .offers
            .iter()
            .filter(|offer| matches!(offer.blocked, Some(Blocked::Phased { .. })))
            .count();
        let ours: BTreeMap<String, String> = survey
            .offers
            .iter()
            .filter(|offer| offer.blocked.is_none())
            .filter(|offer| {
                packages.iter().any(|package| {
                    package.name == offer.package && package.version != offer.version
                })
            })
            .map(|offer| (offer.package.clone(), offer.version.clone()))
            .collect();
        let reasons = || {
            apt_policy(
                &packages.iter().map(|p| p.name.clone()).collect::<Vec<_>>(),
                Some(&config),
            )
        };
        assert_eq!(ours, apts, "world {number}\n{text}\n{}", reasons());
    }
    assert!(
        phased > 5,
        "the worlds hold too few phased updates: {phased}"
    );
}

#[test]
fn draws_are_those_of_libstdcxx() {
    let test = "draws_are_those_of_libstdcxx";
    if !has("g++") {
        return skip(test, "g++ is not here");
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("draw");
    std::fs::write(
        folder.path().join("draw.cc"),
        "#include <iostream>\n#include <random>\n#include <string>\nint main() { std::string line; while (std::getline(std::cin, line)) {\n\
         std::seed_seq seed(line.begin(), line.end()); std::minstd_rand rand(seed);\n\
         std::uniform_int_distribution<unsigned int> dist(0, 100); std::cout << dist(rand) << '\\n'; } }\n",
    )
    .unwrap();
    let compiled = Command::new("g++")
        .arg("-o")
        .arg(&program)
        .arg(folder.path().join("draw.cc"))
        .status()
        .unwrap();
    assert!(compiled.success());
    let mut dice = Dice(77);
    let seeds: Vec<String> = (0..3000)
        .map(|number: usize| {
            let length = if number < 40 {
                number
            } else {
                20 + number % 90
            };
            (0..length)
                .map(|_| char::from(u8::try_from(33 + dice.roll(94)).unwrap()))
                .collect()
        })
        .collect();
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = seeds.join("\n") + "\n";
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let theirs: Vec<u32> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    let ours: Vec<u32> = seeds.iter().map(|seed| apt::draw(seed)).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn repositories_of_this_machine_are_verified_with_their_own_keys_only() {
    let test = "repositories_of_this_machine_are_verified_with_their_own_keys_only";
    let root = Root::open("/").unwrap();
    let lists = root.list_optional(apt::LISTS, 10_000).unwrap();
    let Some(entry) = lists
        .iter()
        .find(|entry| entry.name.ends_with("_InRelease"))
    else {
        return skip(test, "there is no InRelease file");
    };
    let Ok(keys) = std::fs::read("/usr/share/keyrings/debian-archive-keyring.gpg") else {
        return skip(test, "there is no Debian key ring");
    };
    let bytes = root
        .read(&format!("{}/{}", apt::LISTS, entry.name), 64 << 20)
        .unwrap();
    let mut ring = apt::KeyRing::default();
    assert!(ring.add(&keys));
    let (text, verdict) = apt::verify_inline(&bytes, &ring);
    let Signature::Verified { key } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(key.len(), 40);
    assert!(text.unwrap().contains("SHA256:"));

    let changed = String::from_utf8(bytes.clone())
        .unwrap()
        .replacen("Suite: ", "Suite: x", 1);
    assert!(matches!(
        apt::verify_inline(changed.as_bytes(), &ring).1,
        Signature::Bad { .. }
    ));
    assert!(matches!(
        apt::verify_inline(&bytes, &apt::KeyRing::default()).1,
        Signature::UnknownKey { .. }
    ));
    let mut limited = apt::KeyRing::limited_to(vec![key.clone()]);
    limited.add(&keys);
    assert_eq!(
        apt::verify_inline(&bytes, &limited).1,
        Signature::Verified { key }
    );
    let mut other = apt::KeyRing::limited_to(vec!["0".repeat(40)]);
    other.add(&keys);
    assert!(matches!(
        apt::verify_inline(&bytes, &other).1,
        Signature::UnknownKey { .. }
    ));
}
