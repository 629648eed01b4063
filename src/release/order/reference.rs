//! The orders of others, each by its own specification, to show where this one differs. `None`: that order has no place for it.

use std::cmp::Ordering;

use regex::Regex;

type Order = fn(&str, &str) -> Option<Ordering>;

pub(super) const ORDERS: [(&str, Order); 4] =
    [("PyPI", pypi), ("Maven", maven), ("Debian", debian), ("semver.org", semver)];

/// PEP 440, "Summary of permitted suffixes and relative ordering".
fn pypi(a: &str, b: &str) -> Option<Ordering> {
    Some(pypi_key(a)?.cmp(&pypi_key(b)?))
}

type PypiKey = (u128, Vec<u128>, (u8, u8, u128), (u8, u128), (u8, u128), Vec<(u8, u128, String)>);

fn pypi_key(text: &str) -> Option<PypiKey> {
    let pattern = Regex::new(
        r"(?x)^ v? (?:(?<epoch>\d+)!)? (?<release>\d+(?:\.\d+)*)
          (?:[-_.]?(?<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<pre_n>\d+)?)?
          (?: -(?<implicit>\d+) | (?<post>[-_.]?(?:post|rev|r)[-_.]?(?<post_n>\d+)?) )?
          (?<dev>[-_.]?dev[-_.]?(?<dev_n>\d+)?)? (?:\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))? $",
    );
    let text = text.to_lowercase();
    let pattern = pattern.unwrap();
    let found = pattern.captures(&text)?;
    let part = |name: &str| found.name(name).map(|found| found.as_str());
    let number = |name: &str| part(name).map_or(0, |digits| digits.parse().unwrap());
    let mut release: Vec<u128> = part("release")?.split('.').map(|digits| digits.parse().unwrap()).collect();
    while release.last() == Some(&0) {
        release.pop();
    }
    let is_post = part("implicit").is_some() || part("post").is_some();
    let pre = match part("pre") {
        Some("a" | "alpha") => (1, 1, number("pre_n")),
        Some("b" | "beta") => (1, 2, number("pre_n")),
        Some(_) => (1, 3, number("pre_n")),
        None if part("dev").is_some() && !is_post => (0, 0, 0),
        None => (2, 0, 0),
    };
    let post = if is_post { (1, number("implicit") + number("post_n")) } else { (0, 0) };
    let dev = if part("dev").is_some() { (0, number("dev_n")) } else { (1, 0) };
    let local = part("local").unwrap_or_default().split(['.', '-', '_']).filter(|part| !part.is_empty());
    let local = local.map(|part| part.parse().map_or((0, 0, part.to_owned()), |number| (1, number, String::new())));
    Some((number("epoch"), release, pre, post, dev, local.collect()))
}

/// semver.org 2.0.0, 11.
fn semver(a: &str, b: &str) -> Option<Ordering> {
    let key = |text: &str| {
        let pattern =
            Regex::new(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$")
                .unwrap();
        let found = pattern.captures(text)?;
        let number = |at: usize| found[at].parse::<u128>().unwrap();
        // Numbers before words; the release itself after all of them.
        let pre: Vec<(u8, u128, String)> = found.get(4).map_or_else(
            || vec![(2, 0, String::new())],
            |pre| {
                let part =
                    |part: &str| part.parse().map_or((1, 0, part.to_owned()), |number| (0, number, String::new()));
                pre.as_str().split('.').map(part).collect()
            },
        );
        Some((number(1), number(2), number(3), pre))
    };
    Some(key(a)?.cmp(&key(b)?))
}

/// Debian Policy, 5.6.12: an upstream version, and a revision behind the last dash.
fn debian(a: &str, b: &str) -> Option<Ordering> {
    fn parts(text: &str) -> (u64, &str, &str) {
        let (epoch, rest) = text.split_once(':').map_or((0, text), |(epoch, rest)| (epoch.parse().unwrap(), rest));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (epoch, upstream, revision)
    }
    fn run(text: &str, digits: bool) -> (&str, &str) {
        let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
        text.split_at_checked(end).unwrap()
    }
    fn weight(c: Option<&u8>) -> (u8, u8) {
        match c {
            Some(b'~') => (0, 0),
            None => (1, 0),
            Some(letter) if letter.is_ascii_alphabetic() => (2, *letter),
            Some(other) => (3, *other),
        }
    }
    fn compare(mut a: &str, mut b: &str) -> Ordering {
        while !a.is_empty() || !b.is_empty() {
            let ((word_a, rest_a), (word_b, rest_b)) = (run(a, false), run(b, false));
            for at in 0..word_a.len().max(word_b.len()) {
                let order = weight(word_a.as_bytes().get(at)).cmp(&weight(word_b.as_bytes().get(at)));
                if order.is_ne() {
                    return order;
                }
            }
            let ((digits_a, left_a), (digits_b, left_b)) = (run(rest_a, true), run(rest_b, true));
            let number = |digits: &str| digits.parse::<u128>().unwrap_or_default();
            let order = number(digits_a).cmp(&number(digits_b));
            if order.is_ne() {
                return order;
            }
            (a, b) = (left_a, left_b);
        }
        Ordering::Equal
    }
    let is_right = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ".+-:~".contains(c))
    };
    if !is_right(a) || !is_right(b) {
        return None;
    }
    let ((epoch_a, upstream_a, revision_a), (epoch_b, upstream_b, revision_b)) = (parts(a), parts(b));
    Some(epoch_a.cmp(&epoch_b).then(compare(upstream_a, upstream_b)).then(compare(revision_a, revision_b)))
}

