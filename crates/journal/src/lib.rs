//! What a host did and is about to do, written down before it is done.
