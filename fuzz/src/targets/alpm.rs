//! pacman's databases and configuration.

use crate::Target;
use crate::pack::{gz, tar, zst};
use crate::parts::{self, texts};
use crate::tree::Tree;
use overlock_packages::alpm::{installed, parse_desc, read_repository, survey};

const DESC: &str = "%NAME%\nbash\n\n%VERSION%\n1:5.2.026-2\n\n%BASE%\nbash\n\n%ARCH%\nx86_64\n\n%CSIZE%\n12\n\n%SHA256SUM%\nAB\n\n\
    %DEPENDS%\nreadline=8.2\nglibc>=2\nlibx.so=1-64\n\n";
const CONF: &str = "[options]\nDBPath = /var/lib/pacman\nIgnorePkg = linux* [a-c]?\nIgnoreGroup = x\nSigLevel = Required DatabaseOptional\n\
    Include = /etc/pacman.d/*.conf\n[core]\nServer = http://example.org/$repo/os/$arch\nUsage = Sync\n";

fn repository() -> Vec<u8> {
    tar(&[("bash-1:5.2.026-2/desc", DESC.as_bytes())])
}

thread_local! {
    static HOST: Tree = Tree::new(&[]);
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "alpm_desc",
        seeds: || texts(&[DESC]),
        run: |input| {
            let desc = parse_desc(input);
            let _ = (desc.get("NAME"), desc.lines("DEPENDS").count());
        },
    },
    Target {
        name: "alpm_repository",
        seeds: || vec![repository(), gz(&repository()), zst(&repository())],
        run: |input| {
            let _ = read_repository(input, |_| true);
        },
    },
    Target {
        name: "alpm_survey",
        seeds: || {
            vec![parts::join([
                CONF.as_bytes(),
                DESC.as_bytes(),
                b"[extra]\n",
                &repository(),
            ])]
        },
        run: |input| {
            HOST.with(|tree| {
                let paths = [
                    "etc/pacman.conf",
                    "var/lib/pacman/local/bash-5/desc",
                    "etc/pacman.d/x.conf",
                    "var/lib/pacman/sync/core.db",
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
