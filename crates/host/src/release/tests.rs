use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn root_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = Root::open(folder.path()).unwrap();
    (folder, root)
}

#[test]
fn quotes_escapes_and_comments_are_read_as_the_manual_says() {
    let os = parse_os_release(
        b"# comment\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n  VERSION_ID='12'\nID=Debian\n\
          VERSION_CODENAME=bookworm\nID_LIKE=\"a  B\"\nBUG=\"\\$x \\\"q\\\"\"\nnonsense\n=\n",
    );
    assert_eq!(os.id, "debian");
    assert_eq!(os.version_id, "12");
    assert_eq!(os.codename.as_deref(), Some("bookworm"));
    assert_eq!(os.name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
    assert_eq!(os.id_like, ["a", "b"]);
    assert_eq!(
        parse_os_release(b"PRETTY_NAME=\"a \\\"b\\\" \\\\ \\$c\"")
            .name
            .as_deref(),
        Some("a \"b\" \\ $c")
    );
    assert_eq!(
        parse_os_release(b"PRETTY_NAME='a \\n'").name.as_deref(),
        Some("a \\n")
    );
}

#[test]
fn a_key_given_twice_has_its_last_value() {
    assert_eq!(parse_os_release(b"ID=debian\nID=ubuntu\n").id, "ubuntu");
}

#[test]
fn bytes_that_are_not_utf8_and_control_characters_are_neutralised() {
    let os = parse_os_release(b"ID=x\nPRETTY_NAME=\"a\xff\x1b[0m\"\n");
    assert_eq!(os.name.as_deref(), Some("a\u{fffd}\u{fffd}[0m"));
}

#[test]
fn ubuntu_codename_serves_only_ubuntu() {
    let trusty = parse_os_release(b"ID=ubuntu\nVERSION_ID=\"16.04\"\nUBUNTU_CODENAME=xenial\n");
    assert_eq!(trusty.codename.as_deref(), Some("xenial"));
    assert_eq!(
        parse_os_release(b"ID=linuxmint\nUBUNTU_CODENAME=jammy\n").codename,
        None
    );
}

#[test]
fn etc_comes_before_usr_lib() {
    let (_folder, root) = root_with(&[
        ("etc/os-release", "ID=a\n"),
        ("usr/lib/os-release", "ID=b\n"),
    ]);
    assert_eq!(read(&root).unwrap().id, "a");
    let (_folder, root) = root_with(&[("usr/lib/os-release", "ID=b\n")]);
    assert_eq!(read(&root).unwrap().id, "b");
}

#[test]
fn hosts_from_before_os_release_are_known() {
    let table = [
        ("etc/alpine-release", "3.4.6\n", "alpine", "3.4.6", None),
        (
            "etc/redhat-release",
            "CentOS release 6.10 (Final)\n",
            "centos",
            "6.10",
            None,
        ),
        (
            "etc/redhat-release",
            "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n",
            "rhel",
            "6.10",
            None,
        ),
        (
            "etc/redhat-release",
            "Fedora release 17 (Beefy Miracle)\n",
            "fedora",
            "17",
            None,
        ),
        (
            "etc/system-release",
            "Amazon Linux AMI release 2018.03\n",
            "amzn",
            "2018.03",
            None,
        ),
        (
            "etc/SuSE-release",
            "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
            "sles",
            "11.4",
            None,
        ),
        ("etc/debian_version", "8.11\n", "debian", "8", None),
        ("etc/debian_version", "6.0.10\n", "debian", "6.0.10", None),
        (
            "etc/debian_version",
            "jessie/sid\n",
            "debian",
            "",
            Some("jessie"),
        ),
        ("etc/arch-release", "", "arch", "", None),
    ];
    for (path, text, id, version, codename) in table {
        let (_folder, root) = root_with(&[(path, text)]);
        let os = read(&root).unwrap();
        assert_eq!(
            (
                os.id.as_str(),
                os.version_id.as_str(),
                os.codename.as_deref()
            ),
            (id, version, codename),
            "{text}"
        );
    }
}

#[test]
fn oracle_is_not_taken_for_red_hat() {
    let (_folder, root) = root_with(&[
        (
            "etc/redhat-release",
            "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n",
        ),
        ("etc/oracle-release", "Oracle Linux Server release 6.10\n"),
    ]);
    assert_eq!(read(&root).unwrap().id, "ol");
}

#[test]
fn a_file_without_id_is_linux_unless_an_older_file_says_more() {
    let (_folder, root) = root_with(&[("etc/os-release", "PRETTY_NAME=Mine\n")]);
    let os = read(&root).unwrap();
    assert_eq!(
        (os.id.as_str(), os.name.as_deref()),
        ("linux", Some("Mine"))
    );
    let (_folder, root) = root_with(&[("etc/os-release", ""), ("etc/debian_version", "9.13\n")]);
    assert_eq!(read(&root).unwrap().id, "debian");
}

#[test]
fn an_empty_root_and_a_huge_file_are_errors_not_guesses() {
    let (_folder, root) = root_with(&[]);
    assert!(matches!(read(&root), Err(ReleaseError::Missing)));
    let (_folder, root) = root_with(&[("etc/os-release", &"#".repeat(70_000))]);
    assert!(matches!(read(&root), Err(ReleaseError::Unreadable(_))));
}

proptest! {
    #[test]
    fn any_bytes_give_a_printable_release(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let os = parse_os_release(&bytes);
        let all = format!("{}{}{:?}{:?}{:?}", os.id, os.version_id, os.name, os.codename, os.id_like);
        prop_assert!(!all.contains(char::is_control));
    }

    #[test]
    fn assignments_in_the_midst_of_garbage_are_found(garbage in "[^\n=]{0,40}", id in "[a-z]{1,10}") {
        let text = format!("{garbage}\nID=\"{id}\"\n{garbage}");
        prop_assert_eq!(parse_os_release(text.as_bytes()).id, id);
    }
}
