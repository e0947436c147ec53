//! apk's database, index and configuration.

use crate::Target;
use crate::pack::{gz, tar};
use crate::parts::{self, texts};
use crate::tree::Tree;
use overlock_packages::apk::{installed, parse_index, parse_installed, read_index, survey};

const INSTALLED: &str = "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nS:1\nI:2\nT:libc\no:musl\nt:1700000000\nc:abc\nF:lib\nR:ld.so\na:0:0:755\nZ:Q1x\n\n\
    P:busybox\nV:1.36.1-r5\nA:x86_64\no:busybox\nD:musl>=1.2 so:libc.musl-x86_64.so.1\n\n";
const WORLD: &str = "musl>=1.2 busybox=1.36.1-r5 !x @edge foo@edge bar~2\nbaz><Q1x\n";
const REPOSITORIES: &str =
    "http://example.org/alpine/v3.19/main\n@edge http://u:p@example.org/alpine/edge/main\n# c\n";

fn index() -> Vec<u8> {
    let signature = gz(&tar(&[(".SIGN.RSA.example.rsa.pub", &[7; 256])]));
    let content = gz(&tar(&[
        ("DESCRIPTION", b"v3.19"),
        ("APKINDEX", INSTALLED.as_bytes()),
    ]));
    [signature, content].concat()
}

thread_local! {
    static HOST: Tree = Tree::new(&[("etc/apk/keys/example.rsa.pub", b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n")]);
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "apk_installed",
        seeds: || texts(&[INSTALLED]),
        run: |input| {
            let _ = parse_installed(input);
            let _ = parse_index(input, |_| true);
        },
    },
    Target {
        name: "apk_index",
        seeds: || vec![index(), INSTALLED.as_bytes().to_vec()],
        run: |input| {
            let _ = read_index("index", input, |_| true);
        },
    },
    Target {
        name: "apk_survey",
        seeds: || {
            vec![parts::join([
                INSTALLED.as_bytes(),
                WORLD.as_bytes(),
                REPOSITORIES.as_bytes(),
                &index(),
            ])]
        },
        run: |input| {
            HOST.with(|tree| {
                let paths = [
                    "lib/apk/db/installed",
                    "etc/apk/world",
                    "etc/apk/repositories",
                    "var/cache/apk/APKINDEX.066df28d.tar.gz",
                ];
                tree.put_all(paths, input);
                let mut packages = installed(tree.root())
                    .ok()
                    .flatten()
                    .map(|found| found.packages)
                    .unwrap_or_default();
                let _ = survey(tree.root(), &mut packages);
            });
        },
    },
];
