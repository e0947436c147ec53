//! apt: configuration, lists, signatures, and the table a list is turned into.

use super::deb::STATUS;
use crate::Target;
use crate::pack::packed;
use crate::parts::{self, texts};
use crate::tree::Tree;
use overlock_packages::apt::{
    self, Conf, IndexLimits, KeyRing, List, Pins, Policy, Table, list_name, matches, parse_date,
    parse_lines, parse_paragraphs, parse_release, read_index, scan_package, verify_detached,
    verify_inline,
};
use overlock_rootfs::Identity;

const PACKAGES: &str = "Package: bash\nArchitecture: amd64\nVersion: 5.2.15-2+b7\nSource: bash (5.2.15-2)\nSize: 1491888\n\
    Depends: base-files (>= 2.1.12), debianutils (= 5.7-0.5~deb12u1) | x\nPhased-Update-Percentage: 30\n\
    SHA256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\nPackage: dpkg\nVersion: 1.21.23\nArchitecture: amd64\n\n";
const RELEASE: &str = "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nVersion: 12\nCodename: bookworm-security\n\
    Date: Sat, 10 Feb 2024 11:07:25 UTC\nValid-Until: Sat, 17 Feb 2024 11:07:25 UTC\nNotAutomatic: yes\n\
    ButAutomaticUpgrades: yes\nComponents: main\nSHA256:\n aaaa 12 main/binary-amd64/Packages\n";
const LINES: &str = "# a\ndeb [arch=amd64,i386 signed-by=/usr/share/k.gpg trusted=yes] http://example.org/debian bookworm main contrib\n\
    deb-src http://example.org/debian bookworm main\ndeb http://u:p@example.org/flat ./\n";
const PARAGRAPHS: &str = "Types: deb deb-src\nURIs: http://example.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\
    Enabled: yes\nArchitectures-Remove: i386\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n";
const PREFERENCES: &str = "Package: *\nPin: release a=stable, o=/^Deb/, v=12*\nPin-Priority: -10\n\n\
    Package: /ssl/ src:bash:any\nPin: version 5.*\nPin-Priority: 1001\n\nPackage: x\nPin: origin \"example.org\"\nPin-Priority: 5\n";
const CONF: &str = "APT::Architectures { \"amd64\"; \"i386\"; };\n// c\n/* d */ APT { Default-Release \"stable\"; Get::Always 1; };\n\
    #clear APT::Foo;\nDir::Etc \"etc\";\n";
const INLINE: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: x\n- -dash\n\
    -----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEEn\n=abcd\n-----END PGP SIGNATURE-----\n";
const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n\
    mDMEZAAAABYJKwYBBAHaRw8BAQdAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC0\n\
    A2FiY4iQBBMWCAA4\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";

fn identity(input: &[u8]) -> Identity {
    Identity {
        dev: 1,
        inode: 2,
        mtime_ns: 3,
        size: input.len() as u64,
    }
}

fn table(input: &[u8]) -> Option<Table> {
    read_index("Packages", input, &identity(input), IndexLimits::default()).ok()
}

fn ask(table: &Table) {
    for name in ["", "bash", "dpkg", "zzz"] {
        let _ = table.find(name);
    }
    let _ = (table.len(), table.skipped(), table.text_sha256());
}

