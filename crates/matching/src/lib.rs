//! Which vulnerabilities a package set is exposed to, and what could not be judged.
