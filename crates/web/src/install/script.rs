//! The install script: POSIX shell, fixed commands, everything from outside in quotes.

use overlock_model::plan::Digest;

const SCRIPT: &str = r#"#!/bin/sh
# Installs the Overlock agent and enrols this host with @ADDRESS@.
# OVERLOCK_ENROL_TOKEN, or the one argument, is a token for enrolment (`overlock host token`). Other users of this host
# can read arguments, so the environment is the better way.
set -eu

address='@ADDRESS@'
pin='@PIN@'
sha256='@SHA256@'
machine='@MACHINE@'

fail() { printf 'overlock: %s\n' "$1" >&2; exit 3; }

main() {
    token=${1:-${OVERLOCK_ENROL_TOKEN:-}}
    [ "$#" -le 1 ] && [ -n "$token" ] || fail 'set OVERLOCK_ENROL_TOKEN to the token for enrolment'
    [ "$(id -u)" -eq 0 ] || fail 'this needs root'
    [ "$(uname -s)" = Linux ] || fail 'this program is for Linux'
    [ "$(uname -m)" = "$machine" ] || fail "this program is for $machine"
    for tool in curl sha256sum mktemp; do
        command -v "$tool" >/dev/null 2>&1 || fail "the program $tool is missing"
    done
    # Not in /tmp, from which many hosts allow no program to run.
    work=$(mktemp -d /var/tmp/overlock.XXXXXX) || fail 'no folder for temporary files'
    trap 'rm -rf "$work"' EXIT
    trap 'exit 3' HUP INT TERM
    # The pinned key says who the server is; its certificate is of its own authority, which this host does not know yet.
    curl -fsSk --pinnedpubkey "$pin" -o "$work/overlock-agent" "$address/agent/v1/program" \
        || fail 'the program cannot be fetched'
    printf '%s  %s\n' "$sha256" "$work/overlock-agent" | sha256sum -c - >/dev/null 2>&1 \
        || fail 'the program is not the one this script was made for'
    chmod 0755 "$work/overlock-agent"
    # It copies itself into place, makes user and units, enrols and starts. The token is not on its command line.
    OVERLOCK_ENROL_TOKEN=$token "$work/overlock-agent" install --server "$address" --yes
}

# Called last, so that a script cut short in transit does nothing.
main "$@"
"#;

/// The script. What is put in has no quote in it: an address of ours, base64, hex and a word.
pub(super) fn text(address: &str, pin: &str, program: Digest) -> String {
    let plain: String = address
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || "-._~:/[]".contains(*character))
        .collect();
    SCRIPT
        .replace("@ADDRESS@", &plain)
        .replace("@PIN@", pin)
        .replace("@SHA256@", &program.to_string())
        .replace("@MACHINE@", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn nothing_put_in_leaves_its_quotes() {
        let text = text("https://x'; rm -rf /; '", "sha256//AA==", Digest::of(b""));
        assert!(text.contains("address='https://xrm-rf/'"), "{text}");
        for left in ["@ADDRESS@", "@PIN@", "@SHA256@", "@MACHINE@"] {
            assert!(!text.contains(left), "{left} is left to be put in");
        }
    }

    #[test]
    fn a_shell_reads_it_and_it_refuses_to_go_on_without_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("install.sh");
        std::fs::write(
            &script,
            text("https://fleet.example.org", "sha256//AA==", Digest::of(b"")),
        )
        .unwrap();
        let parsed = Command::new("sh").arg("-n").arg(&script).status().unwrap();
        assert!(parsed.success());
        let refused = Command::new("sh").arg(&script).output().unwrap();
        assert_eq!(refused.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("token"));
    }
}
