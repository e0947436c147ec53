//! Language packages found on the file system.
