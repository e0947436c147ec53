//! rpm databases, package files, and the metadata of dnf.

use crate::Target;
use crate::pack::{self, packed};
use crate::parts::{self, texts};
use crate::tree::Tree;
use overlock_packages::ini;
use overlock_packages::rpm::header::Header;
use overlock_packages::rpm::modules::{Modules, choices};
use overlock_packages::rpm::repomd::Repomd;
use overlock_packages::rpm::sqlite::Sqlite;
use overlock_packages::rpm::{
    installed, kernels, ndb, package, package_file, primary, survey, updateinfo,
};

const REPOMD: &str = r#"<?xml version="1.0"?><repomd xmlns="http://example.org/repo"><revision>1700000000</revision>
<data type="primary"><checksum type="sha256">ab</checksum><location href="repodata/ab-primary.xml.gz"/><timestamp>1700000000</timestamp></data>
<data type="updateinfo"><location href="repodata/updateinfo.xml.zst"/></data></repomd>"#;
const PRIMARY: &str = r#"<metadata packages="1"><package type="rpm"><name>bash</name><arch>x86_64</arch>
<version epoch="0" ver="5.1.8" rel="9.el9"/><checksum type="sha256" pkgid="YES">abcd</checksum><size package="12"/>
<location href="Packages/b.rpm"/><format><rpm:vendor>Ex &amp; Co</rpm:vendor><rpm:sourcerpm>bash-5.1.8-9.el9.src.rpm</rpm:sourcerpm>
<rpm:requires><rpm:entry name="glibc" flags="EQ" epoch="0" ver="2.34" rel="1"/></rpm:requires></format></package></metadata>"#;
const UPDATEINFO: &str = r#"<updates><update from="x" status="final" type="security" version="1"><id>ALSA-2024:1</id><issued date="2024-01-02 03:04:05"/>
<references><reference id="CVE-2024-0001" type="cve"/></references><pkglist><collection><module name="nodejs" stream="18"/>
<package name="bash" version="5.1.8" release="9.el9" epoch="0" arch="x86_64"/></collection></pkglist></update></updates>"#;
const MODULES: &str = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  stream: \"18\"\n  artifacts:\n    rpms:\n\
    \x20   - bash-0:5.1.8-9.el9.x86_64\n...\n---\ndocument: modulemd-defaults\ndata:\n  module: nodejs\n  stream: 18\n...\n";
const CHOICES: &str = "[nodejs]\nname=nodejs\nstream=18\nprofiles=\nstate=enabled\n";
const REPO: &str = "[main]\ncachedir=/var/cache/dnf\nexclude=kernel* x\n[base]\nname=Base $releasever\nbaseurl=http://example.org/$basearch/\n\
    enabled=1\ngpgcheck=1\npriority=10\nexcludepkgs=a?\n";
const LOCK: &str = "[[packages]]\nname = 'bash'\n[[packages.conditions]]\nkey = 'evr'\ncomparator = '<='\nvalue = '5.1'\n";

thread_local! {
    static HOST: Tree = {
        let tree = Tree::new(&[("var/lib/rpm/rpmdb.sqlite", &pack::sqlite()[0])]);
        tree.put("etc/dnf/vars/releasever", b"9");
        tree
    };
}

pub const TARGETS: &[Target] = &[
    Target {
        name: "rpm_header",
        seeds: || vec![pack::rpm_header()],
        run: |input| {
            if let Ok(found) = Header::parse(input)
                .map_err(drop)
                .and_then(|header| package(&header).map_err(drop))
            {
                assert!(
                    !found.name.is_empty() && !found.version.is_empty(),
                    "{found:?}"
                );
                let _ = kernels(std::slice::from_ref(&found));
                let _ = overlock_host::kernel::installed(&[found]);
            }
        },
    },
    Target {
        name: "rpm_package_file",
        seeds: || vec![pack::rpm_file()],
        run: |input| {
            if let Ok(file) = package_file::parse(input) {
                let _ = (
                    package(&file.header),
                    file.signature.text(1000),
                    file.signature.number(1000),
                );
            }
        },
    },
    Target {
        name: "rpm_sqlite",
        seeds: pack::sqlite,
        run: |input| {
            let [file, log] = parts::split(input);
            for log in [None, Some(log)] {
                let mut rows = 0;
                let _ = Sqlite::open(file, log)
                    .and_then(|database| database.rows("Packages", |_, _| rows += 1));
                assert!(rows <= input.len());
            }
        },
    },
    Target {
        name: "rpm_ndb",
        seeds: || vec![pack::ndb()],
        run: |input| {
            let mut bytes = 0;
            let _ = ndb::blobs(input, |_, blob| bytes += blob.map_or(0, <[u8]>::len));
            assert!(bytes <= input.len());
        },
    },
    Target {
        name: "rpm_repomd",
        seeds: || packed(REPOMD.as_bytes()),
        run: |input| {
            if let Ok(found) = Repomd::parse(input) {
                for kind in ["primary", "updateinfo", "modules"] {
                    assert!(
                        found
                            .find(kind)
                            .is_none_or(|data| !data.file_name().contains('/'))
                    );
                }
            }
        },
    },
    Target {
        name: "rpm_primary",
        seeds: || packed(PRIMARY.as_bytes()),
        run: |input| {
            if let Ok(found) = primary::parse(input, |_| true) {
                for listed in found.listed {
                    let _ = listed.nevra();
                }
            }
        },
    },
    Target {
        name: "rpm_updateinfo",
        seeds: || packed(UPDATEINFO.as_bytes()),
        run: |input| {
            let _ = updateinfo::security_builds(input, |_| true);
        },
    },
    Target {
        name: "rpm_modules",
        seeds: || vec![parts::join([CHOICES, MODULES].map(str::as_bytes))],
        run: |input| {
            let [chosen, yaml] = parts::split(input);
            let mut modules = Modules::new(choices(chosen));
            modules.add(&String::from_utf8_lossy(yaml), |_| true);
            let _ = modules
                .shown()
                .shows("bash", "bash-0:5.1.8-9.el9.x86_64", false);
        },
    },
    Target {
        name: "ini",
        seeds: || texts(&[REPO, CHOICES]),
        run: |input| {
            for section in ini::parse(input) {
                let _ = (
                    section.get("enabled"),
                    section.list("exclude").count(),
                    section.switch("gpgcheck"),
                );
            }
        },
    },
    Target {
        name: "rpm_survey",
        seeds: || {
            vec![parts::join(
                [
                    REPO,
                    REPOMD,
                    PRIMARY,
                    UPDATEINFO,
                    CHOICES,
                    LOCK,
                    "0:bash-5.1*\n!x-1-1.*\n",
                ]
                .map(str::as_bytes),
            )]
        },
        run: |input| {
            HOST.with(|tree| {
                let paths = [
                    "etc/yum.repos.d/base.repo",
                    "var/cache/dnf/base-0123456789abcdef/repodata/repomd.xml",
                    "var/cache/dnf/base-0123456789abcdef/repodata/ab-primary.xml.gz",
                    "var/cache/dnf/base-0123456789abcdef/repodata/updateinfo.xml.zst",
                    "etc/dnf/modules.d/nodejs.module",
                    "etc/dnf/versionlock.toml",
                    "etc/dnf/plugins/versionlock.list",
                ];
                tree.put_all(paths, input);
                let mut packages = installed(tree.root())
                    .expect("a sound database")
                    .expect("a database")
                    .packages;
                let _ = survey(tree.root(), &mut packages);
            });
        },
    },
];
