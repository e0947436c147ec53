//! Carries a plan out: a state machine that says what is next, driven through traits.
