//! Our reading of rpm and dnf against rpm and dnf themselves.
//!
//! Debian packages: rpm, createrepo-c, dnf.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something fails"
)]

mod tool;

use overlock_model::package::Package;
use overlock_packages::rpm;
use overlock_rootfs::Root;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tool::{all_here, run};

/// A folder in which real packages are built and a root they are installed into.
struct World {
    folder: TempDir,
}

/// What a package is to say of itself.
#[derive(Clone, Copy)]
struct Spec<'a> {
    name: &'a str,
    version: &'a str,
    release: &'a str,
    extra: &'a str,
}

impl<'a> Spec<'a> {
    fn new(name: &'a str, version: &'a str, release: &'a str) -> Self {
        Self {
            name,
            version,
            release,
            extra: "Vendor: Example Linux",
        }
    }

    fn with(self, extra: &'a str) -> Self {
        Self { extra, ..self }
    }
}

impl World {
    fn new() -> Self {
        let world = Self {
            folder: TempDir::new().unwrap(),
        };
        // Debian's rpm keeps its database in the home directory; hosts keep it here.
        fs::write(world.path(".rpmmacros"), "%_dbpath /var/lib/rpm\n").unwrap();
        for folder in [
            "root/var/lib/rpm",
            "root/etc/yum.repos.d",
            "root/etc/dnf/modules.d",
            "root/etc/dnf/plugins",
        ] {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        world
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn text(&self, below: &str) -> String {
        self.path(below).to_str().unwrap().to_owned()
    }

    fn root(&self) -> Root {
        Root::open(self.path("root")).unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        run(self.folder.path(), program, arguments)
    }

    /// Builds packages into a folder.
    fn build(&self, into: &str, specs: &[Spec<'_>]) {
        for spec in specs {
            let Spec {
                name,
                version,
                release,
                extra,
            } = spec;
            let text = format!(
                "Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: x\nLicense: MIT\nBuildArch: noarch\n{extra}\n\
                 %description\nx\n%files\n"
            );
            fs::write(self.path("p.spec"), text).unwrap();
            let top = format!("_topdir {}", self.text("build"));
            let out = format!("_rpmdir {}", self.text(into));
            let file = "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.rpm";
            self.run(
                "rpmbuild",
                &[
                    "-bb", "--quiet", "--define", &top, "--define", &out, "--define", file,
                    "p.spec",
                ],
            );
        }
    }

    fn install(&self, from: &str) {
        let mut files: Vec<_> = fs::read_dir(self.path(from))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        let files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
        let root = self.text("root");
        let mut arguments = vec![
            "--root",
            &root,
            "-i",
            "--justdb",
            "--nodeps",
            "--noscripts",
            "--nosignature",
        ];
        arguments.extend(files);
        self.run("rpm", &arguments);
    }

    /// What rpm itself reads, in the words of [`line`].
    fn oracle(&self) -> Vec<String> {
        let format = "%{NAME}|%{EVR}|%{EPOCH}|%{ARCH}|%{SOURCERPM}|%{MODULARITYLABEL}|%{VENDOR}\n";
        let printed = self.run(
            "rpm",
            &["--root", &self.text("root"), "-qa", "--qf", format],
        );
        let mut lines: Vec<_> = printed.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

/// A package as the oracle's format prints it.
fn line(package: &Package) -> String {
    let or_none = |text: Option<&str>| text.unwrap_or("(none)").to_owned();
    let mut line = format!("{}|{}|", package.name, package.version);
    line += &or_none(package.epoch.map(|epoch| epoch.to_string()).as_deref());
    let source = package
        .source
        .as_ref()
        .map(|name| format!("{name}-{}.src.rpm", package.source_version()));
    write!(
        line,
        "|{}|{}",
        or_none(package.arch.as_deref()),
        or_none(source.as_deref())
    )
    .unwrap();
    write!(
        line,
        "|{}|{}",
        or_none(package.module.as_deref()),
        or_none(package.origin.as_deref())
    )
    .unwrap();
    line
}

fn lines(packages: &[Package]) -> Vec<String> {
    let mut lines: Vec<_> = packages.iter().map(line).collect();
    lines.sort();
    lines
}

fn varied(world: &World) {
    let many = (0..4000)
        .map(|number| format!("Provides: thing-number-{number} = 1\n"))
        .collect::<String>();
    let other_version = "Vendor: Ünïcode & Söhne\n%package -n sub\nVersion: 1.28\nEpoch: 0\nSummary: y\n\
                         %description -n sub\ny\n%files -n sub";
    world.build(
        "installed",
        &[
            Spec::new("plain", "5.1.8", "9.el9"),
            Spec::new("with-epoch", "1.0~rc1", "1.el9").with("Epoch: 2"),
            Spec::new("zero-epoch", "1.0^git1", "1").with("Epoch: 0\nVendor: V"),
            Spec::new("nodejs", "18.2", "1.module_el9")
                .with("Epoch: 1\nModularityLabel: nodejs:18:9020:rhel9"),
            Spec::new("no-vendor", "1", "1").with(""),
            Spec::new("large", "1", "1").with(&many),
            Spec::new("perl", "5.26.3", "422.el8").with(other_version),
        ],
    );
    world.install("installed");
}

#[test]
fn every_fact_of_a_real_database_is_read_as_rpm_prints_it() {
    if !all_here(
        "every_fact_of_a_real_database_is_read_as_rpm_prints_it",
        &["rpm", "rpmbuild"],
    ) {
        return;
    }
    let world = World::new();
    varied(&world);
    let before = snapshot(&world.path("root/var/lib/rpm"));
    let installed = rpm::installed(&world.root()).unwrap().unwrap();
    assert_eq!(
        snapshot(&world.path("root/var/lib/rpm")),
        before,
        "reading must not touch the database"
    );
    assert_eq!(installed.unseen, []);
    assert_eq!(installed.packages.len(), 8, "{:?}", world.oracle());
    assert_eq!(lines(&installed.packages), world.oracle());
}

fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| {
            (
                file.file_name().into_string().unwrap(),
                fs::read(file.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_large_database_with_many_pages_is_read_whole() {
    if !all_here(
        "a_large_database_with_many_pages_is_read_whole",
        &["rpm", "rpmbuild"],
    ) {
        return;
    }
    let world = World::new();
    varied(&world);
    // The same rows many times over: more leaf pages than one interior page of 512-byte pages can name.
    let path = world.path("root/var/lib/rpm/rpmdb.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch("PRAGMA journal_mode=DELETE; PRAGMA page_size=512; VACUUM;")
        .unwrap();
    for _ in 0..6 {
        database
            .execute("INSERT INTO Packages (blob) SELECT blob FROM Packages", [])
            .unwrap();
    }
    let rows: i64 = database
        .query_row("SELECT count(*) FROM Packages", [], |row| row.get(0))
        .unwrap();
    drop(database);
    assert_eq!(
        rpm::installed(&world.root())
            .unwrap()
            .unwrap()
            .packages
            .len() as i64,
        rows
    );
}

#[test]
fn what_only_the_write_ahead_log_holds_is_read() {
    if !all_here(
        "what_only_the_write_ahead_log_holds_is_read",
        &["rpm", "rpmbuild"],
    ) {
        return;
    }
    let world = World::new();
    varied(&world);
    let folder = world.path("root/var/lib/rpm");
    let database = rusqlite::Connection::open(folder.join("rpmdb.sqlite")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database
        .pragma_update(None, "wal_autocheckpoint", 0)
        .unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    let before = rpm::installed(&world.root())
        .unwrap()
        .unwrap()
        .packages
        .len();
    database
        .execute("DELETE FROM Packages WHERE hnum = 1", [])
        .unwrap();
    database
        .execute(
            "INSERT INTO Packages (blob) SELECT blob FROM Packages WHERE hnum IN (2, 3)",
            [],
        )
        .unwrap();
    // A transaction that was not committed leaves frames that do not count.
    database
        .execute_batch("PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN;")
        .unwrap();
    for _ in 0..3 {
        database
            .execute("INSERT INTO Packages (blob) SELECT blob FROM Packages", [])
            .unwrap();
    }
    let log = fs::metadata(folder.join("rpmdb.sqlite-wal")).unwrap().len();
    assert!(log > 100_000, "the log holds the changes: {log}");
    assert_eq!(
        rpm::installed(&world.root())
            .unwrap()
            .unwrap()
            .packages
            .len(),
        before + 1
    );

    // A log cut at any place gives an older state of the database, never nonsense.
    let whole = fs::read(folder.join("rpmdb.sqlite-wal")).unwrap();
    drop(database);
    let main = fs::read(folder.join("rpmdb.sqlite")).unwrap();
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        let wal = &whole[..cut];
        let Ok(database) = rpm::sqlite::Sqlite::open(&main[..], Some(wal)) else {
            continue;
        };
        let _ = database.rows("Packages", |_, _| ());
    }
}

#[test]
fn an_ndb_file_with_real_headers_is_read_as_the_sqlite_one() {
    if !all_here(
        "an_ndb_file_with_real_headers_is_read_as_the_sqlite_one",
        &["rpm", "rpmbuild"],
    ) {
        return;
    }
    let world = World::new();
    varied(&world);
    let sqlite = rpm::installed(&world.root()).unwrap().unwrap();
    let folder = world.path("root/var/lib/rpm");
    let database = rusqlite::Connection::open(folder.join("rpmdb.sqlite")).unwrap();
    let mut query = database.prepare("SELECT blob FROM Packages").unwrap();
    let blobs: Vec<Vec<u8>> = query
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(query);
    drop(database);
    for file in ["rpmdb.sqlite", "rpmdb.sqlite-wal", "rpmdb.sqlite-shm"] {
        let _ = fs::remove_file(folder.join(file));
    }
    let bytes = ndb(&blobs);
    fs::write(folder.join("Packages.db"), &bytes).unwrap();
    let native = rpm::installed(&world.root()).unwrap().unwrap();
    assert_eq!(native.packages, sqlite.packages);
    assert!(native.database.ends_with("Packages.db"));

    // One damaged blob costs one package, and is told.
    let mut damaged = bytes.clone();
    let inside = damaged.len() - 100;
    damaged[inside] ^= 0xff;
    fs::write(folder.join("Packages.db"), &damaged).unwrap();
    let rest = rpm::installed(&world.root()).unwrap().unwrap();
    assert_eq!(
        (rest.packages.len() + 1, rest.unseen.len()),
        (sqlite.packages.len(), 1)
    );

    for cut in [0, 10, 31, 4095, 5000, bytes.len() - 1] {
        fs::write(folder.join("Packages.db"), &bytes[..cut]).unwrap();
        match rpm::installed(&world.root()) {
            Err(_) => {}
            Ok(found) => assert!(!found.unwrap().unseen.is_empty(), "cut at {cut}"),
        }
    }
}

/// An ndb file as rpm lays it out: slots, then blobs.
fn ndb(blobs: &[Vec<u8>]) -> Vec<u8> {
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let magic = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let mut head = words(&[magic(b"RpmP"), 0, 7, 1, blobs.len() as u32 + 1, 0, 0, 0]);
    let mut body = Vec::new();
    for (number, blob) in blobs.iter().enumerate() {
        let number = number as u32 + 1;
        let mut block = words(&[magic(b"BlbS"), number, 1, blob.len() as u32]);
        block.extend(blob);
        block.resize((block.len() + 12).next_multiple_of(16) - 12, 0);
        let sum = adler32(&block);
        block.extend(words(&[sum, blob.len() as u32, magic(b"BlbE")]));
        head.extend(words(&[
            magic(b"Slot"),
            number,
            (4096 + body.len() as u32) / 16,
            block.len() as u32 / 16,
        ]));
        body.extend(block);
    }
    while head.len() < 4096 {
        head.extend(words(&[magic(b"Slot"), 0, 0, 0]));
    }
    head.extend(body);
    head
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1u64, 0u64), |(low, high), byte| {
        let low = (low + u64::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    (high << 16 | low) as u32
}

#[test]
fn headers_of_package_files_are_read_as_rpm_prints_them() {
    if !all_here(
        "headers_of_package_files_are_read_as_rpm_prints_them",
        &["rpm", "rpmbuild"],
    ) {
        return;
    }
    let world = World::new();
    varied(&world);
    let mut found = Vec::new();
    for file in fs::read_dir(world.path("installed")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let package = rpm::package_file::parse(&bytes).unwrap();
        found.push(rpm::package(&package.header).unwrap());
        for cut in [0, 50, 96, 110, 200, 300] {
            assert!(
                rpm::package_file::parse(&bytes[..cut]).is_err(),
                "cut at {cut}"
            );
        }
    }
    assert_eq!(lines(&found), world.oracle());
}

#[test]
fn damaged_databases_are_errors_and_never_panics() {
    if !all_here(
        "damaged_databases_are_errors_and_never_panics",
        &["rpm", "rpmbuild"],
    ) {
        return;
    }
    let world = World::new();
    varied(&world);
    let whole = fs::read(world.path("root/var/lib/rpm/rpmdb.sqlite")).unwrap();
    let read = |bytes: &[u8]| {
        let mut rows = 0;
        let outcome = rpm::sqlite::Sqlite::open(bytes, None)
            .and_then(|database| database.rows("Packages", |_, _| rows += 1));
        (outcome.is_ok(), rows)
    };
    let (is_ok, rows) = read(&whole);
    assert!(is_ok && rows > 0);
    for cut in (0..whole.len() - 1).step_by(997) {
        let _ = read(&whole[..cut]);
    }
    assert!(!read(&whole[..4096]).0 && !read(b"").0 && !read(&[0x5a; 9000]).0);
    // Bytes of the header, of the schema and of b-tree pages, each set to values that mislead.
    for at in (0..whole.len()).step_by(13) {
        for value in [0, 0x05, 0x7f, 0xff] {
            let mut bad = whole.clone();
            bad[at] = value;
            if at < 4096 || at % 4096 < 16 {
                let _ = read(&bad);
            }
        }
    }
    fs::write(
        world.path("root/var/lib/rpm/rpmdb.sqlite"),
        &whole[..whole.len() / 2],
    )
    .unwrap();
    let error = rpm::installed(&world.root()).unwrap_err();
    assert!(error.hint().unwrap().contains("rebuilddb"), "{error}");
}

#[test]
fn the_old_berkeley_format_is_a_clear_error() {
    let world = World::new();
    let mut page = vec![0; 4096];
    page[12..16].copy_from_slice(&0x0006_1561u32.to_le_bytes());
    fs::write(world.path("root/var/lib/rpm/Packages"), page).unwrap();
    let error = rpm::installed(&world.root()).unwrap_err();
    assert!(error.to_string().contains("Berkeley"), "{error}");
    assert!(error.hint().unwrap().contains("rpmdb --rebuilddb"));
    // An empty new database beside it does not make the host an empty one.
    let database = rusqlite::Connection::open(world.path("root/var/lib/rpm/rpmdb.sqlite")).unwrap();
    database
        .execute_batch("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)")
        .unwrap();
    drop(database);
    assert!(rpm::installed(&world.root()).is_err());
    fs::remove_file(world.path("root/var/lib/rpm/Packages")).unwrap();
    assert_eq!(rpm::installed(&world.root()).unwrap().unwrap().packages, []);
}

#[test]
fn a_root_without_rpm_is_none() {
    let world = World::new();
    assert_eq!(rpm::installed(&world.root()).unwrap(), None);
}

const MODULES: &str = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  stream: \"18\"\n  version: 1\n  context: aa\n  \
    arch: noarch\n  summary: n\n  description: >-\n    n\n  license:\n    module:\n    - MIT\n  artifacts:\n    rpms:\n    \
    - nodejs-1:18.2-1.module_el9.noarch\n...\n---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  stream: \"20\"\n  \
    version: 1\n  context: aa\n  arch: noarch\n  summary: n\n  description: >-\n    n\n  license:\n    module:\n    - MIT\n  \
    artifacts:\n    rpms:\n    - nodejs-1:20.1-1.module_el9.noarch\n...\n";

const UPDATEINFO: &str = r#"<?xml version="1.0" encoding="UTF-8"?><updates><update from="e" status="final" type="security"
    version="1"><id>EX-1</id><title>t</title><issued date="2026-01-01 00:00:00"/><pkglist><collection short="x"><name>x</name>
    <package name="bash" version="5.1" release="2.el9" epoch="0" arch="noarch" src="bash-5.1-2.el9.src.rpm">
    <filename>bash-5.1-2.el9.rpm</filename></package></collection></pkglist></update></updates>"#;

#[test]
fn offers_are_those_of_dnf() {
    if !all_here(
        "offers_are_those_of_dnf",
        &["rpm", "rpmbuild", "createrepo_c", "modifyrepo_c", "dnf"],
    ) {
        return;
    }
    let world = World::new();
    let modular = "Epoch: 1\nModularityLabel: nodejs:18:1:aa\nVendor: Example Linux";
    world.build(
        "installed",
        &[
            Spec::new("bash", "5.1", "1.el9"),
            Spec::new("curl", "7.76", "1.el9").with(""),
            Spec::new("nodejs", "18.1", "1.module_el9").with(modular),
            Spec::new("vim", "9", "1.el9").with(""),
            Spec::new("zsh", "5.8", "1.el9"),
            Spec::new("newer-here", "3", "1.el9"),
            Spec::new("older-there", "2", "1.el9"),
            Spec::new("unknown-there", "1", "1.el9"),
        ],
    );
    let tied = "Requires: curl = 7.76-2.el9\nRequires: vim >= 8";
    world.build(
        "preferred",
        &[
            Spec::new("bash", "5.1", "2.el9").with(tied),
            Spec::new("bash", "5.0", "9.el9"),
            Spec::new("curl", "7.76", "2.el9"),
            Spec::new("nodejs", "18.2", "1.module_el9").with(modular),
            Spec::new("nodejs", "20.1", "1.module_el9")
                .with("Epoch: 1\nModularityLabel: nodejs:20:1:aa"),
            Spec::new("nodejs", "22", "1.el9").with("Epoch: 1"),
            Spec::new("vim", "9", "1.el9"),
            Spec::new("zsh", "5.9", "1.el9"),
            Spec::new("newer-here", "2", "1.el9"),
            Spec::new("older-there", "1", "1.el9"),
        ],
    );
    world.build(
        "other",
        &[
            Spec::new("bash", "5.3", "1.el9"),
            Spec::new("curl", "8", "1.el9"),
            Spec::new("newer-here", "4", "1.el9"),
        ],
    );
    world.install("installed");
    fs::write(world.path("modules.yaml"), MODULES).unwrap();
    fs::write(world.path("updateinfo.xml"), UPDATEINFO).unwrap();
    for repository in ["preferred", "other"] {
        world.run("createrepo_c", &["-q", &world.text(repository)]);
    }
    let repodata = world.text("preferred/repodata");
    world.run(
        "modifyrepo_c",
        &["--mdtype=modules", &world.text("modules.yaml"), &repodata],
    );
    world.run(
        "modifyrepo_c",
        &[
            "--mdtype=updateinfo",
            &world.text("updateinfo.xml"),
            &repodata,
        ],
    );
    let section = |id: &str, more: &str| {
        format!(
            "[{id}]\nname={id}\nbaseurl=file://{}\ngpgcheck=0\n{more}\n",
            world.text(id)
        )
    };
    let configuration =
        section("preferred", "priority=10\nexcludepkgs=zsh") + &section("other", "");
    fs::write(world.path("root/etc/yum.repos.d/test.repo"), configuration).unwrap();
    fs::write(
        world.path("root/etc/dnf/modules.d/nodejs.module"),
        "[nodejs]\nname=nodejs\nstream=18\nprofiles=\nstate=enabled\n",
    )
    .unwrap();

    let root = format!("--installroot={}", world.text("root"));
    let folders = [
        ("reposdir", "root/etc/yum.repos.d"),
        ("cachedir", "root/var/cache/dnf"),
    ];
    let folders = folders.map(|(option, path)| format!("--setopt={option}={}", world.text(path)));
    let mut dnf = vec![
        "-q",
        "--releasever=9",
        "--setopt=module_platform_id=platform:el9",
        "--noplugins",
        &root,
    ];
    dnf.extend(folders.iter().map(String::as_str));
    world.run("dnf", &[&dnf[..], &["makecache"]].concat());
    // `name arch version repository size unit`; what the solver would do, which `list --upgrades` does not always say.
    let loud = [&dnf[1..], &["upgrade", "--assumeno"]].concat();
    let printed = tool::run_refused(world.folder.path(), "dnf", &loud);
    let rows = printed.lines().map(|line| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let mut expected: Vec<_> = rows
        .filter(|row| row.len() == 6 && row[1] == "noarch")
        .map(|row| [row[0].clone(), row[2].clone(), row[3].clone()])
        .collect();
    expected.sort();

    let tree = world.root();
    let mut packages = rpm::installed(&tree).unwrap().unwrap().packages;
    let survey = rpm::survey(&tree, &mut packages);
    assert_eq!(survey.unseen, []);
    let installed = |name: &str| {
        packages
            .iter()
            .find(|package| package.name == name)
            .unwrap()
    };
    let found: Vec<_> = survey
        .offers
        .iter()
        .filter(|offer| {
            offer.blocked.is_none() && offer.version != installed(&offer.package).version
        })
        .map(|offer| {
            [
                offer.package.clone(),
                offer.version.clone(),
                offer.repository.clone(),
            ]
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        found.len(),
        4,
        "bash, curl, newer-here and nodejs: {found:?}"
    );

    let offer = |name: &str| {
        survey
            .offers
            .iter()
            .find(|offer| offer.package == name)
            .unwrap()
    };
    assert!(offer("bash").security && !offer("curl").security);
    assert_eq!(
        offer("bash").requires_exactly,
        [("curl".to_owned(), "7.76-2.el9".to_owned())]
    );
    assert_eq!(offer("bash").sha256.as_ref().unwrap().len(), 64);
    assert_eq!(
        (
            offer("zsh").version.as_str(),
            offer("zsh").blocked.is_some()
        ),
        ("5.9-1.el9", true)
    );
    assert_eq!(offer("older-there").version, "2-1.el9");
    assert!(
        survey
            .offers
            .iter()
            .all(|offer| offer.package != "unknown-there")
    );
    assert_eq!(survey.repositories[0].packages, Some(10));
    assert!(survey.repositories[0].security && survey.repositories[0].fetched.is_some());
    // `vim` has no vendor and stands in a repository in just this build; of `curl` another build stands there.
    assert_eq!(installed("vim").origin.as_deref(), Some("Example Linux"));
    assert_eq!(
        (
            installed("curl").origin.as_deref(),
            installed("bash").origin.as_deref()
        ),
        (None, Some("Example Linux"))
    );

    let files = rpm::updateinfo_files(&tree);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].0, "preferred");
    assert!(
        files[0].1.starts_with("/var/cache/dnf/preferred-")
            && files[0].1.contains("updateinfo.xml")
    );

    // What `dnf upgrade` of dnf 4.14 took with each of these lines in its versionlock plugin's list.
    for (lock, taken) in [
        ("bash-0:5.1-1.el9.*", None),
        ("bash-5.1-1.el9", None),
        ("ba*-5.1-1*", None),
        ("bash", Some("5.1-2.el9")),
        ("bash-5.1", Some("5.1-2.el9")),
        ("bash-5.1*", Some("5.1-2.el9")),
        ("bash-*", Some("5.1-2.el9")),
        ("bash-0:5.1-2.el9.*", Some("5.1-2.el9")),
        ("!bash-5.1-2.el9", Some("5.3-1.el9")),
        ("bash-0:5.3*", Some("5.3-1.el9")),
    ] {
        fs::write(world.path("root/etc/dnf/plugins/versionlock.list"), lock).unwrap();
        let survey = rpm::survey(&tree, &mut packages);
        let offer = survey
            .offers
            .iter()
            .find(|offer| offer.package == "bash")
            .unwrap();
        let found = offer.blocked.is_none().then_some(offer.version.as_str());
        assert_eq!(found, taken, "{lock}");
    }
    fs::remove_file(world.path("root/etc/dnf/plugins/versionlock.list")).unwrap();

    // Metadata that was changed behind the table of contents is refused and told.
    let cache = fs::read_dir(world.path("root/var/cache/dnf"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let cache = cache
        .into_iter()
        .find(|path| path.is_dir() && path.to_str().unwrap().contains("/other-"))
        .unwrap()
        .join("repodata");
    let primary = fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let primary = primary
        .into_iter()
        .find(|path| path.to_str().unwrap().contains("primary"))
        .unwrap();
    let bytes = fs::read(&primary).unwrap();
    fs::write(&primary, &bytes[..bytes.len() - 1]).unwrap();
    let survey = rpm::survey(&tree, &mut packages);
    assert_eq!(survey.unseen.len(), 1);
    assert!(
        survey.unseen[0].what.contains("other"),
        "{:?}",
        survey.unseen
    );
}

#[test]
fn offers_are_those_of_zypper() {
    let programs = ["rpm", "rpmbuild", "createrepo_c", "zypper"];
    if !all_here("offers_are_those_of_zypper", &programs) {
        return;
    }
    let world = World::new();
    let other = "Vendor: Other Vendor";
    world.build(
        "installed",
        &[
            Spec::new("bash", "5.1", "1"),
            Spec::new("curl", "7.76", "1"),
            Spec::new("vim", "9", "1"),
            Spec::new("zsh", "5.8", "1"),
        ],
    );
    world.build(
        "preferred",
        &[
            Spec::new("bash", "5.1", "2"),
            Spec::new("curl", "7.77", "1.module_x"),
            Spec::new("vim", "10", "1").with(other),
            Spec::new("zsh", "5.9", "1"),
        ],
    );
    world.build("other", &[Spec::new("bash", "5.3", "1")]);
    world.install("installed");
    fs::create_dir_all(world.path("root/etc/zypp/repos.d")).unwrap();
    for (repository, priority) in [("preferred", 90), ("other", 99)] {
        world.run("createrepo_c", &["-q", &world.text(repository)]);
        let address = world.text(repository);
        let text = format!(
            "[{repository}]\nname={repository}\nenabled=1\nbaseurl=file://{address}\ntype=rpm-md\npriority={priority}\n"
        );
        fs::write(
            world.path(&format!("root/etc/zypp/repos.d/{repository}.repo")),
            text,
        )
        .unwrap();
    }
    let lock = "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: zsh\n";
    fs::write(world.path("root/etc/zypp/locks"), lock).unwrap();
    let root = world.text("root");
    let zypper = ["--root", &root, "--non-interactive", "--no-gpg-checks"];
    world.run("zypper", &[&zypper[..], &["refresh"]].concat());
    let printed = world.run("zypper", &[&zypper[..], &["list-updates"]].concat());
    let cells = |line: &str| {
        line.split('|')
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let rows = printed
        .lines()
        .map(cells)
        .filter(|row| row.len() == 6 && row[5] == "noarch");
    let expected: Vec<_> = rows
        .map(|row| [row[2].clone(), row[4].clone(), row[1].clone()])
        .collect();

    let tree = world.root();
    let mut packages = rpm::installed(&tree).unwrap().unwrap().packages;
    let survey = rpm::survey(&tree, &mut packages);
    assert_eq!(survey.unseen, []);
    let installed = |name: &str| {
        packages
            .iter()
            .find(|package| package.name == name)
            .unwrap()
    };
    let updates = survey.offers.iter().filter(|offer| {
        offer.blocked.is_none() && offer.version != installed(&offer.package).version
    });
    let found: Vec<_> = updates
        .map(|offer| {
            [
                offer.package.clone(),
                offer.version.clone(),
                offer.repository.clone(),
            ]
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 2, "bash and curl: {found:?}");
    assert_eq!(
        installed("zsh").hold,
        Some(overlock_model::package::Hold::Hold)
    );
}
