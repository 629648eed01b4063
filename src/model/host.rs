use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
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

/// Names a host as ssh is given it: a host name, an address, or an alias of ssh's configuration.
///
/// A leading `-` would be an option of ssh, and a `%` or a shell's metacharacter could reach a `ProxyCommand`:
/// letters, digits, `.`, `_`, `-` and `:` are all that a name has (RFC 1123, RFC 4291, and aliases with `_`). Names have neither case nor a final
/// dot (RFC 4343): however a host is written, it is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostId(Arc<str>);

impl HostId {
    /// Makes a host's name of a text.
    ///
    /// # Errors
    ///
    /// When the text is empty, longer than 253 bytes (RFC 1035), or has a character that no host's name has.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_name(
            "host name",
            name,
            253,
            "no host name has",
            |c| c.is_ascii_alphanumeric() || c == ':' || c == '_',
            |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'),
        )?;
        let name = name.trim_end_matches('.');
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(name.to_ascii_lowercase().into()));
        }
        Ok(Self(name.into()))
    }

    /// Gives the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for HostId {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(&name)
    }
}

impl From<HostId> for String {
    fn from(host: HostId) -> Self {
        host.0.as_ref().to_owned()
    }
}

impl std::borrow::Borrow<str> for HostId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Names the place where a host stands: the first capture of the environment's `site` expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Site(pub Arc<str>);

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::HostId;

    #[test]
    fn names_that_ssh_or_a_shell_would_take_for_something_else_are_refused() {
        for name in
            ["", "-oProxyCommand=id", "a b", "a;b", "a'b", "a\"b", "a\nb", "a$b", "a%h", "a/b", "user@a", "h[1]", "ü"]
        {
            assert!(HostId::new(name).is_err(), "{name:?} was taken");
        }
    }

    #[test]
    fn names_have_neither_case_nor_a_final_dot() {
        assert_eq!(HostId::new("MW01.Example.Org.").unwrap(), HostId::new("mw01.example.org").unwrap());
        assert_eq!(serde_json::from_str::<HostId>("\"MW01\"").unwrap().as_str(), "mw01");
    }

    #[test]
    fn names_addresses_and_aliases_are_taken() {
        for name in ["mw01.eqiad.wmnet", "127.0.1.2", "::1", "2001:db8::1", "my_alias", "a-1"] {
            assert_eq!(HostId::new(name).unwrap().as_str(), name);
        }
    }
}
