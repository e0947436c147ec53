//! Alpine's package database and index.
