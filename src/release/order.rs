use std::cmp::Ordering;

/// Orders two versions, whatever mixture of PEP 440, semantic versions and `git describe` they are written in.
///
/// - What stands before the first digit (`v`, `release-`) does not count; an epoch (`1!`) counts most, then the dotted numbers, as
///   numbers: `4.9.0` < `4.10.0`, and `4.10` = `4.10.0`.
/// - Then development, pre-releases, the release, local builds of it, commits after it, post-releases: `1.0.dev1` < `1.0a1.dev1` < `1.0a1` =
///   `1.0-alpha.1` < `1.0b1` < `1.0-rc.1` < `1.0` < `1.0+local` < `1.0-3-gdeadbee` < `1.0.post1`.
/// - Any other word after the numbers makes a pre-release, in alphabetical order (semver.org, 11). A number behind a dash is a
///   post-release, as PEP 440 has it: `1.0` < `1.0-1`. A tilde is a dash.
/// - What has no number is older than everything that has one.
///
/// The order is total: versions that mean the same (`v1.0`, `1.0`) are ordered by their text.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    Key::of(a).cmp(&Key::of(b)).then_with(|| a.cmp(b))
}

/// Tells whether a version is older than the release of its numbers.
#[must_use]
pub fn is_prerelease(version: &str) -> bool {
    let key = Key::of(version);
    !matches!(key.pre, Pre::Released) || !matches!(key.dev, Dev::Done)
}

/// The fields are compared in this order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    has_number: bool,
    epoch: Number,
    release: Vec<Number>,
    pre: Pre,
    post: Option<Number>,
    dev: Dev,
    ahead: Option<Number>,
    local: Vec<Part>,
}

/// A number of any length, without leading zeros: the longer is the greater.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Number(usize, String);

impl Number {
    fn of(digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        Self(digits.len(), digits.to_owned())
    }
}

/// Numbers come before words, as in semantic versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(Number),
    Word(String),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    /// `1.0.dev1`: before any pre-release.
    Nothing,
    Parts(Vec<Part>),
    Released,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dev {
    Under(Number),
    Done,
}

impl Key {
    fn of(version: &str) -> Self {
        let lower = version.to_ascii_lowercase();
        let start = lower.find(|c: char| c.is_ascii_digit());
        let text = start.and_then(|start| lower.get(start..)).unwrap_or_default();
        let (text, local) = text.split_once('+').unwrap_or((text, ""));
        let (text, ahead) = split_describe(text);
        let (epoch, text) = text.split_once('!').unwrap_or(("", text));
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let mut release: Vec<_> = numbers.split('.').filter(|part| !part.is_empty()).map(Number::of).collect();
        while release.last().is_some_and(|number| number.0 == 0) {
            release.pop();
        }
        let mut key = Self {
            has_number: start.is_some(),
            epoch: Number::of(epoch),
            release,
            pre: Pre::Released,
            post: None,
            dev: Dev::Done,
            ahead,
            local: parts(local),
        };
        key.take_rest(parts(rest));
        key
    }

    fn take_rest(&mut self, rest: Vec<Part>) {
        let mut pre = Vec::new();
        let mut rest = rest.into_iter().peekable();
        let number = |rest: &mut std::iter::Peekable<std::vec::IntoIter<Part>>| match rest.peek() {
            Some(Part::Number(number)) => {
                let number = number.clone();
                rest.next();
                number
            }
            _ => Number::default(),
        };
        let mut first = true;
        while let Some(part) = rest.next() {
            match part {
                Part::Word(word) if matches!(&*word, "post" | "rev" | "r") => self.post = Some(number(&mut rest)),
                Part::Word(word) if word == "dev" => self.dev = Dev::Under(number(&mut rest)),
                Part::Number(number) if first => self.post = Some(number),
                Part::Word(word) => pre.push(Part::Word(canonical(word))),
                part @ Part::Number(_) => pre.push(part),
            }
            first = false;
        }
        // `1.0a` is `1.0a0`.
        if let [Part::Word(_)] = pre.as_slice() {
            pre.push(Part::Number(Number::default()));
        }
        if !pre.is_empty() {
            self.pre = Pre::Parts(pre);
        } else if self.post.is_none() && self.dev != Dev::Done {
            self.pre = Pre::Nothing;
        }
    }
}

