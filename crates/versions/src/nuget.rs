//! NuGet versions: `major[.minor[.patch[.revision]]][-prerelease][+metadata]`.
//!
//! Rules: NuGet's "Package versioning" page and NuGetVersion. Semantic Versioning with a fourth number; missing numbers
//! are 0, leading zeros do not count, pre-release identifiers ignore case, metadata has no part in the order.

use crate::prerelease::{self, Reading};
use crate::sort_key::Writer;

pub(crate) fn write_key(version: &str, out: &mut Writer) -> Result<(), &'static str> {
    let (core, prerelease) = prerelease::split(version)?;
    let mut numbers = core.split('.');
    for position in 0..4 {
        match numbers.next() {
            Some(number) if crate::is_number(number) => out.number(number),
            None if position > 0 => out.number("0"),
            _ => return Err("its parts before the pre-release must be numbers"),
        }
    }
    if numbers.next().is_some() {
        return Err("it has more than four numbers");
    }
    prerelease::write(prerelease, Reading::LooseIgnoringCase, out)
}
