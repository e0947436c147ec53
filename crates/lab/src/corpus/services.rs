//! Packages with services: one that restarts itself, one that an update breaks, one that stays on a replaced library.

use super::Release;
use crate::deb::Deb;
use crate::tool;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// A library with one function. The size differs between the versions, as it does in life.
const LIBRARY: &str = "const char *lab_greeting(void) { return \"greeting VERSION\"; }\n";

/// Maps the library, says so in a file and waits for ever.
const DAEMON: &str = "#include <stdio.h>\n\
    #include <unistd.h>\n\
    const char *lab_greeting(void);\n\
    int main(void) {\n\
      FILE *out = fopen(\"/run/lab-greetd\", \"w\");\n\
      if (!out) return 1;\n\
      fprintf(out, \"%s\\n\", lab_greeting());\n\
      fclose(out);\n\
      for (;;) pause();\n\
    }\n";

/// What debhelper writes into packages with a unit: enabled, and started or restarted in ways that an administrator's
/// `policy-rc.d` can forbid.
fn with_unit(deb: Deb, unit: &str, start: &str) -> Deb {
    let text = format!(
        "[Unit]\nDescription={unit} of the lab\n\n[Service]\nExecStart={start}\n\n[Install]\n\
         WantedBy=multi-user.target\n"
    );
    let postinst = format!(
        "if [ \"$1\" = configure ]; then\n\
         deb-systemd-helper enable {unit}.service >/dev/null || true\n\
         if [ -d /run/systemd/system ]; then\n\
         systemctl --system daemon-reload >/dev/null || true\n\
         if [ -n \"$2\" ]; then action=restart; else action=start; fi\n\
         deb-systemd-invoke $action {unit}.service >/dev/null || true\n\
         fi\nfi\n"
    );
    let prerm = format!(
        "if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then\n\
         deb-systemd-invoke stop {unit}.service >/dev/null || true\n\
         fi\n"
    );
    deb.file(&format!("/lib/systemd/system/{unit}.service"), text)
        .script("postinst", &postinst)
        .script("prerm", &prerm)
}

/// `lab-service`: a daemon that writes its version to `/run/lab-service`; the package restarts it.
#[must_use]
pub fn service(release: Release) -> Deb {
    let deb = release.package("lab-service").program(
        "/usr/sbin/lab-service",
        format!(
            "#!/bin/sh\necho {} >/run/lab-service\nexec sleep infinity\n",
            release.version()
        ),
    );
    with_unit(deb, "lab-service", "/usr/sbin/lab-service")
}

/// `lab-breaks-service`: the daemon of version 2.0 ends at once with an error; the package itself installs well.
#[must_use]
pub fn breaks_service(release: Release) -> Deb {
    let body = match release {
        Release::First => "exec sleep infinity\n",
        Release::Second => "echo 'lab-breaks-service: no such thing' >&2\nexit 3\n",
    };
    let deb = release
        .package("lab-breaks-service")
        .program("/usr/sbin/lab-breaks-service", format!("#!/bin/sh\n{body}"));
    with_unit(deb, "lab-breaks-service", "/usr/sbin/lab-breaks-service")
}

/// `liblab-greet1` and `lab-greetd`: a C daemon that maps a C library. An update of the library alone restarts
/// nothing, so the daemon stays on the deleted file. They have different sources, since apt updates what comes from one
/// source together.
///
/// # Errors
/// When gcc fails.
pub fn greeting(release: Release, folder: &Path) -> Result<[Deb; 2]> {
    let version = release.version();
    let arch = tool::output(&mut tool::command("dpkg", &["--print-architecture"]))?;
    let arch = arch.trim();
    let work = folder.join(format!("greeting-{version}"));
    fs::create_dir_all(&work)?;
    fs::write(work.join("greet.c"), LIBRARY.replace("VERSION", version))?;
    fs::write(work.join("greetd.c"), DAEMON)?;
    let library = compile(
        &work,
        "liblab-greet.so.1",
        &[
            "-shared",
            "-fPIC",
            "-Wl,-soname,liblab-greet.so.1",
            "greet.c",
        ],
    )?;
    let daemon = compile(&work, "lab-greetd", &["greetd.c", "./liblab-greet.so.1"])?;
    fs::remove_dir_all(&work)?;
    let library = release
        .package("liblab-greet1")
        .architecture(arch)
        .field("Source", "lab-greet")
        .file("/usr/lib/liblab-greet.so.1", library)
        .control("triggers", "activate-noawait ldconfig\n");
    let daemon = release
        .package("lab-greetd")
        .architecture(arch)
        .field("Depends", "liblab-greet1")
        .program("/usr/sbin/lab-greetd", daemon);
    Ok([
        library,
        with_unit(daemon, "lab-greetd", "/usr/sbin/lab-greetd"),
    ])
}

fn compile(folder: &Path, made: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut gcc = tool::command("gcc", &["-O1", "-o", made]);
    tool::succeed(gcc.args(arguments).current_dir(folder))?;
    fs::read(folder.join(made)).with_context(|| format!("gcc made no `{made}`"))
}