/// Gives one spelling to the words that PEP 440 takes for the same.
fn canonical(word: String) -> String {
    match &*word {
        "a" => "alpha".into(),
        "b" => "beta".into(),
        "c" | "pre" | "preview" => "rc".into(),
        _ => word,
    }
}

/// Splits `-3-gdeadbee` off the end, as `git describe` writes it.
fn split_describe(text: &str) -> (&str, Option<Number>) {
    let split = || {
        let (rest, hash) = text.rsplit_once("-g")?;
        let (rest, count) = rest.rsplit_once('-')?;
        let is_hash = hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        (is_hash && is_count).then(|| (rest, Number::of(count)))
    };
    split().map_or((text, None), |(rest, count)| (rest, Some(count)))
}

/// Splits into runs of digits and runs of letters; everything else only separates.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same = |c: char| {
            if first.is_ascii_digit() { c.is_ascii_digit() } else { c.is_alphabetic() && first.is_alphabetic() }
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (run, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if first.is_ascii_digit() {
            parts.push(Part::Number(Number::of(run)));
        } else if first.is_alphabetic() {
            parts.push(Part::Word(run.to_owned()));
        }
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Ordering, compare, is_prerelease};

    #[test]
    fn versions_are_ordered_by_what_they_mean() {
        let ascending = [
            "nightly",
            "0.1",
            "1.0.dev1",
            "1.0a1.dev1",
            "1.0a1",
            "1.0-alpha.2",
            "1.0a2.post1",
            "1.0-alpha.beta",
            "1.0.b1",
            "1.0_beta2",
            "1.0-foo.1",
            "1.0~rc1",
            "1.0-rc1-3-gdeadbee",
            "1.0-rc.2",
            "1.0RC10",
            "1.0-snapshot",
            "1.0.0",
            "1.0.0+build.9",
            "1.0.0+build.10",
            "v1.0-2-gdeadbee",
            "1.0-10-gdeadbee",
            "1.0.post1.dev2",
            "1.0-1",
            "1.0.post2",
            "1.0.1",
            "4.9.0",
            "4.10.0.dev1",
            "4.10.0-rc1",
            "4.10.0rc2",
            "4.10.0",
            "release-4.10.1",
            "20240101123000",
            "99999999999999999999999999999999999999999.1",
            "1!0.1",
        ];
        for (at, older) in ascending.iter().enumerate() {
            for newer in &ascending[at + 1..] {
                assert_eq!(compare(older, newer), Ordering::Less, "{older} before {newer}");
                assert_eq!(compare(newer, older), Ordering::Greater, "{newer} after {older}");
            }
        }
    }

    #[test]
    fn spellings_of_one_version_stand_side_by_side() {
        for (a, b, next) in [
            ("1.0rc1", "1.0-rc.1", "1.0rc2"),
            ("v1.0", "1.0.0", "1.0.1"),
            ("1.0a", "1.0a0", "1.0a1"),
            ("1.0-1", "1.0.post1", "1.0.post2"),
        ] {
            assert_eq!(compare(a, next), Ordering::Less);
            assert_eq!(compare(b, next), Ordering::Less);
            assert_ne!(compare(a, b), Ordering::Equal, "the order must be total");
        }
    }

    #[test]
    fn prereleases_are_told_from_releases() {
        for version in ["1.0rc1", "1.0-rc.1", "1.0.dev3", "v2.0.0-beta", "1.0~1a", "1.0-SNAPSHOT", "1.0rc1.post1"] {
            assert!(is_prerelease(version), "{version}");
        }
        for version in ["1.0", "v1.0", "1.0.post1", "1.0-1", "1.0+local.rc1", "1.0-3-gdeadbee", "release-1.0"] {
            assert!(!is_prerelease(version), "{version}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(mut versions in proptest::collection::vec("[v]?[0-9]{1,3}(\\.[0-9]{1,2}){0,2}([-.~_+]?(a|rc|dev|post|x|g)?[0-9.+-]{0,3}){0,3}|\\PC{0,6}", 3)) {
            versions.sort_by(|a, b| compare(a, b));
            for (at, a) in versions.iter().enumerate() {
                for b in &versions[at..] {
                    prop_assert_ne!(compare(a, b), Ordering::Greater);
                    prop_assert_eq!(compare(a, b), compare(b, a).reverse());
                    prop_assert_eq!(compare(a, b) == Ordering::Equal, a == b);
                }
            }
        }
    }
}
