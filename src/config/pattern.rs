//! The expression that finds a host's site in its name.

use regex::Regex;
use toml::Value;

use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};
use crate::model::{HostId, Site};

/// Finds a host's site: the first capture in its name.
#[derive(Debug, Clone)]
pub struct SitePattern(Regex);

impl SitePattern {
    /// Gives the site of a host; none when its name does not match.
    #[must_use]
    pub fn site(&self, host: &HostId) -> Option<Site> {
        self.0.captures(host.as_str())?.get(1).map(|capture| Site(capture.as_str().into()))
    }

    /// Gives the regular expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for SitePattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Leaf for SitePattern {
    const EXPECTED: &'static str = r"a regular expression whose first capture is the site, such as '^[^.]+\.([^.]+)\.'";
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let pattern = Regex::new(text(value)?).map_err(|error| {
            // The last line says what is wrong, those before it draw it.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Refused::because(format_args!("as a regular expression it is wrong: {reason}"))
        })?;
        // The whole match is the first.
        if pattern.captures_len() < 2 {
            return Err(Refused::because("it captures nothing: put parentheses around the part that is the site"));
        }
        Ok(Self(pattern))
    }
}

deserialize_as_leaf!(SitePattern);

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::SitePattern;
    use crate::config::leaf::Leaf;
    use crate::model::HostId;

    #[test]
    fn the_first_capture_is_the_site() {
        let pattern = SitePattern::read(&Value::String(r"^[^.]+\.([^.]+)\.".to_owned())).unwrap();
        let site = |host: &str| pattern.site(&HostId::new(host).unwrap()).map(|site| site.to_string());
        assert_eq!(site("mw01.eqiad.wmnet").as_deref(), Some("eqiad"));
        assert_eq!(site("mw01"), None);
    }

    #[test]
    fn a_pattern_without_a_capture_or_a_sense_is_refused() {
        let reason = |text: &str| {
            let value = Value::String(text.to_owned());
            SitePattern::read(&value).unwrap_err().describe(&value, SitePattern::EXPECTED)
        };
        assert!(reason("^a").contains("put parentheses around"));
        assert_eq!(reason("(a"), r#"is "(a": as a regular expression it is wrong: unclosed group"#);
    }
}
