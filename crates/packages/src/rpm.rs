//! rpm databases and dnf metadata.
