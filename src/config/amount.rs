//! Numbers and shares of hosts, and rates, as people write them.

use std::fmt;
use std::str::FromStr;

use toml::Value;

use super::error::ValueError;
use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};

/// Holds a share of a whole, from 0 % to 100 %, exact to a hundredth of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent {
    hundredths: u16,
}

impl Percent {
    const WHOLE: u16 = 10_000;

    /// Gives the share of so many, rounded down.
    #[must_use]
    pub fn of(self, whole: usize) -> usize {
        let share = whole as u128 * u128::from(self.hundredths) / u128::from(Self::WHOLE);
        usize::try_from(share).unwrap_or(whole)
    }

    /// Reads `5` or `2.25`, at most two digits behind the point.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number =
            (1..=3).contains(&whole.len()) && is_digits(whole) && fraction.len() <= 2 && is_digits(fraction);
        if !is_number || text.ends_with('.') {
            return None;
        }
        let hundredths = whole.parse::<u16>().ok()? * 100 + format!("{fraction:0<2}").parse::<u16>().ok()?;
        (hundredths <= Self::WHOLE).then_some(Self { hundredths })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", f64::from(self.hundredths) / 100.0))
    }
}

/// A share that selects hosts: `percent = 5`, `percent = 2.5` or `percent = "5%"`.
impl Leaf for Percent {
    const EXPECTED: &'static str = r#"a share of more than 0 and at most 100, such as 5 or "2.5%""#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let number = match value {
            Value::String(text) => text.strip_suffix('%').unwrap_or(text).to_owned(),
            Value::Integer(_) | Value::Float(_) => value.to_string(),
            _ => return Err(Refused::Unexpected),
        };
        Self::parse(&number).filter(|percent| percent.hundredths > 0).ok_or(Refused::Unexpected)
    }
}

/// Reads a number or a text with `%` at its end.
fn count_or_percent<T>(value: &Value, count: fn(usize) -> T, percent: fn(Percent) -> T) -> Option<T> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    match value {
        Value::Integer(number) => usize::try_from(*number).ok().map(count),
        Value::String(text) => match text.strip_suffix('%') {
            Some(share) => Percent::parse(share).map(percent),
            None => number(text).map(count),
        },
        _ => None,
    }
}

/// Says how many hosts of a stage may fail before the rollout stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Budget {
    /// So many.
    Count(usize),
    /// This share of the stage's hosts.
    Percent(Percent),
}

impl Budget {
    /// No host may fail.
    pub const NONE: Self = Self::Count(0);

    /// Gives how many of so many hosts may fail; a share is rounded down, since a budget is a promise.
    #[must_use]
    pub fn limit(self, of: usize) -> usize {
        match self {
            Self::Count(count) => count.min(of),
            Self::Percent(percent) => percent.of(of),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => fmt::Display::fmt(count, f),
            Self::Percent(percent) => fmt::Display::fmt(percent, f),
        }
    }
}

impl Leaf for Budget {
    const EXPECTED: &'static str = r#"how many hosts may fail: a number such as 3, or a share from "0%" to "100%""#;

    fn read(value: &Value) -> Result<Self, Refused> {
        count_or_percent(value, Self::Count, Self::Percent).ok_or(Refused::Unexpected)
    }
}

/// Says how many hosts a wave has, as Ansible's `serial` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaveSize {
    /// So many.
    Count(usize),
    /// This share of the stage's hosts.
    Percent(Percent),
}

impl WaveSize {
    /// Gives the number of hosts for a stage of so many: a share is rounded down, and a wave has at least one host.
    #[must_use]
    pub fn hosts(self, of: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => percent.of(of),
        }
        .max(1)
    }
}

impl fmt::Display for WaveSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => fmt::Display::fmt(count, f),
            Self::Percent(percent) => fmt::Display::fmt(percent, f),
        }
    }
}

impl Leaf for WaveSize {
    const EXPECTED: &'static str = r#"a number of hosts of 1 or more, or a share such as "10%""#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let is_nothing = |size: &Self| matches!(size, Self::Count(0) | Self::Percent(Percent { hundredths: 0 }));
        count_or_percent(value, Self::Count, Self::Percent).filter(|size| !is_nothing(size)).ok_or(Refused::Unexpected)
    }
}

/// Cuts a stage into waves; the last size repeats until every host has its wave.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Waves(Vec<WaveSize>);

impl Waves {
    /// Gives the sizes as they were written; there is at least one.
    #[must_use]
    pub fn sizes(&self) -> &[WaveSize] {
        &self.0
    }

    /// Gives how many hosts each wave of a stage of so many has; the numbers add up to it, none is 0.
    #[must_use]
    pub fn cut(&self, hosts: usize) -> Vec<usize> {
        let mut waves = Vec::new();
        let mut left = hosts;
        let mut sizes = self.0.iter();
        let mut size = hosts.max(1);
        while left > 0 {
            size = sizes.next().map_or(size, |next| next.hosts(hosts));
            waves.push(size.min(left));
            left = left.saturating_sub(size);
        }
        waves
    }
}

