//! The corpus for hosts whose packages are rpm: what behaves, and what does not in version 2.0.

use super::Release;
use crate::rpm::Rpm;
use anyhow::Result;
use std::path::{Path, PathBuf};

fn package(name: &str, release: Release) -> Rpm {
    Rpm::new(name, release.version()).file(&format!("/usr/share/{name}/version"), release.version())
}

/// `lab-plain`: one file, nothing else.
#[must_use]
pub fn plain(release: Release) -> Rpm {
    package("lab-plain", release)
}

/// `lab-pair` and `liblab-pair`: each version of the program needs just that version of the library.
#[must_use]
pub fn pair(release: Release) -> [Rpm; 2] {
    let version = release.version();
    [
        package("liblab-pair", release),
        package("lab-pair", release).field("Requires", format!("liblab-pair = {version}-1")),
    ]
}

/// `lab-config`: one file whose local edit stays in force, one whose local edit the package replaces; both change
/// between the versions.
#[must_use]
pub fn config(release: Release) -> Rpm {
    let setting = match release {
        Release::First => "workers = 2\n",
        Release::Second => "workers = 4\nlimit = 100\n",
    };
    package("lab-config", release)
        .config_noreplace("/etc/lab-config.conf", setting)
        .config("/etc/lab-config.d/strict.conf", setting)
}

/// What `%systemd_post` and `%systemd_postun_with_restart` come to.
fn with_unit(package: Rpm, unit: &str, start: &str) -> Rpm {
    let text = format!(
        "[Unit]\nDescription={unit} of the lab\n\n[Service]\nExecStart={start}\n\n[Install]\n\
         WantedBy=multi-user.target\n"
    );
    package
        .file(&format!("/usr/lib/systemd/system/{unit}.service"), text)
        .scriptlet(
            "post",
            &format!("if [ $1 -eq 1 ]; then systemctl --no-reload enable {unit}.service || :; systemctl start {unit}.service || :; fi\n"),
        )
        .scriptlet(
            "preun",
            &format!("if [ $1 -eq 0 ]; then systemctl --no-reload disable --now {unit}.service || :; fi\n"),
        )
        .scriptlet(
            "postun",
            &format!("systemctl daemon-reload || :\nif [ $1 -ge 1 ]; then systemctl try-restart {unit}.service || :; fi\n"),
        )
}

/// `lab-service`: a daemon that writes its version to `/run/lab-service`; the package restarts it.
#[must_use]
pub fn service(release: Release) -> Rpm {
    let daemon = format!(
        "#!/bin/sh\necho {} >/run/lab-service\nexec sleep infinity\n",
        release.version()
    );
    let package = package("lab-service", release).program("/usr/sbin/lab-service", daemon);
    with_unit(package, "lab-service", "/usr/sbin/lab-service")
}

/// `lab-breaks-service`: the daemon of version 2.0 ends at once with an error; the package itself installs well.
#[must_use]
pub fn breaks_service(release: Release) -> Rpm {
    let body = match release {
        Release::First => "exec sleep infinity\n",
        Release::Second => "echo 'lab-breaks-service: no such thing' >&2\nexit 3\n",
    };
    let package = package("lab-breaks-service", release)
        .program("/usr/sbin/lab-breaks-service", format!("#!/bin/sh\n{body}"));
    with_unit(
        package,
        "lab-breaks-service",
        "/usr/sbin/lab-breaks-service",
    )
}

/// Version 1.0 has no scriptlet.
fn ill(name: &str, release: Release, section: &str, body: &str) -> Rpm {
    let package = package(name, release);
    match release {
        Release::First => package,
        Release::Second => package.scriptlet(section, body),
    }
}

/// `lab-fails-pre`: `%pre` fails, so that rpm does not install it, and goes on with the others.
#[must_use]
pub fn fails_pre(release: Release) -> Rpm {
    let body = "echo 'lab-fails-pre: cannot go on' >&2\nexit 1\n";
    ill("lab-fails-pre", release, "pre", body)
}

/// `lab-fails-post`: `%post` fails, which rpm takes for a warning.
#[must_use]
pub fn fails_post(release: Release) -> Rpm {
    let body = "echo 'lab-fails-post: cannot go on' >&2\nexit 1\n";
    ill("lab-fails-post", release, "post", body)
}

/// `lab-hangs`: `%post` makes `/run/lab-hangs` and ends only once there is a `/run/lab-go`.
#[must_use]
pub fn hangs(release: Release) -> Rpm {
    let body = "touch /run/lab-hangs\nuntil test -e /run/lab-go; do sleep 0.1; done\n";
    ill("lab-hangs", release, "post", body)
}

/// `lab-grows`: its second version needs [`extra`], which is not there before.
#[must_use]
pub fn grows(release: Release) -> Rpm {
    let package = package("lab-grows", release);
    match release {
        Release::First => package,
        Release::Second => package.field("Requires", "lab-extra"),
    }
}

/// `lab-extra`: what [`grows`] needs.
#[must_use]
pub fn extra(release: Release) -> Rpm {
    package("lab-extra", release)
}

/// `lab-rival`: its second version takes [`plain`] away.
#[must_use]
pub fn rival(release: Release) -> Rpm {
    let package = package("lab-rival", release);
    match release {
        Release::First => package,
        Release::Second => package.field("Obsoletes", "lab-plain < 3"),
    }
}

/// What every host has: stands for all that its other packages would provide.
#[must_use]
pub fn base() -> Rpm {
    Rpm::new("lab-release", "9")
        .field("Provides", "/bin/sh")
        .field("Provides", "system-release = 9")
        .field("Provides", "system-release(releasever) = 9")
        .file("/usr/share/lab-release/version", "9")
}

/// All of one version, built into `folder`.
///
/// # Errors
/// When a package cannot be built.
pub fn all(release: Release, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut rpms = vec![
        plain(release),
        config(release),
        service(release),
        breaks_service(release),
        fails_pre(release),
        fails_post(release),
        hangs(release),
        rival(release),
        grows(release),
        extra(release),
    ];
    rpms.extend(pair(release));
    rpms.iter().map(|rpm| rpm.build(folder)).collect()
}
