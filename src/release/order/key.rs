//! What of a version counts, in the order in which it counts.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::words::{Meaning, is_unfinished, is_version_word, meaning};
use crate::model::described;

/// Orders two versions by the rules of this room.
///
/// The order is total: versions that mean the same (`v1.0`, `1.0`) are ordered by their text.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    Key::of(a).cmp(&Key::of(b)).then_with(|| a.cmp(b))
}

/// Tells whether a version is older than the release of its numbers.
#[must_use]
pub fn is_prerelease(version: &str) -> bool {
    Key::of(version).marks.iter().any(|mark| matches!(mark, Mark::Development(_) | Mark::Before(..)))
}

/// Tells whether there is a number in it that can be compared.
pub(super) fn has_number(version: &str) -> bool {
    Key::of(version).has_number
}

/// Tells whether two tags spell one version, as `v1.0` and `1.0.0` do.
pub(super) fn is_same_version(a: &str, b: &str) -> bool {
    let (a, b) = (Key::of(a), Key::of(b));
    (a.has_number, &a.epoch, &a.release, &a.marks, &a.hash) == (b.has_number, &b.epoch, &b.release, &b.marks, &b.hash)
}

/// Tells whether a version carries on the line of an older one: all of their numbers but the last are the same.
pub(super) fn is_line_of(older: &str, newer: &str) -> bool {
    let (older, newer) = (Key::of(older), Key::of(newer));
    let is_same_line = match (older.written.split_last(), newer.written.split_last()) {
        (Some((_, older)), Some((_, newer))) => older == newer,
        _ => false,
    };
    older < newer && older.epoch == newer.epoch && is_same_line
}

/// Gives how a tag is written: its words and separators, every number a `0`.
pub(super) fn shape(tag: &str) -> String {
    let mut shape = String::new();
    for c in tag.chars() {
        if !c.is_ascii_digit() {
            shape.extend(c.to_lowercase());
        } else if !shape.ends_with('0') {
            shape.push('0');
        }
    }
    shape
}

/// The fields are compared in this order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    has_number: bool,
    epoch: Number,
    release: Vec<Number>,
    marks: Vec<Mark>,
    /// What tells two builds of one version apart, and says nothing of their order.
    hash: String,
    /// The numbers with the zeros at their end.
    written: Vec<Number>,
}

/// A number of any length, without leading zeros: the longer is the greater.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Number(usize, String);

impl Number {
    fn of(digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        Self(digits.len(), digits.to_owned())
    }

    /// Counts letters: `a` is 1, `z` is 26, `za` 27.
    fn of_letters(letters: &str) -> Self {
        let value: u32 = letters.bytes().map(|letter| u32::from(letter.saturating_sub(b'a')) + 1).sum();
        Self::of(&value.to_string())
    }
}

/// What stands behind the numbers, and their end; the order is the one of versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Development(Number),
    Before(String, Count),
    /// Nothing more: what comes before this in the order is a pre-release.
    End,
    Local(Vec<Part>),
    /// Commits since a tag, as `git describe` counts them.
    Ahead(Number),
    Final(Number),
    Fix(Number),
}

/// What follows a word: numbers come before words, as in semantic versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Count {
    Number(Number),
    Word,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(Number),
    Word(String),
}

