use std::fmt;

use jiff::Timestamp;
use serde::de::value::{EnumAccessDeserializer, MapAccessDeserializer, MapDeserializer};
use serde::de::{DeserializeSeed, EnumAccess, Error as _, IgnoredAny, MapAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::event::Event;
use crate::model::{FromText, RolloutId};

/// Tells why a line is not a record.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is not the JSON of a record.
    #[error("not a record: {0}")]
    Json(#[from] serde_json::Error),
    /// A version of coalmine wrote it that this one cannot read.
    #[error("a record of version {0}, and this coalmine reads version {version} only", version = Record::VERSION)]
    Version(u32),
}

/// Holds an event with its place in a rollout: a line of the journal, of the control socket and of `--output jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number, from 1; a live event that is not journaled has that of the record before it.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// In which rollout.
    pub rollout: RolloutId,
    /// What happened.
    pub event: Event,
}

/// The fields that a record has beside its event's, which follow them.
#[derive(Deserialize)]
struct Envelope {
    v: u32,
    seq: u64,
    at: Timestamp,
    rollout: RolloutId,
}

#[derive(Serialize)]
struct Head<'a> {
    v: u32,
    seq: u64,
    at: Timestamp,
    rollout: &'a RolloutId,
}

impl Record {
    /// The version of the format that this coalmine writes and reads.
    pub const VERSION: u32 = 1;

    /// Writes the record as one line of JSON, without the newline.
    ///
    /// # Errors
    ///
    /// When the event cannot be written as JSON, which no event of this version does.
    pub fn to_line(&self) -> Result<String, RecordError> {
        let mut line = Vec::with_capacity(256);
        self.write(&mut line)?;
        String::from_utf8(line).map_err(|error| serde_json::Error::custom(error).into())
    }

    /// Writes the record behind what is there, as [`Self::to_line`] gives it.
    ///
    /// # Errors
    ///
    /// As [`Self::to_line`]; some of it may be there then.
    pub fn write(&self, lines: &mut Vec<u8>) -> Result<(), RecordError> {
        let Self { seq, at, rollout, event } = self;
        serde_json::to_writer(&mut *lines, &Head { v: Self::VERSION, seq: *seq, at: *at, rollout })?;
        lines.pop();
        lines.extend_from_slice(br#","kind":"#);
        let start = lines.len();
        serde_json::to_writer(&mut *lines, event)?;
        // To serde, a kind is the key of its fields; in a line it is one of them: `{"locked":{"hosts":4}}` and
        // `…,"kind":"locked","hosts":4}`.
        let written = lines.get(start..).unwrap_or_default();
        if written.first() != Some(&b'{') {
            lines.push(b'}');
            return Ok(());
        }
        if let Some(kind) = written.windows(2).position(|pair| pair == b":{") {
            let fields = start + kind + 2;
            let has_any = lines.get(fields) != Some(&b'}');
            lines.splice(fields - 2..fields, has_any.then_some(b','));
            lines.remove(start);
            lines.pop();
        }
        Ok(())
    }

    /// Reads a record of one line of JSON.
    ///
    /// # Errors
    ///
    /// When the line is no record, or one of a version that this coalmine cannot read. An event of an unknown kind is read as
    /// [`Event::Unknown`].
    pub fn from_line(line: &str) -> Result<Self, RecordError> {
        Self::from_next_line(line, None)
    }

    /// As [`Self::from_line`], where the record before was of a rollout: a journal names the same one in every line.
    ///
    /// # Errors
    ///
    /// As [`Self::from_line`].
    pub fn from_next_line(line: &str, rollout: Option<&RolloutId>) -> Result<Self, RecordError> {
        // Nearly every line is as it was written. What is wrong with another shows when it is read in whatever order it has.
        Self::in_order(line, rollout).or_else(|_| Self::in_any_order(line))
    }

    fn in_order(line: &str, rollout: Option<&RolloutId>) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let record = InOrder(rollout).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(record)
    }

    fn in_any_order(line: &str) -> Result<Self, RecordError> {
        let Envelope { v, seq, at, rollout } = serde_json::from_str(line)?;
        if v != Self::VERSION {
            return Err(RecordError::Version(v));
        }
        let mut fields: serde_json::Map<String, Value> = serde_json::from_str(line)?;
        let kind = fields.remove_entry("kind").ok_or_else(|| serde_json::Error::missing_field("kind"))?;
        let mut fields: MapDeserializer<'_, _, serde_json::Error> =
            MapDeserializer::new(std::iter::once(kind).chain(fields));
        fields.next_key::<IgnoredAny>()?;
        Ok(Self { seq, at, rollout, event: event_of(fields)? })
    }
}

/// Reads a record whose line has the fields of its envelope first, then the kind of its event, and then the fields of that; knows which
/// rollout the record before was of.
struct InOrder<'a>(Option<&'a RolloutId>);

/// Reads the name of a rollout, which is nearly always the one that is known.
struct Rollout<'a>(Option<&'a RolloutId>);

impl<'de> DeserializeSeed<'de> for Rollout<'_> {
    type Value = RolloutId;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RolloutId, D::Error> {
        let read = |text: &str| match self.0 {
            Some(known) if known.as_str() == text => Ok(known.clone()),
            _ => RolloutId::new(text),
        };
        deserializer.deserialize_str(FromText(read))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    V,
    Seq,
    At,
    Rollout,
    Kind,
}

impl<'de> DeserializeSeed<'de> for InOrder<'_> {
    type Value = Record;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Record, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for InOrder<'_> {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let (mut v, mut seq, mut at, mut rollout) = (None, None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::V => v = Some(map.next_value::<u32>()?),
                Field::Seq => seq = Some(map.next_value()?),
                Field::At => at = Some(map.next_value()?),
                Field::Rollout => rollout = Some(map.next_value_seed(Rollout(self.0))?),
                Field::Kind => break,
            }
        }
        match (v, seq, at, rollout) {
            (Some(Record::VERSION), Some(seq), Some(at), Some(rollout)) => {
                Ok(Record { seq, at, rollout, event: event_of(map)? })
            }
            _ => Err(A::Error::custom("no record of this version in the order in which one is written")),
        }
    }
}

/// Reads an event whose kind is the value that comes next, and whose fields are what follows.
fn event_of<'de, A: MapAccess<'de>>(map: A) -> Result<Event, A::Error> {
    Event::deserialize(EnumAccessDeserializer::new(Kinded(map)))
}

/// Shows serde an event as it likes enums best: a kind, and then what that has.
///
/// An enum with a tag among its fields would be kept apart field by field until the tag is found, though it always comes first.
struct Kinded<A>(A);

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Kinded<A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self), A::Error> {
        let kind = self.0.next_value_seed(seed)?;
        Ok((kind, self))
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Kinded<A> {
    type Error = A::Error;

    fn unit_variant(mut self) -> Result<(), A::Error> {
        while self.0.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        seed.deserialize(MapAccessDeserializer::new(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("no event is a list"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
}