thread_local! {
    static HOST: Tree = Tree::new(&[]);
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "apt_sources_lines",
        seeds: || texts(&[LINES]),
        run: |input| {
            for source in parse_lines(input).sources {
                let _ = (list_name(&source.base()), source.is_flat());
            }
        },
    },
    Target {
        name: "apt_sources_paragraphs",
        seeds: || texts(&[PARAGRAPHS]),
        run: |input| {
            for source in parse_paragraphs(input).sources {
                let _ = (list_name(&source.base()), source.is_flat());
            }
        },
    },
    Target {
        name: "apt_release",
        seeds: || texts(&[RELEASE]),
        run: |input| {
            let _ = parse_release(input).is_security("stable");
            let _ = parse_date(&String::from_utf8_lossy(input));
        },
    },
    Target {
        name: "apt_packages",
        seeds: || packed(PACKAGES.as_bytes()),
        run: |input| {
            let _ = scan_package(input);
            if let Some(table) = table(input) {
                for name in ["bash", "dpkg"] {
                    table.find(name).expect("a table just built holds");
                }
                let again = Table::from_bytes(table.as_bytes().to_vec())
                    .expect("a table just built is whole");
                assert_eq!(again.len(), table.len());
            }
        },
    },
    Target {
        name: "apt_table",
        seeds: || {
            vec![
                table(PACKAGES.as_bytes())
                    .expect("a good list")
                    .as_bytes()
                    .to_vec(),
            ]
        },
        run: |input| {
            if let Some(table) = Table::from_bytes(input.to_vec()) {
                ask(&table);
            }
            // The checksum is mended, so that what it guards is reached too.
            let mut mended = input.to_vec();
            if mended.len() >= 144 {
                let length = mended.len() as u64;
                mended[8..16].copy_from_slice(&length.to_le_bytes());
                let sum = mended[..136].iter().fold(0x811c_9dc5u32, |sum, byte| {
                    (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
                });
                mended[136..144].copy_from_slice(&u64::from(sum).to_le_bytes());
            }
            if let Some(table) = Table::from_bytes(mended) {
                ask(&table);
            }
        },
    },
    Target {
        name: "apt_preferences",
        seeds: || texts(&[PREFERENCES]),
        run: |input| {
            let mut pins = Pins::default();
            let _ = pins.add(input);
            let lists = vec![List::status()];
            let (policy, _) = Policy::new(lists, pins, &Conf::default(), "amd64", None);
            let _ = policy.choose("bash", "amd64", &[], None);
        },
    },
    Target {
        name: "apt_pattern",
        seeds: || {
            let pairs = [
                ("lib*ssl[0-9]?", "libxssl3a"),
                ("/^a(b|c)+.*z$/", "abcz"),
                ("/[^a-f]{2,3}\\./i", "xyz."),
            ];
            pairs
                .map(|(pattern, text)| parts::join([pattern.as_bytes(), text.as_bytes()]))
                .to_vec()
        },
        run: |input| {
            let [pattern, text] =
                parts::split(input).map(|part: &[u8]| String::from_utf8_lossy(part));
            let _ = matches(&pattern, &text);
        },
    },
    Target {
        name: "apt_conf",
        seeds: || texts(&[CONF]),
        run: |input| {
            let mut conf = Conf::default();
            conf.add(input);
            let _ = (
                conf.get("APT::Default-Release"),
                conf.list("APT::Architectures"),
                conf.switch("APT::Get::Always"),
            );
        },
    },
    Target {
        name: "apt_signature",
        seeds: || vec![parts::join([KEY.as_bytes(), INLINE.as_bytes()])],
        run: |input| {
            let [key, signed] = parts::split(input);
            let mut ring = KeyRing::limited_to(Vec::new());
            let _ = ring.add(key);
            let _ = verify_inline(signed, &ring);
            let _ = verify_detached(b"Origin: x\n", signed, &ring);
        },
    },
    Target {
        name: "apt_survey",
        seeds: || {
            vec![parts::join(
                [
                    LINES,
                    PARAGRAPHS,
                    PREFERENCES,
                    CONF,
                    RELEASE,
                    PACKAGES,
                    STATUS,
                ]
                .map(str::as_bytes),
            )]
        },
        run: |input| {
            HOST.with(|tree| {
                let paths = [
                    "etc/apt/sources.list",
                    "etc/apt/sources.list.d/x.sources",
                    "etc/apt/preferences",
                    "etc/apt/apt.conf",
                    "var/lib/apt/lists/example.org_debian_dists_bookworm_InRelease",
                    "var/lib/apt/lists/example.org_debian_dists_bookworm_main_binary-amd64_Packages",
                    "var/lib/dpkg/status",
                ];
                tree.put_all(paths, input);
                let found = overlock_packages::deb::installed(tree.root());
                let mut packages = found.ok().flatten().map(|found| found.packages).unwrap_or_default();
                let _ = apt::survey(tree.root(), &mut packages, Some("machine"), None);
            });
        },
    },
];
