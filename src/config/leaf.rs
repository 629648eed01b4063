//! How one value of a file is read: what it may be, and why it was refused.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::{Deserialize, Deserializer, de};
use toml::Value;

/// Tells why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is nothing like what is expected.
    Unexpected,
    /// It looks right and is wrong, for this reason.
    Because(String),
}

impl Refused {
    pub(super) fn because(reason: impl ToString) -> Self {
        Self::Because(reason.to_string())
    }

    /// Says what a value is and what it may be, as it follows the key's name.
    pub(super) fn describe(&self, value: &Value, expected: &str) -> String {
        match self {
            Self::Unexpected => format!("is {}, but must be {expected}", shorten(&inline(value))),
            Self::Because(reason) => format!("is {}: {reason}", shorten(&inline(value))),
        }
    }
}

/// Says how a value is written where there are no quotes around it: in a variable or a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// It is a text, whatever it looks like.
    Text,
    /// It is a list when it looks like one, and a text otherwise.
    TextOrList,
    /// It is TOML, and a text when it is none.
    Toml,
}

/// Reads a value of a file; what it may be is said in words, for the errors.
pub(super) trait Leaf: Sized {
    /// What may be written, as it follows "must be".
    const EXPECTED: &'static str;
    /// How a variable or a flag has it.
    const FORM: Form = Form::Toml;
    /// Whether it is a path of this machine, relative to the file that names it.
    const PATH: bool = false;

    fn read(value: &Value) -> Result<Self, Refused>;
}

/// Deserializes a leaf, for serde's `deserialize_with`.
pub(super) fn leaf<'de, D: Deserializer<'de>, T: Leaf>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    T::read(&value).map_err(|refused| de::Error::custom(refused.describe(&value, T::EXPECTED)))
}

/// Makes serde read types the way that `Leaf` reads them.
macro_rules! deserialize_as_leaf {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::leaf::leaf(deserializer)
            }
        }
    )+};
}
pub(super) use deserialize_as_leaf;

/// Gives the text of a value, or refuses it.
pub(super) fn text(value: &Value) -> Result<&str, Refused> {
    value.as_str().ok_or(Refused::Unexpected)
}

impl Leaf for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &Value) -> Result<Self, Refused> {
        value.as_bool().ok_or(Refused::Unexpected)
    }
}

impl Leaf for u32 {
    const EXPECTED: &'static str = "a whole number of 0 or more";

    fn read(value: &Value) -> Result<Self, Refused> {
        value.as_integer().and_then(|number| number.try_into().ok()).ok_or(Refused::Unexpected)
    }
}

impl Leaf for NonZeroU32 {
    const EXPECTED: &'static str = "a whole number of 1 or more";

    fn read(value: &Value) -> Result<Self, Refused> {
        u32::read(value).and_then(|number| Self::new(number).ok_or(Refused::Unexpected))
    }
}

impl Leaf for NonZeroUsize {
    const EXPECTED: &'static str = "a whole number of 1 or more";

    fn read(value: &Value) -> Result<Self, Refused> {
        let number = value.as_integer().and_then(|number| usize::try_from(number).ok());
        number.and_then(Self::new).ok_or(Refused::Unexpected)
    }
}

impl Leaf for f64 {
    const EXPECTED: &'static str = "a number";

    fn read(value: &Value) -> Result<Self, Refused> {
        let number = match *value {
            Value::Float(number) => Some(number),
            Value::Integer(number) => i32::try_from(number).ok().map(Self::from),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or(Refused::Unexpected)
    }
}

impl<T: Leaf> Leaf for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn read(value: &Value) -> Result<Self, Refused> {
        let items = value.as_array().ok_or_else(|| {
            Refused::because(format_args!(
                "a list is needed here, as in `[{}]`, each item {}",
                inline(value),
                T::EXPECTED
            ))
        })?;
        let read = |(at, item): (usize, &Value)| {
            T::read(item).map_err(|refused| {
                Refused::because(format_args!("item {} of the list {}", at + 1, refused.describe(item, T::EXPECTED)))
            })
        };
        items.iter().enumerate().map(read).collect()
    }
}

/// Reads `""` and `[]` as none, so that a stronger layer can take a weaker one's value away.
impl<T: Leaf> Leaf for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const FORM: Form = T::FORM;
    const PATH: bool = T::PATH;

    fn read(value: &Value) -> Result<Self, Refused> {
        let is_none = value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        if is_none { Ok(None) } else { T::read(value).map(Some) }
    }
}

/// Writes a value as TOML on one line, without a control character in it.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{} = {}", bare(key), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.to_string(),
    }
}

/// Writes a key as TOML does: bare when it can be.
pub(super) fn bare(key: &str) -> String {
    let is_bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare { key.to_owned() } else { quote(key) }
}

fn quote(text: &str) -> String {
    let has_control = text.chars().any(char::is_control);
    if !has_control && text.contains(['\\', '"']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Cuts what a person typed down to what fits into a message.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{inline, shorten};

    #[test]
    fn a_value_is_written_as_toml_that_reads_back() {
        for text in [
            "1",
            "true",
            "1.5",
            r#""a\nb\u001B[1m\u0085""#,
            r#"'^[^.]+\.'"#,
            r#"["it's \"so\"", 2]"#,
            r#"{ a = 1, "b c" = [] }"#,
        ] {
            let table: toml::Table = format!("x = {text}").parse().unwrap();
            let written = inline(&table["x"]);
            assert!(!written.contains(char::is_control), "{written:?}");
            let again: toml::Table = format!("x = {written}").parse().unwrap();
            assert_eq!(again, table);
        }
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        assert_eq!(shorten(&"é".repeat(100)).chars().count(), 80);
        assert_eq!(shorten("short"), "short");
    }
}
