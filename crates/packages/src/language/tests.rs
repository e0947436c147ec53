use super::*;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        self.write_mode(path, content, 0o644)
    }

    fn write_mode(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> &Self {
        let path = self.folder.path().join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn root(&self) -> Root {
        Root::open(self.folder.path().join("root")).unwrap()
    }

    fn survey(&self) -> LanguageSurvey {
        survey(&self.root(), &Options::default()).unwrap()
    }

    fn survey_cached(&self) -> LanguageSurvey {
        let cache = self.folder.path().join("cache");
        survey(
            &self.root(),
            &Options {
                cache: Some(&cache),
                ..Options::default()
            },
        )
        .unwrap()
    }
}

fn words(survey: &LanguageSurvey) -> Vec<String> {
    survey
        .packages
        .iter()
        .map(|package| format!("{} {} {}", package.kind, package.name, package.version))
        .collect()
}

fn metadata(name: &str, version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n")
}

/// A 64-bit little-endian ELF file with one section besides the names and one writable segment over the same bytes.
fn elf(name: &str, content: &[u8], address: u64) -> Vec<u8> {
    let names = format!("\0{name}\0.shstrtab\0");
    let content_at = 64 + 56;
    let names_at = content_at + content.len();
    let table_at = names_at + names.len();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [2_u16, 62] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes());
    for word in [0_u64, 64, table_at as u64] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 64, 3, 2] {
        file.extend(half.to_le_bytes());
    }
    for four in [1_u32, 6] {
        file.extend(four.to_le_bytes());
    }
    for word in [
        content_at as u64,
        address,
        address,
        content.len() as u64,
        content.len() as u64,
        16,
    ] {
        file.extend(word.to_le_bytes());
    }
    file.extend(content);
    file.extend(names.as_bytes());
    let second = 1 + name.len() as u32 + 1;
    for (name, kind, address, offset, size) in [
        (0, 0, 0, 0, 0),
        (1, 1, address, content_at, content.len()),
        (second, 3, 0, names_at, names.len()),
    ] {
        file.extend(u32::to_le_bytes(name));
        file.extend(u32::to_le_bytes(kind));
        for word in [0, address, offset as u64, size as u64, 0, 1, 0] {
            file.extend(u64::to_le_bytes(word));
        }
        // sh_link and sh_info are one word above.
    }
    file
}

fn audit_data(json: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(json.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

const AUDIT: &str = r#"{"packages":[
    {"name":"own","version":"0.1.0","source":"local","root":true,"dependencies":[1]},
    {"name":"serde","version":"1.0.200","source":"registry"},
    {"name":"cc","version":"1.0.0","source":"registry","kind":"build"}]}"#;

const MODULES: &str = "path\texample.org/tool\nmod\texample.org/tool\t(devel)\t\ndep\texample.org/lib\tv1.2.3\th1:abc=\n";

fn marked(modules: &str) -> Vec<u8> {
    [b"0123456789abcdef", modules.as_bytes(), b"fedcba9876543210"].concat()
}

fn varint(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes
}

fn go_inline(go: &str, modules: &str) -> Vec<u8> {
    let modules = marked(modules);
    let mut bytes = b"\xff Go buildinf:\x08\x02".to_vec();
    bytes.resize(32, 0);
    bytes.extend(varint(go.len()));
    bytes.extend(go.as_bytes());
    bytes.extend(varint(modules.len()));
    bytes.extend(modules);
    bytes
}

/// The form before Go 1.18, for pointers of four or eight bytes in both byte orders.
fn go_pointers(go: &str, modules: &str, size: usize, big_endian: bool, address: u64) -> Vec<u8> {
    let modules = marked(modules);
    let word = |value: u64| {
        let bytes = if big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        };
        if big_endian {
            bytes[8 - size..].to_vec()
        } else {
            bytes[..size].to_vec()
        }
    };
    let mut bytes = b"\xff Go buildinf:".to_vec();
    bytes.extend([size as u8, u8::from(big_endian)]);
    let headers = address + 32;
    bytes.extend(word(headers));
    bytes.extend(word(headers + 2 * size as u64));
    bytes.resize(32, 0);
    let text = headers + 4 * size as u64;
    for value in [
        text,
        go.len() as u64,
        text + go.len() as u64,
        modules.len() as u64,
    ] {
        bytes.extend(word(value));
    }
    bytes.extend(go.as_bytes());
    bytes.extend(modules);
    bytes
}

