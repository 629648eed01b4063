//! Numbers and shares of hosts, as people write them.

use toml::Value;

use super::leaf::{Leaf, Refused, deserialize_as_leaf};
use crate::plan::Amount;

/// Reads a share between 0 and 100, without its `%`.
fn percent(text: &str) -> Option<u8> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten().filter(|&percent| percent <= 100)
}

/// Reads a number, or a text with `%` at its end.
fn amount(value: &Value) -> Option<Amount> {
    let count = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    match value {
        Value::Integer(number) => usize::try_from(*number).ok().map(Amount::Count),
        Value::String(text) => match text.strip_suffix('%') {
            Some(share) => percent(share).map(Amount::Percent),
            None => count(text).map(Amount::Count),
        },
        _ => None,
    }
}

/// Holds a share that selects hosts: `percent = 5` or `percent = "5%"`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share(pub(super) Amount);

impl Leaf for Share {
    const EXPECTED: &'static str = r#"a whole number from 1 to 100, such as 5 or "5%""#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let share = match value {
            Value::String(text) => percent(text.strip_suffix('%').unwrap_or(text)),
            Value::Integer(number) => u8::try_from(*number).ok().filter(|&percent| percent <= 100),
            _ => None,
        };
        share.filter(|&percent| percent > 0).map(|percent| Self(Amount::Percent(percent))).ok_or(Refused::Unexpected)
    }
}

/// Says how many hosts of a stage may fail before the rollout stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(Amount);

impl Budget {
    /// Gives the budget as it was written.
    #[must_use]
    pub const fn amount(self) -> Amount {
        self.0
    }

    /// Gives how many of so many hosts may fail; a share is rounded down, since a budget is a promise.
    #[must_use]
    pub fn limit(self, of: usize) -> usize {
        self.0.of(of).min(of)
    }
}

impl Leaf for Budget {
    const EXPECTED: &'static str = r#"how many hosts may fail: a number such as 3, or a share from "0%" to "100%""#;

    fn read(value: &Value) -> Result<Self, Refused> {
        amount(value).map(Self).ok_or(Refused::Unexpected)
    }
}

struct WaveSize(Amount);

impl Leaf for WaveSize {
    const EXPECTED: &'static str = r#"a number of hosts of 1 or more, or a share such as "10%""#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let is_some = |size: &Amount| !matches!(size, Amount::Count(0) | Amount::Percent(0));
        amount(value).filter(is_some).map(Self).ok_or(Refused::Unexpected)
    }
}

/// Says how many hosts the waves of a stage have, as Ansible's `serial` does; the last size repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waves(Vec<Amount>);

impl Waves {
    /// Gives the sizes; there is at least one, and none is nothing.
    #[must_use]
    pub fn sizes(&self) -> &[Amount] {
        &self.0
    }
}

impl Leaf for Waves {
    const EXPECTED: &'static str = r#"a list of wave sizes, such as [1, "10%", "50%"]"#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let sizes = Vec::<WaveSize>::read(value)?;
        if sizes.is_empty() {
            return Err(Refused::because(
                r#"a stage has at least one wave: write ["100%"] for one with all of its hosts"#,
            ));
        }
        Ok(Self(sizes.into_iter().map(|WaveSize(size)| size).collect()))
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

deserialize_as_leaf!(Share, Budget, Waves);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use toml::Value;

    use super::{Budget, Share, Waves};
    use crate::config::leaf::Leaf;
    use crate::plan::Amount;

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
            (r#""100%""#, 7, 7),
            (r#""0%""#, 7, 0),
        ] {
            assert_eq!(Budget::read(&value(text)).unwrap().limit(of), limit, "{text} of {of}");
        }
        for text in
            ["-1", r#""-1%""#, r#""101%""#, r#""%""#, r#""2 %""#, r#""1.5%""#, "1.5", "true", r#""+1""#, r#""""#]
        {
            assert!(Budget::read(&value(text)).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn waves_have_sizes_of_at_least_one_host() {
        let waves = Waves::read(&value(r#"[1, "10%", "50%"]"#)).unwrap();
        assert_eq!(waves.sizes(), [Amount::Count(1), Amount::Percent(10), Amount::Percent(50)]);
        for text in ["[]", "[0]", r#"["0%"]"#, "1", r#"["x"]"#, "[-1]", "[1.5]", r#"["1000%"]"#] {
            assert!(Waves::read(&value(text)).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn shares_of_hosts_are_more_than_nothing() {
        for text in ["5", r#""5%""#, r#""5""#, "100"] {
            assert!(Share::read(&value(text)).is_ok(), "{text}");
        }
        for text in ["0", "101", "256", "-5", "0.5", r#""x""#, "nan", r#""%""#] {
            assert!(Share::read(&value(text)).is_err(), "{text} was taken");
        }
    }

    proptest! {
        #[test]
        fn no_amount_panics(text in "\\PC{0,12}|[0-9]{0,30}%?") {
            let value = Value::String(text);
            drop((Budget::read(&value), Waves::read(&Value::Array(vec![value.clone()])), Share::read(&value)));
        }
    }
}
