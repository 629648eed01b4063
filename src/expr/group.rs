use thiserror::Error;

use crate::model::text_name;

/// Tells why a text is not a group's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GroupNameError {
    /// The text, or one side of its colon, is empty.
    #[error("the group name {0:?} is empty, or one side of its colon is")]
    Empty(String),
    /// The text has a character that could not be written behind `@`.
    #[error("the group name {name:?} has {character:?} in it; a group is named with letters, digits, `_`, `-` and `.`")]
    Character {
        /// The text.
        name: String,
        /// The first character that does not belong there.
        character: char,
    },
}

text_name! {
    /// Names a group: `canaries`, or `inventory:section` for a group inside an Ansible inventory.
    GroupName, GroupNameError, GroupName::new
}

impl GroupName {
    /// Makes a group's name of a text.
    ///
    /// # Errors
    ///
    /// When it is empty, has more than one colon, or a character other than letters, digits, `_`, `-` and `.`.
    pub fn new(name: &str) -> Result<Self, GroupNameError> {
        let (outer, inner) = name.split_once(':').unwrap_or((name, "-"));
        if outer.is_empty() || inner.is_empty() {
            return Err(GroupNameError::Empty(name.to_owned()));
        }
        let wrong = outer.chars().chain(inner.chars()).find(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
        match wrong {
            Some(character) => Err(GroupNameError::Character { name: name.to_owned(), character }),
            None => Ok(Self(name.into())),
        }
    }

    /// Gives the name without a section: the group that the configuration knows.
    #[must_use]
    pub fn outer(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(outer, _)| outer)
    }

    /// Gives the section, where the name has one.
    #[must_use]
    pub fn section(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, section)| section)
    }
}

impl std::str::FromStr for GroupName {
    type Err = GroupNameError;

    fn from_str(name: &str) -> Result<Self, GroupNameError> {
        Self::new(name)
    }
}

impl std::borrow::Borrow<str> for GroupName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::GroupName;

    #[test]
    fn a_group_is_named_with_what_can_be_written_behind_an_at_sign() {
        for name in ["all", "rack-3", "db_masters", "eqiad.api", "lab:web", "büro"] {
            assert_eq!(GroupName::new(name).unwrap().as_str(), name);
        }
        for name in ["", ":web", "lab:", "a:b:c", "a b", "a/b", "a*", "@all", "a,b"] {
            assert!(GroupName::new(name).is_err(), "{name:?} was taken");
        }
    }
}
