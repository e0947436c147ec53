//! What a process belongs to, from `/proc/PID/cgroup` (cgroups(7)): a systemd unit, a user's unit, or a container.
//!
//! The plan restarts units and leaves containers to whoever builds their images, so the two are kept apart here. The
//! text is written by the kernel but names in it may be chosen by users of the host.

use crate::printable::printable;
use std::fmt;

/// What a process belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A unit of the system's manager: `ssh.service`, `session-3.scope`. Escapes such as `\x2d` are part of its name.
    Unit(String),
    /// A unit of a user's manager.
    UserUnit {
        /// User id.
        uid: u32,
        /// Name of the unit.
        unit: String,
    },
    /// A container: the first 12 digits of its id, or its name.
    Container(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(unit) => f.write_str(unit),
            Self::UserUnit { uid, unit } => write!(f, "{unit} (user {uid})"),
            Self::Container(id) => write!(f, "container {id}"),
        }
    }
}

/// Reads the text of `/proc/PID/cgroup`; `None` where the process belongs to no unit and no container.
///
/// A container is recognised in any hierarchy, since older runtimes set up only some; a unit is taken from the
/// unified hierarchy (`0::`) or systemd's own (`name=systemd`), as the other controllers may be shared.
#[must_use]
pub fn parse_cgroup(text: &[u8]) -> Option<Owner> {
    let mut unit = None;
    for line in text.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(3, |byte| *byte == b':');
        let (Some(id), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        if let Some(container) = path
            .split(|byte| *byte == b'/')
            .zip_next()
            .find_map(container)
        {
            return Some(Owner::Container(container));
        }
        let is_unified = id == b"0" && controllers.is_empty();
        if unit.is_none() && (is_unified || controllers == b"name=systemd") {
            unit = unit_of(path);
        }
    }
    unit
}

/// Each part of a path with the one after it.
trait ZipNext<'a>: Iterator<Item = &'a [u8]> + Clone {
    fn zip_next(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let next = self.clone().skip(1).chain(std::iter::once(&b""[..]));
        self.zip(next)
    }
}

impl<'a, I: Iterator<Item = &'a [u8]> + Clone> ZipNext<'a> for I {}

/// The container that one part of a cgroup path stands for.
fn container((part, next): (&[u8], &[u8])) -> Option<String> {
    // LXC: `lxc/NAME` (old), `lxc.payload.NAME` and `lxc.payload/NAME` (now).
    if matches!(part, b"lxc" | b"lxc.payload") && !next.is_empty() {
        return Some(printable(next));
    }
    if let Some(name) = part.strip_prefix(b"lxc.payload.") {
        return Some(printable(name));
    }
    let scope = part.strip_suffix(b".scope");
    // systemd-nspawn, libvirt-lxc: `machine-NAME.scope`; virtual machines are `machine-qemu-…` and no containers.
    if let Some(name) = scope.and_then(|scope| scope.strip_prefix(b"machine-")) {
        return (!name.starts_with(b"qemu")).then(|| printable(name));
    }
    // Runtimes put the id alone or behind their own name: `docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID`.
    // The monitors `libpod-conmon-ID` and `crio-conmon-ID` run the host's code.
    let part = scope.unwrap_or(part);
    let id = part.rsplit(|byte| matches!(byte, b'-' | b':')).next()?;
    let is_id = id.len() == 64 && id.iter().all(u8::is_ascii_hexdigit);
    if !is_id || memchr::memmem::find(part, b"conmon").is_some() {
        return None;
    }
    id.get(..12).map(printable)
}

