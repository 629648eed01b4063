//! Durations, as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use toml::Value;

use super::error::ValueError;
use super::leaf::{Form, Leaf, Refused, text};

/// Reads a duration: `"10s"`, `"90m"`, `"1h 30m"`, `"1d"`; a day has 24 hours and a week seven days.
///
/// # Errors
///
/// When the text is none, is negative, has no unit, or counts months or years, whose length nobody knows.
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    let refuse = |reason: String| ValueError { text: text.to_owned(), reason };
    let unreadable = || refuse(<Duration as Leaf>::EXPECTED.to_owned());
    // jiff also reads ISO 8601, a bare number is neither.
    let span: Span = text.parse().map_err(|_| unreadable())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(refuse("weeks are the longest unit, since months and years differ".to_owned()));
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| unreadable())?;
    Duration::try_from(duration).map_err(|_| refuse("a duration cannot be negative".to_owned()))
}

/// Writes a duration as [`parse_duration`] reads it: `1d 2h`, `90s` as `1m 30s`, `0s`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            parts.push(format!("{}{unit}", rest / seconds));
            rest %= seconds;
        }
    }
    for (unit, nanoseconds) in [
        ("ms", duration.subsec_millis()),
        ("us", duration.subsec_micros() % 1000),
        ("ns", duration.subsec_nanos() % 1000),
    ] {
        if nanoseconds > 0 {
            parts.push(format!("{nanoseconds}{unit}"));
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

impl Leaf for Duration {
    const EXPECTED: &'static str = r#"a duration with its unit, such as "10s", "90m", "1h 30m" or "1d""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let text = text(value)?;
        parse_duration(text).map_err(|error| {
            if error.reason == Self::EXPECTED { Refused::Unexpected } else { Refused::because(error.reason) }
        })
    }
}

/// Reads a duration that cannot be nothing.
pub(super) struct Positive;

impl Leaf for Positive {
    const EXPECTED: &'static str = r#"a duration longer than nothing, such as "10s", "90m" or "1h 30m""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        if Duration::read(value)?.is_zero() { Err(Refused::Unexpected) } else { Ok(Self) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{parse_duration, show_duration};

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, seconds) in [
            ("0s", 0),
            ("10s", 10),
            ("90m", 5400),
            ("1d", 86_400),
            ("2w", 14 * 86_400),
            ("1h 30m", 5400),
            ("1h30m", 5400),
            ("1 hour", 3600),
            ("1d 2h 3m 4s", 86_400 + 7384),
        ] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_secs(seconds), "{text:?}");
        }
        assert_eq!(parse_duration("250ms").unwrap(), Duration::from_millis(250));
    }

    #[test]
    fn durations_without_unit_or_sense_are_refused() {
        for text in ["", "10", "s", "-1s", "1 fortnight", "1h 30", "1mo", "1y", "99999999999999999999d", "1d ago"] {
            assert!(parse_duration(text).is_err(), "{text:?} was taken");
        }
        assert_eq!(
            parse_duration("1mo").unwrap_err().to_string(),
            r#""1mo": weeks are the longest unit, since months and years differ"#
        );
    }

    proptest! {
        #[test]
        fn a_duration_reads_back_what_it_writes(milliseconds in 0_u64..=10_000_000_000) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&show_duration(duration)).unwrap(), duration);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            drop(parse_duration(&text));
        }
    }
}