/// Maven's "Version Order Specification" (maven.apache.org/pom.html).
fn maven(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (maven_tokens(a), maven_tokens(b));
    for at in 0..a.len().max(b.len()) {
        // The shorter one is padded with what says nothing, behind the separator of the longer one.
        let padding = |other: Option<&Token>| {
            other.map(|token| Token { separator: token.separator, value: token.value.nothing() })
        };
        let (x, y) =
            (a.get(at).cloned().or_else(|| padding(b.get(at))), b.get(at).cloned().or_else(|| padding(a.get(at))));
        let order = x.unwrap().key().cmp(&y.unwrap().key());
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

#[derive(Clone, PartialEq)]
struct Token {
    separator: char,
    value: Value,
}

#[derive(Clone, PartialEq)]
enum Value {
    Number(u128),
    Word(String),
}

impl Value {
    const fn nothing(&self) -> Self {
        match self {
            Self::Number(_) => Self::Number(0),
            Self::Word(_) => Self::Word(String::new()),
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::Number(0)) || matches!(self, Self::Word(word) if word.is_empty())
    }
}

impl Token {
    /// `.qualifier` = `-qualifier` < `-number` < `.number`.
    fn key(&self) -> (u8, u8, String, u128) {
        match &self.value {
            Value::Word(word) => {
                let known = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
                let rank = known.iter().position(|known| known == word).unwrap_or(known.len());
                (0, u8::try_from(rank).unwrap(), if rank == known.len() { word.clone() } else { String::new() }, 0)
            }
            Value::Number(number) => (if self.separator == '-' { 1 } else { 2 }, 0, String::new(), *number),
        }
    }
}

fn maven_tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut separator = '.';
    let mut rest = text;
    let lower = text.to_lowercase();
    rest = lower.get(lower.len() - rest.len()..).unwrap();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '.' | '-' | '_') {
            separator = if first == '_' { '-' } else { first };
            rest = rest.strip_prefix(first).unwrap();
            continue;
        }
        let is_digit = first.is_ascii_digit();
        let end =
            rest.find(|c: char| matches!(c, '.' | '-' | '_') || c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (run, after) = rest.split_at_checked(end).unwrap();
        let next_is_digit = after.starts_with(|c: char| c.is_ascii_digit());
        let value = if is_digit {
            Value::Number(run.parse().unwrap())
        } else {
            Value::Word(match run {
                "a" if next_is_digit => "alpha".into(),
                "b" if next_is_digit => "beta".into(),
                "m" if next_is_digit => "milestone".into(),
                "cr" => "rc".into(),
                "ga" | "final" | "release" => String::new(),
                word => word.into(),
            })
        };
        // A hyphen, and so a change between digits and letters, ends what may be trimmed.
        if separator == '-' {
            trim(&mut tokens);
        }
        tokens.push(Token { separator, value });
        // What a change of kind separates is separated by a hyphen.
        separator = '-';
        rest = after;
    }
    trim(&mut tokens);
    tokens
}

fn trim(tokens: &mut Vec<Token>) {
    while tokens.last().is_some_and(|token| token.value.is_nothing()) {
        tokens.pop();
    }
}
