//! What the host crate reads: release, `/proc`, logs, ELF headers.

use crate::Target;
use crate::parts::{self, texts};
use crate::tree::Tree;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use overlock_host::architecture::Architecture;
use overlock_host::{cgroup, history, kernel, kernel_release, maps, processes, reboot, release};
use overlock_model::os::Kernel;

const OS_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME='Debian'\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n\
    ID_LIKE=\"rhel fedora\"\n# c\nX=\"a\\\"b\\$c\"\n";
const MAPS: &str = "7f00-7f10 r-xp 00000000 fe:01 1234      /usr/lib/libssl.so.3 (deleted)\n\
    7f20-7f30 r-xp 00000000 00:05 12      /memfd:x\n7f40-7f50 r--p 0 0:0 0\n";
const STAT: &str = "1234 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21";
const LOG: &str = "2024-02-10 11:07:25 upgrade libssl3:amd64 3.0.11-1 3.0.13-1\n2024-02-10 11:07:26 status installed x:all 1\n";
const CGROUP: &str =
    "12:pids:/x\n1:name=systemd:/system.slice/ssh.service\n0::/system.slice/docker-abc.scope\n";

thread_local! {
    static HOST: Tree = Tree::new(&[]);
}

fn elf() -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    header[18] = 62;
    header
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "os_release",
        seeds: || texts(&[OS_RELEASE]),
        run: |input| {
            let os = release::parse_os_release(input);
            let today = jiff::civil::date(2026, 1, 1);
            let _ = overlock_host::support::support(&os, overlock_host::support::built_in(), today);
        },
    },
    Target {
        name: "proc_maps",
        seeds: || texts(&[MAPS]),
        run: |input| {
            let _ = maps::parse_maps(input).count();
        },
    },
    Target {
        name: "proc_cgroup",
        seeds: || texts(&[CGROUP]),
        run: |input| {
            let _ = cgroup::parse_cgroup(input);
        },
    },
    Target {
        name: "proc_stat",
        seeds: || texts(&[STAT]),
        run: |input| {
            let _ = processes::parse_stat(input);
        },
    },
    Target {
        name: "proc_survey",
        seeds: || {
            vec![parts::join(
                [
                    MAPS,
                    CGROUP,
                    STAT,
                    "Uid:\t0\t0\n",
                    "cpu 1\nbtime 1700000000\n",
                ]
                .map(str::as_bytes),
            )]
        },
        run: |input| {
            HOST.with(|tree| {
                tree.put_all(
                    [
                        "proc/7/maps",
                        "proc/7/cgroup",
                        "proc/7/stat",
                        "proc/7/status",
                        "proc/stat",
                    ],
                    input,
                );
                let _ = processes::survey(
                    tree.root(),
                    &tree.path().join("proc"),
                    processes::Limits::default(),
                );
            });
        },
    },
    Target {
        name: "dpkg_log",
        seeds: || texts(&[LOG]),
        run: |input| {
            let _ = history::parse_dpkg_log(input, &TimeZone::UTC);
        },
    },
    Target {
        name: "elf_architecture",
        seeds: || vec![elf()],
        run: |input| {
            let _ = Architecture::from_elf(input);
        },
    },
    Target {
        name: "kernel_names",
        seeds: || {
            texts(&["6.1.0-28-amd64\n%%\n#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)"])
        },
        run: |input| {
            let [name, version] =
                parts::split(input).map(|part: &[u8]| String::from_utf8_lossy(part));
            let _ = (
                kernel_release::flavour(&name),
                kernel::booted_version(&name, &version),
            );
        },
    },
    Target {
        name: "reboot_markers",
        seeds: || {
            vec![parts::join([
                &b"linux-image-amd64\n\ndbus\n"[..],
                LOG.as_bytes(),
            ])]
        },
        run: |input| {
            HOST.with(|tree| {
                tree.put_all(["run/reboot-required.pkgs", "var/log/dpkg.log"], input);
                tree.put("run/reboot-required", b"");
                let _ = reboot::reasons(tree.root(), &Kernel::default());
                let _ = history::upgrades_since(tree.root(), Timestamp::UNIX_EPOCH, &TimeZone::UTC);
            });
        },
    },
];
