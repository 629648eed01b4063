//! Durations as JSON has them: numbers of seconds, in fields whose names end in `_s`.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserializer, Serializer};

/// Gives whole seconds; what is left of one counts as one.
#[must_use]
pub const fn rounded_up(duration: Duration) -> u64 {
    duration.as_secs().saturating_add((duration.subsec_nanos() > 0) as u64)
}

/// Writes a duration as a number of seconds, a whole one where it is whole.
///
/// # Errors
///
/// When the serializer fails.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if duration.subsec_nanos() == 0 {
        serializer.serialize_u64(duration.as_secs())
    } else {
        serializer.serialize_f64(duration.as_secs_f64())
    }
}

/// Reads a number of seconds, or what earlier versions wrote: an object of seconds and nanoseconds.
///
/// # Errors
///
/// When it is neither, or no duration has so many seconds.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Seconds)
}

struct Seconds;

impl<'de> Visitor<'de> for Seconds {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Duration, A::Error> {
        let (mut whole, mut rest) = (0_u64, 0_u64);
        while let Some((name, number)) = map.next_entry::<String, u64>()? {
            match name.as_str() {
                "secs" => whole = number,
                "nanos" => rest = number,
                _ => return Err(A::Error::unknown_field(&name, &["secs", "nanos"])),
            }
        }
        Ok(Duration::from_secs(whole).saturating_add(Duration::from_nanos(rest)))
    }
}

/// Writes milliseconds as seconds, and reads them back.
pub mod of_milliseconds {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Writes a number of milliseconds as a number of seconds.
    ///
    /// # Errors
    ///
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(milliseconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(&Duration::from_millis(*milliseconds), serializer)
    }

    /// Reads a number of seconds as milliseconds.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let duration = super::deserialize(deserializer)?;
        Ok(u64::try_from((duration + Duration::from_micros(500)).as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Timed {
        #[serde(rename = "soak_s", alias = "soak", with = "super")]
        soak: Duration,
        #[serde(rename = "latency_s", default, with = "super::of_milliseconds")]
        latency_ms: u64,
    }

    #[test]
    fn a_duration_is_a_number_of_seconds_and_what_was_written_before_is_read() {
        for (soak, latency_ms, written) in [
            (Duration::from_secs(600), 41, r#"{"soak_s":600,"latency_s":0.041}"#),
            (Duration::from_millis(1500), 2000, r#"{"soak_s":1.5,"latency_s":2}"#),
        ] {
            let timed = Timed { soak, latency_ms };
            assert_eq!(serde_json::to_string(&timed).unwrap(), written);
            assert_eq!(serde_json::from_str::<Timed>(written).unwrap(), timed);
        }
        let before: Timed = serde_json::from_str(r#"{"soak":{"secs":1,"nanos":500000000}}"#).unwrap();
        assert_eq!(before, Timed { soak: Duration::from_millis(1500), latency_ms: 0 });
        assert!(serde_json::from_str::<Timed>(r#"{"soak_s":-1}"#).is_err());
    }
}