impl Key {
    fn of(version: &str) -> Self {
        let lower = version.to_ascii_lowercase();
        let (name, text) = start(&lower);
        let (text, local) = text.split_once('+').unwrap_or((text, ""));
        let (text, ahead) = split_describe(text);
        let (text, hash) = split_hash(text);
        let (epoch, text) = split_epoch(text);
        let (written, post, rest) = numbers(text);
        let mut marks = Vec::new();
        if let Some(post) = post {
            marks.push(Mark::Fix(post));
        }
        // A word of the name stands as if it were behind the numbers: `nightly-2026-11-02`.
        for word in name.split(|c: char| !c.is_alphabetic()).filter(|word| is_unfinished(word)) {
            marks.push(match meaning(word, false) {
                Meaning::Before(word) => Mark::Before(word.to_owned(), Count::Number(Number::default())),
                _ => Mark::Development(Number::default()),
            });
        }
        take_rest(tokens(rest).into_iter().peekable(), &mut marks);
        marks.extend(ahead.map(Mark::Ahead));
        if !local.is_empty() {
            marks.push(Mark::Local(tokens(local).into_iter().map(Part::from).collect()));
        }
        marks.push(Mark::End);
        let mut release = written.clone();
        while release.last().is_some_and(|number| number.0 == 0) {
            release.pop();
        }
        Self { has_number: !text.is_empty(), epoch, release, marks, hash: hash.to_owned(), written }
    }
}

/// Splits off what stands before the version.
///
/// A part of the name may have digits in it (`log4j-2.17`, `python3-1.0`): the version begins with the first part that begins with a digit,
/// or before it where digits are glued to a word that says so (`v2-1`), to numbers with dots (`go1.21-1`), or to more numbers (`REL9_6_1`).
fn start(text: &str) -> (&str, &str) {
    let at = |place: usize| text.split_at_checked(place).unwrap_or((text, ""));
    let mut place = 0;
    let parts: Vec<(usize, &str)> = text
        .split(['-', '_', '/'])
        .map(|part| {
            let start = place;
            place += part.len() + 1;
            (start, part)
        })
        .collect();
    let digit = |c: char| c.is_ascii_digit();
    for (index, (start, part)) in parts.iter().enumerate() {
        let Some(first) = part.find(digit) else { continue };
        let (word, numbers) = part.split_at_checked(first).unwrap_or((part, ""));
        let later = parts
            .get(index + 1..)
            .unwrap_or_default()
            .iter()
            .map(|(_, part)| *part)
            .find(|part| part.starts_with(digit));
        let is_name = match later {
            _ if word.is_empty() => false,
            None => false,
            Some(later) => {
                let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
                let word = word.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                let is_number = numbers.chars().all(|c| c.is_ascii_digit());
                let has_dots = numbers.chars().all(|c| c.is_ascii_digit() || c == '.') && numbers.contains('.');
                !is_version_word(word) && !has_dots && (!is_number || later.contains('.'))
            }
        };
        if !is_name {
            return at(start + first);
        }
    }
    (text, "")
}

/// Splits `-3-gdeadbee` off the end, as `git describe` writes it.
fn split_describe(text: &str) -> (&str, Option<Number>) {
    described(text).map_or((text, None), |(rest, count)| (rest, Some(Number::of(count))))
}

/// Splits a commit's name off the end: `2026-11-02-1a2b3c4`. One of digits alone cannot be told from a number.
fn split_hash(text: &str) -> (&str, &str) {
    let split = || {
        let (rest, last) = text.rsplit_once(['-', '_', '.'])?;
        let hash = last.strip_prefix('g').unwrap_or(last);
        let is_hash = matches!(hash.len(), 7..=40)
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && hash.bytes().any(|byte| byte.is_ascii_alphabetic());
        is_hash.then_some((rest, hash))
    };
    split().unwrap_or((text, ""))
}

/// Splits an epoch off: `1!2.0`, and `1%2.0` as Debian's tags have it (DEP 14).
fn split_epoch(text: &str) -> (Number, &str) {
    match text.split_once(['!', '%']) {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (Number::of(epoch), rest),
        _ => (Number::default(), text),
    }
}

