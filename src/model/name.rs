use std::fmt::{self, Display};

use serde::de::Visitor;
use thiserror::Error;

/// Tells why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// The text is empty.
    #[error("the {what} cannot be empty")]
    Empty {
        /// What the name should have named.
        what: &'static str,
    },
    /// The text is longer than any such name may be.
    #[error("the {what} {name:?} is longer than {most} bytes")]
    TooLong {
        /// What the name should have named.
        what: &'static str,
        /// The text.
        name: String,
        /// The longest name, in bytes.
        most: usize,
    },
    /// The text begins with a character that is right further on, and not as the first.
    #[error("the {what} {name:?} begins with {character:?}, which may only come later")]
    First {
        /// What the name should have named.
        what: &'static str,
        /// The text.
        name: String,
        /// Its first character.
        character: char,
    },
    /// The text has a character that such a name never has.
    #[error("the {what} {name:?} has {character:?} in it, which {rule}")]
    Character {
        /// What the name should have named.
        what: &'static str,
        /// The text.
        name: String,
        /// The first character that does not belong there.
        character: char,
        /// What would have been right.
        rule: &'static str,
    },
}

/// Checks a name against its length and alphabet; `first` and `rest` tell which characters are right.
pub(super) fn check_name(
    what: &'static str,
    name: &str,
    most: usize,
    rule: &'static str,
    first: impl Fn(char) -> bool,
    rest: impl Fn(char) -> bool,
) -> Result<(), NameError> {
    let mut characters = name.chars();
    let Some(initial) = characters.next() else {
        return Err(NameError::Empty { what });
    };
    if name.len() > most {
        return Err(NameError::TooLong { what, name: name.to_owned(), most });
    }
    if !first(initial) && rest(initial) {
        return Err(NameError::First { what, name: name.to_owned(), character: initial });
    }
    let wrong = if first(initial) { characters.find(|&c| !rest(c)) } else { Some(initial) };
    match wrong {
        None => Ok(()),
        Some(character) => Err(NameError::Character { what, name: name.to_owned(), character, rule }),
    }
}

/// Declares a name that is kept as its text, and is checked whenever one is made, also where serde reads it; `$read` checks it.
macro_rules! text_name {
    ($(#[$docs:meta])* $name:ident, $error:ty, $read:path) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Gives the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        $crate::model::read_as_text! { $name, $error, $read }
    };
}
pub(crate) use text_name;

/// Lets serde write a value as its text, and read it from that; `$read` reads it.
///
/// Neither makes another copy of the text: a journal has hundreds of thousands of names.
macro_rules! written_as_text {
    ($name:ty, $error:ty, $read:path) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        $crate::model::read_as_text! { $name, $error, $read }
    };
}
pub(crate) use written_as_text;

/// Lets serde read a value from its text.
macro_rules! read_as_text {
    ($name:ty, $error:ty, $read:path) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read = |text: &str| -> Result<$name, $error> { $read(text) };
                deserializer.deserialize_str($crate::model::FromText(read))
            }
        }
    };
}
pub(crate) use read_as_text;

/// Reads a value from its text.
pub(crate) struct FromText<F>(pub(crate) F);

impl<T, E: Display, F: FnOnce(&str) -> Result<T, E>> Visitor<'_> for FromText<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<R: serde::de::Error>(self, text: &str) -> Result<T, R> {
        (self.0)(text).map_err(R::custom)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{HostId, Slot, Version};

    #[test]
    fn what_a_name_may_have_and_not_begin_with_is_not_said_to_be_in_none() {
        let said = [
            Slot::new("..").unwrap_err().to_string(),
            HostId::new("-oProxyCommand").unwrap_err().to_string(),
            Version::new("-1.0").unwrap_err().to_string(),
        ];
        assert_eq!(
            said,
            [
                "the slot \"..\" begins with '.', which may only come later",
                "the host name \"-oProxyCommand\" begins with '-', which may only come later",
                "the version \"-1.0\" begins with '-', which may only come later",
            ]
        );
        let elsewhere = Slot::new("a/b").unwrap_err().to_string();
        assert!(elsewhere.contains("has '/' in it, which no slot has: letters"), "{elsewhere}");
    }
}
