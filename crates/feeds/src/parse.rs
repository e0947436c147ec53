//! Parsers of the publishers' formats.