/// Splits off the numbers, and the post-release that one behind a dash after dotted ones is.
fn numbers(text: &str) -> (Vec<Number>, Option<Number>, &str) {
    let mut numbers = Vec::new();
    let mut between = Vec::new();
    let mut rest = text;
    let mut has_time = false;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if digits.is_empty() {
            break;
        }
        numbers.push(Number::of(digits));
        rest = after;
        let mut characters = after.chars();
        let (separator, next) = (characters.next(), characters.next());
        let is_day = digits.len() == 8 || numbers.len() == 3;
        match separator {
            Some(separator @ ('.' | '-' | '_')) if next.is_some_and(|c| c.is_ascii_digit()) => between.push(separator),
            // Weeks and quarters of a year: `2026w07`, `2026q3`.
            Some('w' | 'q') if numbers.len() == 1 && digits.len() == 4 && next.is_some_and(|c| c.is_ascii_digit()) => {
                between.push('-');
            }
            // Not one of a version's letters, but between a day and an hour (ISO 8601).
            Some('t') if is_day && next.is_some_and(|c| c.is_ascii_digit()) => {
                between.push('-');
                has_time = true;
            }
            _ => break,
        }
        rest = characters_after(after);
    }
    if has_time {
        rest = rest.strip_prefix('z').unwrap_or(rest);
    }
    let is_post = matches!(between.as_slice(), ['.', dots @ .., '-' | '_'] if dots.iter().all(|c| *c == '.'));
    let post = if is_post { numbers.pop() } else { None };
    (numbers, post, rest)
}

fn characters_after(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Whether a tilde stands before it, which in Debian's order means "before".
    Number(Number, bool),
    /// Whether it is glued to a digit before it.
    Word(String, bool),
}

impl From<Token> for Part {
    fn from(token: Token) -> Self {
        match token {
            Token::Number(number, _) => Self::Number(number),
            Token::Word(word, _) => Self::Word(word),
        }
    }
}

/// Splits into runs of digits and runs of letters; everything else only separates. What precedes the text is a digit.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut before = '0';
    while let Some(first) = rest.chars().next() {
        let same = |c: char| {
            if first.is_ascii_digit() { c.is_ascii_digit() } else { c.is_alphabetic() && first.is_alphabetic() }
        };
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (run, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if first.is_ascii_digit() {
            tokens.push(Token::Number(Number::of(run), before == '~'));
        } else if first.is_alphabetic() {
            tokens.push(Token::Word(run.to_owned(), before.is_ascii_digit()));
        }
        before = run.chars().next_back().unwrap_or(first);
        rest = after;
    }
    tokens
}

fn take_rest(mut rest: Peekable<IntoIter<Token>>, marks: &mut Vec<Mark>) {
    while let Some(token) = rest.next() {
        let (word, is_glued) = match token {
            Token::Number(number, true) => {
                marks.push(Mark::Before(String::new(), Count::Number(number)));
                continue;
            }
            Token::Number(number, false) => {
                marks.push(Mark::Fix(number));
                continue;
            }
            Token::Word(word, is_glued) => (word, is_glued),
        };
        let number = match rest.peek() {
            Some(Token::Number(number, _)) => Some(number.clone()),
            _ => None,
        };
        if number.is_some() {
            rest.next();
        }
        // OpenSSL's `1.1.1w`; behind `z` come `za`, `zb`.
        if number.is_none() && is_glued && is_letter(&word) {
            marks.push(Mark::Fix(Number::of_letters(&word)));
            continue;
        }
        match meaning(&word, number.is_some()) {
            Meaning::Final => marks.extend(number.map(Mark::Final)),
            Meaning::Fix => marks.push(Mark::Fix(number.unwrap_or_default())),
            Meaning::Development => marks.push(Mark::Development(number.unwrap_or_default())),
            Meaning::Before(name) => {
                let is_word = |word: &str| matches!(meaning(word, false), Meaning::Before(_));
                let count = match (number, rest.peek()) {
                    (None, Some(Token::Word(next, _))) if is_word(next) => Count::Word,
                    (number, _) => Count::Number(number.unwrap_or_default()),
                };
                marks.push(Mark::Before(name.to_owned(), count));
            }
        }
    }
}

fn is_letter(word: &str) -> bool {
    matches!(word.as_bytes(), [b'a'..=b'z'] | [b'z', b'a'..=b'z'])
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
            ("1.0-a", "1.0a0", "1.0a1"),
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
