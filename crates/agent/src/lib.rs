//! The agent: reports what is on this host, keeps its identity, and lets a small root helper act.
