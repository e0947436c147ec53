//! Publishers of advisories: download, check, keep the last good copy, compile.
