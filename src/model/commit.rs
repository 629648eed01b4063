//! The name of a commit, and how one that is not known is written.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::text_name;
use super::release::DigestError;

text_name! {
    /// Names a commit of git by its full object name: 40 hexadecimal digits, or 64 (gitformat-hash-function-transition(7)).
    ///
    /// So it can be no option of git's, no expression, and nothing that drives a terminal.
    Commit, DigestError, Commit::from_str
}

impl Commit {
    /// Gives so much of the name as tells it from others.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl FromStr for Commit {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let is_name = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_name {
            Ok(Self(text.into()))
        } else {
            Err(DigestError { text: text.to_owned(), expected: "a commit's full name, of 40 or 64 hexadecimal digits" })
        }
    }
}

/// Writes a commit that may be unknown as a text that may be empty, for serde's `with`.
pub mod or_empty {
    use super::{Commit, Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the name, or nothing.
    ///
    /// # Errors
    ///
    /// As the serializer.
    pub fn serialize<S: Serializer>(commit: &Option<Commit>, serializer: S) -> Result<S::Ok, S::Error> {
        commit.as_ref().map_or("", Commit::as_str).serialize(serializer)
    }

    /// Reads a name, or nothing.
    ///
    /// # Errors
    ///
    /// When the text is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Commit>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
    }
}

#[cfg(test)]
mod tests {
    use super::Commit;

    #[test]
    fn a_commit_is_its_full_name_and_nothing_else() {
        let name = "0123456789abcdef0123456789abcdef01234567";
        let commit: Commit = name.parse().unwrap();
        assert_eq!((commit.as_str(), commit.short()), (name, "0123456789ab"));
        assert!("a".repeat(64).parse::<Commit>().is_ok(), "of SHA-256");
        for text in ["", "HEAD", "0123456789ab", "--all", &"g".repeat(40), &"a".repeat(41), &format!("{name}\u{1b}")] {
            assert!(text.parse::<Commit>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn an_unknown_commit_is_written_as_an_empty_text() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Of {
            #[serde(with = "super::or_empty")]
            commit: Option<Commit>,
        }
        for text in [r#"{"commit":""}"#.to_owned(), format!(r#"{{"commit":"{}"}}"#, "b".repeat(40))] {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Of>(&text).unwrap()).unwrap(), text);
        }
        assert!(serde_json::from_str::<Of>(r#"{"commit":"HEAD"}"#).is_err());
    }
}
