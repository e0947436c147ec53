//! Which updates to make first on one host, and what is held and why.
