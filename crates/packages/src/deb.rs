//! dpkg's database.
