//! dpkg's database.

use crate::Target;
use crate::parts::{self, texts};
use overlock_packages::deb::{control, kernels, owners_in_list, parse_status};

pub const STATUS: &str = "Package: dpkg\nStatus: install ok installed\nPriority: required\nArchitecture: amd64\n\
    Version: 1.21.22\nDescription: package manager\n long\n .\n text\n\nPackage: linux-image-6.1.0-28-amd64\n\
    Status: hold ok installed\nArchitecture: amd64\nSource: linux-signed-amd64 (6.1.119+1)\nVersion: 6.1.119-1\n\n\
    Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1:2~rc1-1+b1\n";

pub const TARGETS: &[Target] = &[
    Target {
        name: "dpkg_status",
        seeds: || texts(&[STATUS]),
        run: |input| {
            if let Ok(found) = parse_status("status", input) {
                for package in &found.packages {
                    assert!(
                        !package.name.is_empty() && !package.version.is_empty(),
                        "{package:?}"
                    );
                }
                let _ = kernels(&found.packages);
                let _ = overlock_host::kernel::installed(&found.packages);
            }
        },
    },
    Target {
        name: "deb822",
        seeds: || texts(&[STATUS, "# a\nA: b\n# c\n d\n\n-----BEGIN\n x: y\n:z\n"]),
        run: |input| {
            let bare = control::without_comments(input);
            assert!(bare.len() <= input.len() + 1);
            for bytes in [input, &bare] {
                for paragraph in control::paragraphs(bytes) {
                    for field in paragraph.fields().flatten() {
                        let _ = field.text();
                    }
                    let _ = paragraph.get("Version");
                }
            }
            let mut rest = input;
            while let Some((_, after)) = control::cut_line(rest) {
                assert!(after.len() < rest.len());
                rest = after;
            }
        },
    },
    Target {
        name: "dpkg_files",
        seeds: || {
            vec![parts::join([
                &b"/usr/bin/a"[..],
                b"/.\n/usr\n/usr/bin\n/usr/bin/a\n/lib/b\n",
            ])]
        },
        run: |input| {
            let [paths, list] = parts::split(input);
            let paths = String::from_utf8_lossy(paths);
            let paths: Vec<&str> = paths.lines().collect();
            let _ = owners_in_list(list, "bash:amd64", &paths);
        },
    },
];
