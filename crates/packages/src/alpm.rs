//! pacman's package database and metadata.
