use std::fmt;

use jiff::Timestamp;
use serde::de::value::{EnumAccessDeserializer, MapAccessDeserializer, MapDeserializer};
use serde::de::{DeserializeSeed, EnumAccess, Error as _, IgnoredAny, MapAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::event::Event;
use crate::model::RolloutId;

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
#[derive(Serialize, Deserialize)]
struct Envelope {
    v: u32,
    seq: u64,
    at: Timestamp,
    rollout: RolloutId,
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
        let Self { seq, at, rollout, event } = self;
        let mut line =
            serde_json::to_string(&Envelope { v: Self::VERSION, seq: *seq, at: *at, rollout: rollout.clone() })?;
        let event = serde_json::to_string(event)?;
        // To serde, a kind is the key of its fields; in a line it is one of them: `{"locked":{"hosts":4}}` and
        // `…,"kind":"locked","hosts":4}`.
        let (kind, fields) = match event.strip_prefix('{').and_then(|event| event.split_once(":{")) {
            Some((kind, fields)) => (kind, fields.strip_suffix('}').unwrap_or(fields)),
            None => (event.as_str(), "}"),
        };
        let comma = if fields == "}" { "" } else { "," };
        line.pop();
        line.reserve(event.len() + r#","kind":,"#.len());
        line.extend([r#","kind":"#, kind, comma, fields]);
        Ok(line)
    }

    /// Reads a record of one line of JSON.
    ///
    /// # Errors
    ///
    /// When the line is no record, or one of a version that this coalmine cannot read. An event of an unknown kind is read as
    /// [`Event::Unknown`].
    pub fn from_line(line: &str) -> Result<Self, RecordError> {
        // Nearly every line is as it was written. What is wrong with another shows when it is read in whatever order it has.
        serde_json::from_str(line).map(|InOrder(record)| record).or_else(|_| Self::in_any_order(line))
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

/// Is a record whose line has the fields of its envelope first, then the kind of its event, and then the fields of that.
struct InOrder(Record);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    V,
    Seq,
    At,
    Rollout,
    Kind,
}

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = InOrder;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder, A::Error> {
                let (mut v, mut seq, mut at, mut rollout) = (None, None, None, None);
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::V => v = Some(map.next_value::<u32>()?),
                        Field::Seq => seq = Some(map.next_value()?),
                        Field::At => at = Some(map.next_value()?),
                        Field::Rollout => rollout = Some(map.next_value()?),
                        Field::Kind => break,
                    }
                }
                match (v, seq, at, rollout) {
                    (Some(Record::VERSION), Some(seq), Some(at), Some(rollout)) => {
                        Ok(InOrder(Record { seq, at, rollout, event: event_of(map)? }))
                    }
                    _ => Err(A::Error::custom("no record of this version in the order in which one is written")),
                }
            }
        }

        deserializer.deserialize_map(Fields)
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
