//! The compiled, sorted, memory-mapped tables that answer what advisories say of a package.
