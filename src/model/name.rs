use thiserror::Error;

/// Tells why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a {what} cannot be empty")]
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
    first: fn(char) -> bool,
    rest: fn(char) -> bool,
) -> Result<(), NameError> {
    let mut characters = name.chars();
    let Some(initial) = characters.next() else {
        return Err(NameError::Empty { what });
    };
    if name.len() > most {
        return Err(NameError::TooLong { what, name: name.to_owned(), most });
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
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
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

        $crate::model::written_as_text! { $name, $error, $read }
    };
}
pub(crate) use text_name;

/// Lets serde read a value from the text that it is written as, for `try_from` and `into`; `$read` reads it.
macro_rules! written_as_text {
    ($name:ty, $error:ty, $read:path) => {
        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                $read(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}
pub(crate) use written_as_text;
