//! One bounded door to a file tree: never out of the root, never more bytes than asked for.
