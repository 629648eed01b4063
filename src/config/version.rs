//! How versions are read in tags that do not say it themselves.

use regex::Regex;
use toml::Value;

use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};

/// Reads the version in a tag: what a regular expression captures, joined by dots.
///
/// Where the captures have names they count in the order of these, so that `(?<c>\d+)-(?<b>\d+)-(?<a>\d+)` reads days that are written
/// before their year.
#[derive(Debug, Clone)]
pub struct VersionPattern {
    regex: Regex,
    /// The captures, the one that counts most first.
    captures: Vec<usize>,
}

impl VersionPattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// When it is no regular expression, captures nothing, or has captures with and without names.
    pub fn new(expression: &str) -> Result<Self, String> {
        let regex = Regex::new(expression).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("as a regular expression it is wrong: {}", last.trim_start_matches("error: "))
        })?;
        let names: Vec<Option<&str>> = regex.capture_names().skip(1).collect();
        let mut captures: Vec<(Option<&str>, usize)> =
            names.iter().enumerate().map(|(at, name)| (*name, at + 1)).collect();
        captures.sort();
        let captures: Vec<usize> = captures.into_iter().map(|(_, at)| at).collect();
        match (names.iter().any(Option::is_some), names.iter().any(Option::is_none)) {
            (false, false) => Err("it captures nothing: put parentheses around the parts that count".to_owned()),
            (true, true) => {
                Err("some of its captures have names and some have none: name all of them, or none".to_owned())
            }
            _ => Ok(Self { regex, captures }),
        }
    }

    /// Gives the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Gives the version in a tag; none where the pattern does not match, or captures nothing there.
    #[must_use]
    pub fn version_in(&self, tag: &str) -> Option<String> {
        let found = self.regex.captures(tag)?;
        let parts: Vec<&str> = self.captures.iter().filter_map(|&at| Some(found.get(at)?.as_str())).collect();
        let text = parts.join(".");
        (!text.is_empty()).then_some(text)
    }
}

impl PartialEq for VersionPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for VersionPattern {}

impl Leaf for VersionPattern {
    const EXPECTED: &'static str =
        r#"a regular expression whose captures are the version, such as '^rel-(\d+)-(\d+)$', or "" for none"#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        Self::new(text(value)?).map_err(Refused::because)
    }
}

deserialize_as_leaf!(VersionPattern);

#[cfg(test)]
mod tests {
    use super::VersionPattern;

    #[test]
    fn captures_are_the_version_and_their_names_its_order() {
        let read = |pattern: &str, tag: &str| VersionPattern::new(pattern).unwrap().version_in(tag);
        assert_eq!(read(r"^rel(\d+)of(\d+)$", "rel2of7"), Some("2.7".into()));
        assert_eq!(read(r"^(?<c>\d+)-(?<b>\d+)-(?<a>\d+)$", "31-12-2025"), Some("2025.12.31".into()));
        assert_eq!(read(r"^v(\d+\.\d+)(?:-(.*))?$", "v1.2-rc1"), Some("1.2.rc1".into()));
        assert_eq!(read(r"^v(\d+\.\d+)(?:-(.*))?$", "v1.2"), Some("1.2".into()));
        assert_eq!(read(r"^v(\d*)", "x"), None);
        assert_eq!(read(r"^v(\d*)", "v"), None);
    }

    #[test]
    fn a_pattern_that_cannot_work_says_why() {
        for (pattern, reason) in
            [("(", "unclosed group"), ("v1", "captures nothing"), (r"(\d)(?<a>\d)", "name all of them")]
        {
            assert!(VersionPattern::new(pattern).unwrap_err().contains(reason), "{pattern}");
        }
    }
}
