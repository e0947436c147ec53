//! A CVE identifier as a number that sorts like the identifier.

/// `CVE-YYYY-N` packed as year and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CveKey(u64);

impl CveKey {
    /// Parses `CVE-2024-3094`; `None` for anything else.
    ///
    /// ```
    /// use overlock_index::CveKey;
    /// assert_eq!(CveKey::parse("CVE-2024-3094").map(|key| key.to_string()).as_deref(), Some("CVE-2024-3094"));
    /// assert_eq!(CveKey::parse("GHSA-jf85-cpcp-j695"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, number) = text.strip_prefix("CVE-")?.split_once('-')?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || !(4..=12).contains(&number.len()) || !digits(year) || !digits(number)
        {
            return None;
        }
        // The identifier has leading zeros up to four digits only; anything else would not print back.
        if number.len() > 4 && number.starts_with('0') {
            return None;
        }
        let year: u64 = year.parse().ok()?;
        let number: u64 = number.parse().ok()?;
        Some(Self((year << 48) | number))
    }

    /// The number as stored.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The identifier for a stored number.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl std::fmt::Display for CveKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "CVE-{:04}-{:04}",
            self.0 >> 48,
            self.0 & 0xffff_ffff_ffff
        )
    }
}
