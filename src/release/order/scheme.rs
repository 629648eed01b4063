use std::borrow::Cow;
use std::cmp::Ordering;

use super::key;
use crate::config::VersionPattern;
use crate::model::described;

/// Orders the versions of a product: by the rules of this room, read through `product.version_pattern` where there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionOrder(Option<VersionPattern>);

impl VersionOrder {
    /// Makes the order of a product.
    #[must_use]
    pub const fn new(pattern: Option<VersionPattern>) -> Self {
        Self(pattern)
    }

    /// Orders two versions; the order is total.
    #[must_use]
    pub fn compare(&self, a: &str, b: &str) -> Ordering {
        key::compare(&self.read(a), &self.read(b)).then_with(|| a.cmp(b))
    }

    /// Tells whether a version is older than the release of its numbers.
    #[must_use]
    pub fn is_prerelease(&self, version: &str) -> bool {
        key::is_prerelease(&self.read(version))
    }

    /// Tells whether there is a number in it that can be compared.
    #[must_use]
    pub fn has_number(&self, version: &str) -> bool {
        key::has_number(&self.read(version))
    }

    /// Tells whether two tags spell one version, as `v1.0` and `1.0.0` do.
    #[must_use]
    pub fn is_same_version(&self, a: &str, b: &str) -> bool {
        key::is_same_version(&self.read(a), &self.read(b))
    }

    /// Tells whether a version carries on the line of an older one: all of their numbers but the last are the same.
    #[must_use]
    pub fn is_line_of(&self, older: &str, newer: &str) -> bool {
        key::is_line_of(&self.read(older), &self.read(newer))
    }

    /// Tells whether somebody said how these versions are read.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.0.is_some()
    }

    /// Tells whether two tags are written alike: their words and separators are the same, and their numbers whatever they are.
    #[must_use]
    pub fn is_like(a: &str, b: &str) -> bool {
        key::shape(a) == key::shape(b)
    }

    /// Gives what of a version is compared; nothing where the pattern does not match.
    fn read<'a>(&self, version: &'a str) -> Cow<'a, str> {
        let Some(pattern) = &self.0 else { return Cow::Borrowed(version) };
        match described(version) {
            None => Cow::Owned(pattern.version_in(version).unwrap_or_default()),
            // A commit behind a tag is read by its tag, and stays behind it.
            Some((tag, ahead)) => {
                let tag = pattern.version_in(tag).unwrap_or_default();
                Cow::Owned(format!("{tag}-{ahead}-g0000000"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::VersionOrder;
    use crate::config::VersionPattern;

    #[test]
    fn a_pattern_settles_days_that_are_written_before_their_year() {
        let pattern = VersionPattern::new(r"^(?<c>\d\d)-(?<b>\d\d)-(?<a>\d{4})$").unwrap();
        let order = VersionOrder::new(Some(pattern));
        assert_eq!(order.compare("31-12-2025", "02-01-2026"), Ordering::Less);
        assert_eq!(VersionOrder::default().compare("31-12-2025", "02-01-2026"), Ordering::Greater);
        assert_eq!(order.compare("31-12-2025-3-gdeadbee", "02-01-2026"), Ordering::Less);
        assert_eq!(order.compare("31-12-2025-3-gdeadbee", "31-12-2025"), Ordering::Greater);
        assert!(order.has_number("31-12-2025") && !order.has_number("v1.0"));
    }

    #[test]
    fn a_line_is_carried_on_by_its_last_number() {
        let order = VersionOrder::default();
        for (older, newer, is_line) in [
            ("1.9.4", "1.9.5", true),
            ("1.9", "1.9.5", false),
            ("1.9.5", "1.9.4", false),
            ("1.9.5", "1.10.0", false),
            ("01-11-2025", "02-01-2026", false),
            ("31-12-2025", "01-01-2026", false),
        ] {
            assert_eq!(order.is_line_of(older, newer), is_line, "{older} {newer}");
        }
        assert!(VersionOrder::is_like("v1.2.3", "v10.20.30") && !VersionOrder::is_like("v1.2", "v1.2.3"));
    }
}