#[test]
fn python_distributions_are_found_wherever_they_are_installed() {
    let world = World::new();
    world
        .write(
            "usr/local/lib/python3.11/site-packages/Flask-2.0.dist-info/METADATA",
            metadata("Flask", "2.0"),
        )
        .write(
            "srv/app/.venv/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA",
            metadata("six", "1.16.0"),
        )
        .write(
            "opt/old/lib/python2.7/dist-packages/abc-1.egg-info",
            metadata("abc", "1"),
        )
        .write(
            "opt/old/lib/python2.7/dist-packages/def-2.egg-info/PKG-INFO",
            metadata("def", "2"),
        )
        .write(
            "home/a/.cache/x.dist-info/METADATA",
            metadata("cached", "1"),
        )
        .write("home/a/lib/broken.dist-info/METADATA", "Name: x\n");
    let survey = world.survey();
    assert_eq!(
        words(&survey),
        [
            "pypi abc 1",
            "pypi def 2",
            "pypi six 1.16.0",
            "pypi Flask 2.0"
        ]
    );
    assert_eq!(
        survey.packages[3].path.as_deref(),
        Some("usr/local/lib/python3.11/site-packages/Flask-2.0.dist-info/METADATA")
    );
    assert_eq!(survey.unseen.len(), 1);
    assert_eq!(
        survey.unseen[0].what,
        "home/a/lib/broken.dist-info/METADATA"
    );
    let home = survey
        .search_roots
        .iter()
        .find(|root| root.path == "home")
        .unwrap();
    assert_eq!(home.pruned, [".cache (1): caches"]);
}

