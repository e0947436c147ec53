//! What the server remembers, in SQLite or PostgreSQL: hosts, sections, episodes, access, and the hash-chained log.
