//! How fast a transfer may be.

use std::fmt;
use std::str::FromStr;

use toml::Value;

use super::error::ValueError;
use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};

/// Limits the rate of a transfer as rsync's `--bwlimit` does; none is no limit.
///
/// As rsync(1) has it: without a suffix in KiB a second, `K`, `M`, `G` and `KiB` and so on are powers of 1024, `KB` and so on
/// are powers of 1000, fractions are allowed, and what is smaller than 512 bytes is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bandwidth {
    kib_per_second: u64,
}

impl Bandwidth {
    /// Gives the limit in KiB a second, as `--bwlimit` takes it without a suffix; none when there is no limit.
    #[must_use]
    pub const fn kib_per_second(self) -> Option<u64> {
        if self.kib_per_second == 0 { None } else { Some(self.kib_per_second) }
    }
}

impl FromStr for Bandwidth {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = |reason: &str| ValueError { text: text.to_owned(), reason: reason.to_owned() };
        let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, suffix) = text.split_at_checked(digits).unwrap_or((text, ""));
        let exponent = |base: f64, letter: &str| match letter {
            "k" => Some(base),
            "m" => Some(base.powi(2)),
            "g" => Some(base.powi(3)),
            "t" => Some(base.powi(4)),
            _ => None,
        };
        let suffix = suffix.to_ascii_lowercase();
        let multiplier = match suffix.as_str() {
            "b" => Some(1.0),
            "" => Some(1024.0),
            suffix => match (suffix.strip_suffix("ib"), suffix.strip_suffix('b')) {
                (Some(letter), _) => exponent(1024.0, letter),
                (None, Some(letter)) => exponent(1000.0, letter),
                (None, None) => exponent(1024.0, suffix),
            },
        };
        let unreadable = || refuse(Self::EXPECTED);
        let number: f64 = number.parse().map_err(|_| unreadable())?;
        let bytes = number * multiplier.ok_or_else(unreadable)?;
        if bytes > 0.0 && bytes < 512.0 {
            return Err(refuse("rsync takes no limit below 512 bytes a second; 0 is no limit"));
        }
        if bytes > 1e15 {
            return Err(refuse("that is more than any network carries; 0 is no limit"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1e12 here")]
        let kib_per_second = (bytes / 1024.0).round() as u64;
        Ok(Self { kib_per_second })
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kib_per_second == 0 { f.pad("0") } else { f.pad(&format!("{}K", self.kib_per_second)) }
    }
}

impl Leaf for Bandwidth {
    const EXPECTED: &'static str =
        r#"a rate as rsync's --bwlimit takes it, such as "10M" (MiB a second), or "0" for no limit"#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let text = match value {
            Value::Integer(0) => "0",
            other => text(other)?,
        };
        text.parse().map_err(|error: ValueError| {
            if error.reason == Self::EXPECTED { Refused::Unexpected } else { Refused::because(error.reason) }
        })
    }
}

deserialize_as_leaf!(Bandwidth);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Bandwidth;

    #[test]
    fn bandwidths_mean_what_rsync_means() {
        for (text, kib) in [
            ("0", None),
            ("100", Some(100)),
            ("10M", Some(10 * 1024)),
            ("10m", Some(10 * 1024)),
            ("1.5m", Some(1536)),
            ("10MiB", Some(10 * 1024)),
            ("1GB", Some(976_563)),
            ("2048b", Some(2)),
        ] {
            assert_eq!(text.parse::<Bandwidth>().unwrap().kib_per_second(), kib, "{text}");
        }
        for text in ["", "M", "10X", "-1", "1b", "10 M", "1.2.3", "1e9", "999999999T", "é"] {
            assert!(text.parse::<Bandwidth>().is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_shown_reads_back(text in "[0-9.]{0,6}[kKmMgGtTiIbB]{0,3}|\\PC{0,12}") {
            if let Ok(bandwidth) = text.parse::<Bandwidth>() {
                prop_assert_eq!(bandwidth.to_string().parse::<Bandwidth>().unwrap(), bandwidth);
            }
        }
    }
}
