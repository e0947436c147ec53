//! The wire: what agents and server, reporter and helper say to each other.
