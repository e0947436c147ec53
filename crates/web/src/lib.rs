//! The server: TLS, agents, API, access.