/// The innermost service or scope of a path.
fn unit_of(path: &[u8]) -> Option<Owner> {
    let mut uid = None;
    let mut unit = None;
    for part in path.split(|byte| *byte == b'/') {
        // systemd puts `_` before a name that the kernel would take for one of its own files.
        let part = part.strip_prefix(b"_").unwrap_or(part);
        if !part.ends_with(b".service") && !part.ends_with(b".scope") {
            continue;
        }
        let manager = part
            .strip_prefix(b"user@")
            .and_then(|rest| rest.strip_suffix(b".service"));
        if let Some(user) =
            manager.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u32>().ok())
        {
            uid = Some(user);
        }
        unit = Some((part, manager.is_some()));
    }
    let (unit, is_manager) = unit?;
    let name = printable(unit);
    Some(match uid {
        Some(uid) if !is_manager => Owner::UserUnit { uid, unit: name },
        _ => Owner::Unit(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn units_and_containers_are_told_apart() {
        let table: &[(String, Option<&str>)] = &[
            ("0::/system.slice/ssh.service\n".into(), Some("ssh.service")),
            (
                "0::/system.slice/system-getty.slice/getty@tty1.service\n".into(),
                Some("getty@tty1.service"),
            ),
            (
                "0::/system.slice/dev\\x2dsync.service\n".into(),
                Some("dev\\x2dsync.service"),
            ),
            (
                "0::/system.slice/systemd-udevd.service/udev\n".into(),
                Some("systemd-udevd.service"),
            ),
            (
                "0::/system.slice/_cpu.service\n".into(),
                Some("cpu.service"),
            ),
            ("0::/init.scope\n".into(), Some("init.scope")),
            (
                "0::/user.slice/user-1000.slice/session-3.scope\n".into(),
                Some("session-3.scope"),
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n".into(),
                Some("init.scope (user 1000)"),
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n".into(),
                Some("web.service (user 1000)"),
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service\n".into(),
                Some("user@1000.service"),
            ),
            (
                "12:cpu,cpuacct:/\n1:name=systemd:/system.slice/cron.service\n0::/\n".into(),
                Some("cron.service"),
            ),
            (
                "4:memory:/process_api/85df0a371a3783fcb9cc2d29f2d842e2\n1:name=systemd:/\n0::/\n"
                    .into(),
                None,
            ),
            ("0::/\n".into(), None),
            (String::new(), None),
            (
                format!("0::/system.slice/docker-{ID}.scope\n"),
                Some("container 0123456789ab"),
            ),
            (
                format!("12:cpu:/docker/{ID}\n0::/system.slice/containerd.service\n"),
                Some("container 0123456789ab"),
            ),
            (
                format!("0::/machine.slice/libpod-{ID}.scope/container\n"),
                Some("container 0123456789ab"),
            ),
            (
                format!(
                    "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podab.slice/cri-containerd-{ID}.scope\n"
                ),
                Some("container 0123456789ab"),
            ),
            (
                format!("11:pids:/kubepods/besteffort/pod1c2d/{ID}\n"),
                Some("container 0123456789ab"),
            ),
            (
                "0::/lxc.payload.web/system.slice/ssh.service\n".into(),
                Some("container web"),
            ),
            ("9:cpu:/lxc/db/init.scope\n".into(), Some("container db")),
            (
                "0::/machine.slice/machine-deb\\x2d12.scope/payload/system.slice/ssh.service\n"
                    .into(),
                Some("container deb\\x2d12"),
            ),
            (
                "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope\n".into(),
                Some("machine-qemu\\x2d1\\x2dvm.scope"),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(
                parse_cgroup(text.as_bytes())
                    .map(|owner| owner.to_string())
                    .as_deref(),
                *expected,
                "{text}"
            );
        }
        // The monitor of a container runs the host's code.
        let monitor = format!("libpod-conmon-{ID}.scope");
        let found = parse_cgroup(format!("0::/machine.slice/{monitor}\n").as_bytes());
        assert_eq!(found, Some(Owner::Unit(monitor)));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_printable_owner_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(owner) = parse_cgroup(&bytes) {
                prop_assert!(!owner.to_string().contains(char::is_control));
            }
            let mut text = b"0::/".to_vec();
            text.extend(bytes);
            text.extend(b".service");
            if let Some(owner) = parse_cgroup(&text) {
                prop_assert!(!owner.to_string().contains(char::is_control));
            }
        }
    }
}
