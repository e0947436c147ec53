//! The host's verifier: refuses a plan or a step that breaks what this host allows.
