use regex::Regex;
use thiserror::Error;

use crate::model::{HostId, Site};

/// Tells why an environment's `site` expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SiteError {
    /// It is not a regular expression.
    #[error("as a regular expression it is wrong: {0}")]
    Invalid(String),
    /// Nothing in it says which part of the name is the site.
    #[error("it captures nothing: put parentheses around the part that is the site")]
    NoCapture,
}

/// Finds a host's site in its name: the first capture of an environment's `site` expression.
#[derive(Debug, Clone)]
pub struct SiteRule(Regex);

impl SiteRule {
    /// Compiles the expression; it is searched for anywhere in the name unless it has anchors.
    ///
    /// # Errors
    ///
    /// When it is not a regular expression, or has no capture.
    pub fn new(expression: &str) -> Result<Self, SiteError> {
        let regex = Regex::new(expression).map_err(|error| SiteError::Invalid(super::parse::regex_reason(&error)))?;
        if regex.captures_len() < 2 {
            return Err(SiteError::NoCapture);
        }
        Ok(Self(regex))
    }

    /// Gives the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Gives the host's site; none where the expression does not match or captures nothing.
    #[must_use]
    pub fn site_of(&self, host: &HostId) -> Option<Site> {
        let captures = self.0.captures(host.as_str())?;
        let site = captures.get(1)?.as_str();
        (!site.is_empty()).then(|| Site(site.into()))
    }
}

impl PartialEq for SiteRule {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SiteRule {}

#[cfg(test)]
mod tests {
    use super::{SiteError, SiteRule};
    use crate::model::HostId;

    #[test]
    fn the_first_capture_is_the_site() {
        let rule = SiteRule::new(r"^[^.]+\.([^.]+)\.").unwrap();
        let site = |name| rule.site_of(&HostId::new(name).unwrap()).map(|site| site.to_string());
        assert_eq!(site("mw01.eqiad.wmnet"), Some("eqiad".into()));
        assert_eq!(site("mw01"), None);
        assert_eq!(site("2001:db8::1"), None);
    }

    #[test]
    fn a_site_expression_that_cannot_work_is_refused_by_name() {
        assert_eq!(SiteRule::new("([a-z").unwrap_err(), SiteError::Invalid("unclosed character class".into()));
        assert_eq!(SiteRule::new("^mw").unwrap_err(), SiteError::NoCapture);
    }
}