impl Leaf for Waves {
    const EXPECTED: &'static str = r#"a list of wave sizes, such as [1, "10%", "50%"]"#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let sizes = Vec::read(value)?;
        if sizes.is_empty() {
            return Err(Refused::because(
                r#"a stage has at least one wave: write ["100%"] for one with all of its hosts"#,
            ));
        }
        Ok(Self(sizes))
    }
}

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

/// Says how many releases a host keeps: the current one and at least the one to go back to.
pub(super) struct Keep;

impl Leaf for Keep {
    const EXPECTED: &'static str =
        "a whole number of 2 or more: the current release, and at least the one to go back to";

    fn read(value: &Value) -> Result<Self, Refused> {
        u32::read(value).ok().filter(|&keep| keep >= 2).map(|_| Self).ok_or(Refused::Unexpected)
    }
}

/// Reads by how much a gate's value may grow.
pub(super) struct Factor;

impl Leaf for Factor {
    const EXPECTED: &'static str =
        "a number above 0, such as 1.2: how many times its value before the stage a gate may show";

    fn read(value: &Value) -> Result<Self, Refused> {
        f64::read(value).ok().filter(|&factor| factor > 0.0).map(|_| Self).ok_or(Refused::Unexpected)
    }
}

deserialize_as_leaf!(Percent, Budget, WaveSize, Waves, Bandwidth);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use toml::Value;

    use super::{Bandwidth, Budget, Percent, WaveSize, Waves};
    use crate::config::leaf::Leaf;

    fn value(text: &str) -> Value {
        let table: toml::Table = format!("x = {text}").parse().unwrap();
        table["x"].clone()
    }

    #[test]
    fn budgets_round_down_and_stay_within_the_stage() {
        for (text, of, limit) in [
            ("0", 100, 0),
            ("3", 100, 3),
            ("3", 2, 2),
            (r#""3""#, 100, 3),
            (r#""2%""#, 149, 2),
            (r#""2%""#, 49, 0),
            (r#""0.5%""#, 10_000, 50),
            (r#""100%""#, 7, 7),
            (r#""0%""#, 7, 0),
            (r#""33.33%""#, 3, 0),
        ] {
            assert_eq!(Budget::read(&value(text)).unwrap().limit(of), limit, "{text} of {of}");
        }
        for text in [
            "-1",
            r#""-1%""#,
            r#""101%""#,
            r#""100.01%""#,
            r#""%""#,
            r#""2 %""#,
            r#""1.234%""#,
            r#""1.%""#,
            "1.5",
            "true",
            r#""+1""#,
            r#""""#,
        ] {
            assert!(Budget::read(&value(text)).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn waves_are_cut_as_ansible_cuts_its_serial() {
        for (text, hosts, cut) in [
            (r#"[1, "10%", "50%"]"#, 20, vec![1, 2, 10, 7]),
            (r#"["100%"]"#, 3, vec![3]),
            (r#"["1%"]"#, 3, vec![1, 1, 1]),
            ("[2]", 5, vec![2, 2, 1]),
            ("[10]", 5, vec![5]),
            ("[1, 2]", 0, vec![]),
        ] {
            assert_eq!(Waves::read(&value(text)).unwrap().cut(hosts), cut, "{text} of {hosts}");
        }
        for text in ["[]", "[0]", r#"["0%"]"#, "1", r#"["x"]"#, "[-1]", "[1.5]"] {
            assert!(Waves::read(&value(text)).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn shares_of_hosts_are_more_than_nothing() {
        for text in ["5", "2.5", r#""5%""#, "100"] {
            assert!(Percent::read(&value(text)).is_ok(), "{text}");
        }
        for text in ["0", "101", "-5", "0.001", r#""x""#, "nan", "inf"] {
            assert!(Percent::read(&value(text)).is_err(), "{text} was taken");
        }
    }

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
        fn waves_add_up_and_none_is_empty(sizes in proptest::collection::vec((1_usize..50, any::<bool>()), 1..5), hosts in 0_usize..500) {
            let sizes = sizes.into_iter().map(|(size, is_share)| {
                if is_share { WaveSize::Percent(Percent { hundredths: u16::try_from(size * 100).unwrap() }) } else { WaveSize::Count(size) }
            });
            let cut = Waves(sizes.collect()).cut(hosts);
            prop_assert_eq!(cut.iter().sum::<usize>(), hosts);
            prop_assert!(cut.iter().all(|&size| size > 0));
        }

        #[test]
        fn no_amount_panics(text in "\\PC{0,12}") {
            let value = Value::String(text.clone());
            drop((Budget::read(&value), WaveSize::read(&value), Percent::read(&value), Bandwidth::read(&value)));
        }
    }
}
