//! Room in a btrfs, as `btrfs filesystem usage -b` tells it.
//!
//! Space of metadata is what runs out first and hurts most: then nothing can be deleted any more either. It can grow only
//! where some space belongs to no chunk yet, which `df` does not show.

/// Data that must be free beside what an installation takes: from now on every file that is replaced takes space twice.
const DATA_MIN: u64 = 512 << 20;
/// Metadata that must be free: a snapshot's trees are copied as they are changed, some MiB for each thousand files.
const METADATA_MIN: u64 = 128 << 20;
/// Unpacked packages against packed ones, as preflight reckons.
const UNPACKED: u64 = 4;

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Free for data, by btrfs's own estimate.
    data: u64,
    /// Free for metadata, with what unallocated space could hold of it.
    metadata: u64,
}

impl Usage {
    /// `None` when a line is missing.
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(name))?;
            line.split_whitespace().next()
        };
        let bytes = |name: &str| field(name)?.parse::<u64>().ok();
        let unallocated = bytes("Device unallocated:")?;
        let reserve = bytes("Global reserve:")?;
        // `2.00`: how often each byte of metadata is on the disk.
        let (whole, part) = field("Metadata ratio:")?.split_once('.')?;
        let ratio = whole.parse::<u64>().ok()? * 100 + part.get(..2)?.parse::<u64>().ok()?;
        // `Metadata,DUP: Size:78643200, Used:8617984 (10.96%)`, one for each profile.
        let mut metadata = 0_u64;
        for line in text.lines().filter(|line| line.starts_with("Metadata,")) {
            let number = |name: &str| {
                let (_, rest) = line.split_once(name)?;
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                rest.get(..end)?.parse::<u64>().ok()
            };
            metadata += number("Size:")?.saturating_sub(number("Used:")?);
        }
        Some(Self {
            data: bytes("Free (estimated):")?,
            metadata: (metadata + (unallocated / ratio.max(100)).saturating_mul(100))
                .saturating_sub(reserve),
        })
    }

    /// What a snapshot before an installation of so many packed bytes lacks.
    pub fn lacking(self, bytes: u64) -> Vec<String> {
        let data = DATA_MIN.saturating_add(bytes.saturating_mul(UNPACKED));
        [
            ("data", self.data, data),
            ("metadata", self.metadata, METADATA_MIN),
        ]
        .into_iter()
        .filter(|(_, free, needed)| free < needed)
        .map(|(what, free, needed)| {
            format!(
                "btrfs has {} MiB free for {what}, a snapshot needs {} MiB",
                free >> 20,
                needed.div_ceil(1 << 20)
            )
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// btrfs-progs 6.2, of a file of 1500 MiB.
    const TEXT: &str = "Overall:
    Device size:		        1572864000
    Device allocated:		         517996544
    Device unallocated:		        1054867456
    Device missing:		                 0
    Device slack:		                 0
    Used:			         217763840
    Free (estimated):		        1198305280	(min: 670871552)
    Free (statfs, df):		        1197256704
    Data ratio:			              1.00
    Metadata ratio:		              2.00
    Global reserve:		           5767168	(used: 0)
    Multiple profiles:		                no

Data,single: Size:343932928, Used:200495104 (58.29%)
   /dev/loop0	 343932928

Metadata,DUP: Size:78643200, Used:8617984 (10.96%)
   /dev/loop0	 157286400
";

    #[test]
    fn room_is_read() {
        let usage = Usage::parse(TEXT).unwrap();
        assert_eq!(usage.data, 1_198_305_280);
        // What is free in its chunks, half of what is unallocated, without the reserve.
        let free = 78_643_200 - 8_617_984 + 1_054_867_400 / 2 - 5_767_168;
        assert_eq!(usage.metadata, free);
        assert!(usage.lacking(64 << 20).is_empty());
        assert_eq!(Usage::parse("ERROR: not a btrfs filesystem"), None);
    }

    #[test]
    fn pool_without_unallocated_space_lacks_metadata() {
        let full = TEXT
            .replace("1054867456", "0")
            .replace("1198305280", "143437824");
        let lacking = Usage::parse(&full).unwrap().lacking(0);
        assert_eq!(
            lacking,
            [
                "btrfs has 136 MiB free for data, a snapshot needs 512 MiB",
                "btrfs has 61 MiB free for metadata, a snapshot needs 128 MiB",
            ]
        );
    }
}
