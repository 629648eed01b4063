//! Times and durations for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Says what time it was, by the clock on the wall.
#[must_use]
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%H:%M:%S").to_string()
}

/// Says which day and minute it was.
#[must_use]
pub fn day_and_time(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Says how long something took: tenths of a second below ten of them, then as [`span`].
#[must_use]
pub fn took(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        return format!("{}.{}s", duration.as_secs(), duration.subsec_millis() / 100);
    }
    span(duration)
}

/// Says how long something lasts, in the largest unit and, where there is some of it, the next: `34s`, `3m 04s`, `10m`, `1d 02h`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let mut units = units.into_iter().skip_while(|&(amount, unit)| amount == 0 && unit != "s");
    let (first, unit) = units.next().unwrap_or((0, "s"));
    match units.next() {
        Some((next, smaller)) if next > 0 => format!("{first}{unit} {next:02}{smaller}"),
        _ => format!("{first}{unit}"),
    }
}

/// Gives the time from one moment to a later one, and none at all when it is not later.
#[must_use]
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

/// Gives how long it was from one moment to another; none where the clock was put back in between, since nobody knows it then.
#[must_use]
pub fn measured(from: Timestamp, to: Timestamp) -> Option<Duration> {
    to.duration_since(from).try_into().ok()
}

/// Tells a duration in one of these ways, and of one that nobody knows that it is unknown.
#[must_use]
pub fn known(duration: Option<Duration>, tell: fn(Duration) -> String) -> String {
    duration.map_or_else(|| "unknown".to_owned(), tell)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{measured, span, took};

    #[test]
    fn durations_keep_two_units() {
        for (millis, shown) in [
            (0, "0.0s"),
            (2_149, "2.1s"),
            (59_999, "59s"),
            (184_000, "3m 04s"),
            (600_000, "10m"),
            (3_840_000, "1h 04m"),
            (3_601_000, "1h"),
            (93_600_000, "1d 02h"),
        ] {
            assert_eq!(took(Duration::from_millis(millis)), shown);
        }
        assert_eq!((span(Duration::from_secs(5)), span(Duration::ZERO)), ("5s".into(), "0s".into()));
    }

    #[test]
    fn what_ends_before_it_began_took_nobody_knows_how_long() {
        let (from, to) = ("2026-01-01T10:00:00Z".parse().unwrap(), "2026-01-01T10:00:02Z".parse().unwrap());
        assert_eq!(measured(from, to), Some(Duration::from_secs(2)));
        assert_eq!((measured(from, from), measured(to, from)), (Some(Duration::ZERO), None));
    }
}