#[test]
fn node_modules_are_found_scoped_and_nested_and_once() {
    let world = World::new();
    world
        .write("srv/x/package.json", r#"{"name":"x","version":"1.0.0"}"#)
        .write(
            "srv/x/node_modules/a/package.json",
            r#"{"name":"a","version":"1.0.0"}"#,
        )
        .write(
            "srv/x/node_modules/a/test/package.json",
            r#"{"name":"fixture","version":"1.0.0"}"#,
        )
        .write(
            "srv/x/node_modules/a/node_modules/b/package.json",
            r#"{"name":"b","version":"2.0.0"}"#,
        )
        .write(
            "srv/x/node_modules/@s/c/package.json",
            r#"{"name":"@s/c","version":"3.0.0"}"#,
        )
        .write("srv/x/node_modules/d/package.json", r#"{"type":"module"}"#)
        .write(
            "usr/local/lib/node_modules/npm/package.json",
            r#"{"name":"npm","version":"10.0.0"}"#,
        );
    assert_eq!(
        words(&world.survey()),
        [
            "npm @s/c 3.0.0",
            "npm b 2.0.0",
            "npm a 1.0.0",
            "npm npm 10.0.0"
        ]
    );
}

#[test]
fn crates_and_modules_are_read_from_binaries() {
    let world = World::new();
    world
        .write_mode(
            "usr/local/bin/rusty",
            elf(".dep-v0", &audit_data(AUDIT), 0x4000),
            0o755,
        )
        .write_mode(
            "opt/go/tool",
            elf(".go.buildinfo", &go_inline("go1.21.5", MODULES), 0x4000),
            0o755,
        )
        .write_mode(
            "opt/go/stripped",
            elf(".data", &go_inline("go1.20", ""), 0x4000),
            0o755,
        )
        .write_mode(
            "opt/go/old",
            elf(
                ".go.buildinfo",
                &go_pointers("go1.16.3", MODULES, 8, false, 0x4000),
                0x4000,
            ),
            0o755,
        )
        // Not to be run by anyone, outside a folder of programs.
        .write("srv/data", elf(".dep-v0", &audit_data(AUDIT), 0x4000));
    let survey = world.survey();
    assert_eq!(survey.unseen, []);
    assert_eq!(
        words(&survey),
        [
            "golang example.org/lib v1.2.3",
            "golang example.org/tool (devel)",
            "golang stdlib 1.16.3",
            "golang stdlib 1.20.0",
            "golang example.org/lib v1.2.3",
            "golang example.org/tool (devel)",
            "golang stdlib 1.21.5",
            "cargo serde 1.0.200",
        ]
    );
}

#[test]
fn pointer_form_is_read_in_every_size_and_order() {
    for size in [4, 8] {
        for big_endian in [false, true] {
            let file = elf(
                ".go.buildinfo",
                &go_pointers("go1.16", MODULES, size, big_endian, 0x1000),
                0x1000,
            );
            let info = build_info(&Elf::read(&file[..]).unwrap()).unwrap().unwrap();
            assert_eq!(
                info,
                BuildInfo {
                    go: "go1.16".to_owned(),
                    modules: MODULES.to_owned()
                }
            );
        }
    }
}

#[test]
fn a_section_added_by_binutils_is_found() {
    let test = "a_section_added_by_binutils_is_found";
    let (Some(gcc), Some(objcopy)) = (
        overlock_testkit::tool(test, "gcc"),
        overlock_testkit::tool(test, "objcopy"),
    ) else {
        return;
    };
    let world = World::new();
    world
        .write("a.c", "int main(void){return 0;}")
        .write("section", audit_data(AUDIT));
    let at = |name: &str| world.folder.path().join("root").join(name);
    fs::create_dir_all(at("usr/local/bin")).unwrap();
    let run = |command: &mut std::process::Command| assert!(command.status().unwrap().success());
    run(std::process::Command::new(gcc)
        .arg("-o")
        .arg(at("plain"))
        .arg(at("a.c")));
    let section = format!(".dep-v0={}", at("section").display());
    run(std::process::Command::new(objcopy)
        .args(["--add-section", &section])
        .arg(at("plain"))
        .arg(at("usr/local/bin/program")));
    assert_eq!(words(&world.survey()), ["cargo serde 1.0.200"]);
}

#[test]
fn a_bomb_in_a_binary_is_reported_and_costs_its_limit() {
    let bomb = audit_data(&format!(
        "{{\"packages\":[],\"x\":\"{}\"}}",
        "0".repeat(32 << 20)
    ));
    let world = World::new();
    world.write_mode("usr/bin/bomb", elf(".dep-v0", &bomb, 0), 0o755);
    let survey = world.survey();
    assert_eq!(survey.packages, []);
    assert_eq!(survey.unseen[0].what, "usr/bin/bomb");
}

#[test]
fn packages_that_dpkg_installed_are_left_out_and_counted() {
    let world = World::new();
    world
        .write(
            "usr/lib/python3/dist-packages/six-1.egg-info",
            metadata("six", "1"),
        )
        .write(
            "usr/lib/python3/dist-packages/mine.dist-info/METADATA",
            metadata("mine", "1"),
        )
        .write_mode(
            "usr/bin/gotool",
            elf(".go.buildinfo", &go_inline("go1.21.5", MODULES), 0),
            0o755,
        )
        // Recorded before /usr was merged.
        .write(
            "var/lib/dpkg/info/a.list",
            "/.\n/usr/lib/python3/dist-packages/six-1.egg-info\n/bin/gotool\n",
        );
    for survey in [world.survey(), world.survey_cached(), world.survey_cached()] {
        assert_eq!(words(&survey), ["pypi mine 1"]);
        assert_eq!(survey.owned_by_os, 4);
        assert!(
            survey.unseen[0]
                .why
                .starts_with("4 language packages belong to")
        );
    }
}

#[test]
fn packages_of_apk_pacman_and_rpm_are_left_out() {
    let path = "usr/lib/python3.11/site-packages/six-1.dist-info/METADATA";
    let apk = World::new();
    apk.write(path, metadata("six", "1")).write(
        "lib/apk/db/installed",
        "P:py3-six\nV:1\nF:usr/lib/python3.11/site-packages/six-1.dist-info\nR:METADATA\n\n",
    );
    let pacman = World::new();
    pacman.write(path, metadata("six", "1")).write(
        "var/lib/pacman/local/python-six-1-1/files",
        format!("%FILES%\nusr/\n{path}\n"),
    );
    let rpm = World::new();
    rpm.write(path, metadata("six", "1"))
        .write("var/lib/rpm/rpmdb.sqlite", "");
    for world in [&apk, &pacman, &rpm] {
        let survey = world.survey();
        assert_eq!((words(&survey), survey.owned_by_os), (Vec::new(), 1));
    }
    rpm.write(&path.replace("METADATA", "INSTALLER"), "pip\n");
    assert_eq!(words(&rpm.survey()), ["pypi six 1"]);
}

#[test]
fn links_are_not_followed_and_prunes_are_reported() {
    let world = World::new();
    world
        .write("usr/lib/x.dist-info/METADATA", metadata("x", "1"))
        .write(
            "var/lib/docker/overlay2/l/usr/lib/y.dist-info/METADATA",
            metadata("y", "1"),
        );
    let root = world.folder.path().join("root");
    std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
    std::os::unix::fs::symlink("..", root.join("usr/loop")).unwrap();
    let survey = world.survey();
    assert_eq!(words(&survey), ["pypi x 1"]);
    let of = |path| survey.search_roots.iter().find(|root| root.path == path);
    assert_eq!(of("lib"), None);
    assert_eq!(
        of("var/lib").unwrap().pruned,
        ["var/lib/docker: layers of containers, each judged as its own root"]
    );
}

#[test]
fn the_cache_gives_the_same_answer_and_sees_every_change() {
    let world = World::new();
    world
        .write("srv/a.dist-info/METADATA", metadata("a", "1"))
        .write("srv/deep/er/x", "no program")
        .write_mode(
            "srv/deep/tool",
            elf(".go.buildinfo", &go_inline("go1.21.5", MODULES), 0),
            0o755,
        );
    let cold = world.survey_cached();
    assert_eq!(cold, world.survey());
    assert_eq!(world.survey_cached(), cold);

    world.write(
        "srv/deep/er/node_modules/n/package.json",
        r#"{"name":"n","version":"1.0.0"}"#,
    );
    assert!(words(&world.survey_cached()).contains(&"npm n 1.0.0".to_owned()));
    // Changed in place: no directory tells.
    world.write("srv/a.dist-info/METADATA", metadata("a", "2.0"));
    assert!(words(&world.survey_cached()).contains(&"pypi a 2.0".to_owned()));
    world.write_mode(
        "srv/deep/tool",
        elf(".go.buildinfo", &go_inline("go1.22.0", MODULES), 0),
        0o755,
    );
    assert!(words(&world.survey_cached()).contains(&"golang stdlib 1.22.0".to_owned()));
    fs::remove_dir_all(world.folder.path().join("root/srv/deep/er")).unwrap();
    assert_eq!(world.survey_cached(), world.survey());
}

/// Time stamps of the past, so that the records are kept; then one is changed to see that the cache is what answers.
#[test]
fn unchanged_files_are_answered_from_the_cache() {
    let world = World::new();
    world.write("srv/a.dist-info/METADATA", metadata("aaa", "1"));
    let root = world.folder.path().join("root");
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for path in ["srv/a.dist-info/METADATA", "srv/a.dist-info", "srv"] {
        fs::File::open(root.join(path))
            .unwrap()
            .set_modified(past)
            .unwrap();
    }
    assert_eq!(words(&world.survey_cached()), ["pypi aaa 1"]);
    let cache = fs::read_dir(world.folder.path().join("cache"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&cache).unwrap();
    fs::write(&cache, text.replace("\"aaa\"", "\"bbb\"")).unwrap();
    assert_eq!(words(&world.survey_cached()), ["pypi bbb 1"]);

    for damaged in [
        &b""[..],
        b"{",
        b"\xff\xfe",
        b"{\"version\":0}",
        b"{\"version\":99,\"records\":{}}",
    ] {
        fs::write(&cache, damaged).unwrap();
        assert_eq!(words(&world.survey_cached()), ["pypi aaa 1"]);
        assert!(
            fs::read_to_string(&cache).unwrap().contains("aaa"),
            "it is replaced"
        );
    }
    let left: Vec<_> = fs::read_dir(world.folder.path().join("cache"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "nothing half-written stays");
}

#[test]
fn the_limit_on_entries_ends_the_search_and_says_so() {
    let world = World::new();
    for index in 0..20 {
        world.write(
            &format!("srv/{index:02}/x.dist-info/METADATA"),
            metadata("x", "1"),
        );
    }
    let survey = survey(
        &world.root(),
        &Options {
            entries_max: 30,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(survey.packages.len(), 10);
    assert!(
        survey
            .unseen
            .iter()
            .any(|unseen| unseen.why.contains("limit on directory entries"))
    );
}

#[test]
fn a_named_search_root_has_to_exist() {
    let world = World::new();
    world.write("x/a.dist-info/METADATA", metadata("a", "1"));
    let options = |roots: &[&str]| Options {
        search_roots: Some(roots.iter().map(|root| (*root).to_owned()).collect()),
        ..Options::default()
    };
    assert_eq!(
        words(&survey(&world.root(), &options(&["/x/", "x"])).unwrap()),
        ["pypi a 1"]
    );
    assert!(survey(&world.root(), &options(&["/nowhere"])).is_err());
}

/// The machine's own global Node.js modules are a real sample; npm itself is the oracle.
#[test]
fn npm_itself_lists_the_same_global_modules() {
    let test = "npm_itself_lists_the_same_global_modules";
    let Some(npm) = overlock_testkit::tool(test, "npm") else {
        return;
    };
    let output = |arguments: &[&str]| {
        let output = std::process::Command::new(&npm)
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = output(&["root", "-g"]);
    let folder = folder.trim().trim_start_matches('/');
    let Ok(listed) = serde_json::from_str(&output(&["ls", "-g", "--json", "--all"])) else {
        return overlock_testkit::skip(test, "npm does not list its modules");
    };
    let mut expected = std::collections::BTreeSet::new();
    collect(&listed, &mut expected);
    if expected.is_empty() {
        return overlock_testkit::skip(test, "npm has no global modules");
    }
    let root = Root::open("/").unwrap();
    // Owned by a package or not is no matter here, so the walk is asked and not the survey.
    let mut search = Search::new(&root, None, ENTRIES_MAX);
    search.below(folder, &[]);
    let found: std::collections::BTreeSet<_> = search
        .finish()
        .0
        .into_iter()
        .flat_map(|(_, found)| found)
        .filter(|found| found.kind == PackageType::Npm)
        .map(|found| (found.name, found.version))
        .collect();
    // npm leaves out bundled modules that nothing asks for; each one it names has to be here.
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(found.len() >= expected.len());
}

fn collect(value: &serde_json::Value, into: &mut std::collections::BTreeSet<(String, String)>) {
    let Some(modules) = value["dependencies"].as_object() else {
        return;
    };
    for (name, module) in modules {
        if let Some(version) = module["version"].as_str() {
            into.insert((name.clone(), version.to_owned()));
        }
        collect(module, into);
    }
}

/// The machine's own Python is a real sample; its `importlib.metadata` is the oracle.
#[test]
fn python_itself_sees_no_distribution_that_the_search_does_not() {
    let test = "python_itself_sees_no_distribution_that_the_search_does_not";
    let Some(python) = overlock_testkit::tool(test, "python3") else {
        return;
    };
    let script = "import importlib.metadata as m\nfor d in m.distributions():\n    print(d._path, d.metadata['Name'], d.version, sep='\\t')";
    let output = std::process::Command::new(python)
        .args(["-I", "-c", script])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let root = Root::open("/").unwrap();
    let mut expected = std::collections::BTreeSet::new();
    let mut folders = std::collections::BTreeSet::new();
    for line in text.lines() {
        let [path, name, version] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        expected.insert((name.to_owned(), version.to_owned()));
        folders.insert(
            Path::new(path)
                .parent()
                .unwrap()
                .to_str()
                .unwrap()
                .trim_start_matches('/')
                .to_owned(),
        );
    }
    if expected.is_empty() {
        return overlock_testkit::skip(test, "python3 has no distributions");
    }
    let mut search = Search::new(&root, None, ENTRIES_MAX);
    for folder in &folders {
        search.below(folder, &[]);
    }
    let found: std::collections::BTreeSet<_> = search
        .finish()
        .0
        .into_iter()
        .flat_map(|(_, found)| found)
        .map(|found| (found.name, found.version))
        .collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        drop(manifest_in_text(&text));
        let _ = metadata_in_text(&text);
        let _ = parse_modules(&text);
        drop(crates_in_audit_data(&bytes));
        if let Ok(elf) = Elf::read(&bytes[..]) {
            drop(build_info(&elf));
        }
    }

    #[test]
    fn no_damaged_binary_makes_the_readers_panic(
        form in 0..3_usize,
        at in 0..2000_usize,
        byte in proptest::num::u8::ANY,
        cut in 0..2000_usize,
    ) {
        let mut file = match form {
            0 => elf(".dep-v0", &audit_data(AUDIT), 0x4000),
            1 => elf(".go.buildinfo", &go_inline("go1.21.5", MODULES), 0x4000),
            _ => elf(".go.buildinfo", &go_pointers("go1.16", MODULES, 8, false, 0x4000), 0x4000),
        };
        let length = file.len();
        if let Some(target) = file.get_mut(at % length) {
            *target = byte;
        }
        if cut < length {
            file.truncate(length - cut);
        }
        if let Ok(elf) = Elf::read(&file[..]) {
            drop(cargo::in_elf(&elf));
            drop(golang::in_elf(&elf));
        }
    }
}
