use std::fmt;

use serde::{Deserialize, Serialize};

/// Counts bytes; shown with binary prefixes, in at most nine columns: four places, with one behind the point where there is room for it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Adds, staying at the largest count instead of overflowing.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self(0), Self::saturating_add)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        #[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
        let mut amount = self.0 as f64 / 1024.0;
        let mut unit = UNITS[0];
        for next in UNITS.iter().skip(1) {
            // 1023.5 would be printed as 1024.
            if amount < 1023.5 {
                break;
            }
            amount /= 1024.0;
            unit = next;
        }
        // 999.95 would be printed as 1000.0.
        let places = usize::from(amount < 999.95);
        f.pad(&format!("{amount:.places$} {unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn bytes_are_shown_with_the_largest_prefix_that_keeps_a_digit() {
        for (count, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (73_085_747, "69.7 MiB"),
            (1_023_948, "999.9 KiB"),
            (1_023_949, "1000 KiB"),
            (1_041_715, "1017 KiB"),
            (1023 * 1024 * 1024 + 512 * 1024 - 1, "1023 MiB"),
            (1023 * 1024 * 1024 + 512 * 1024, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Bytes(count).to_string(), shown);
            assert!(shown.len() <= "999.9 KiB".len());
        }
    }
}
