//! Names with ranges and wildcards in them: what they stand for, and what they match.

use super::range::RangeSet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Box<str>),
    Range(RangeSet),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Star,
}

/// A name as it was written: text, ranges, wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pieces: Vec<Piece>,
    wild: bool,
    count: u64,
}

impl Name {
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        let wild = pieces.iter().any(|piece| matches!(piece, Piece::One | Piece::Star));
        let count = pieces.iter().fold(1_u64, |count, piece| match piece {
            Piece::Range(set) => count.saturating_mul(set.count()),
            _ => count,
        });
        Self { pieces, wild, count }
    }

    /// Makes a glob of a text in which only `*` and `?` mean something.
    pub(super) fn glob(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (piece, length) = match first {
                '*' => (Piece::Star, 1),
                '?' => (Piece::One, 1),
                _ => {
                    let length = rest.find(['*', '?']).unwrap_or(rest.len());
                    (Piece::Text(rest.get(..length).unwrap_or_default().into()), length)
                }
            };
            pieces.push(piece);
            rest = rest.get(length..).unwrap_or_default();
        }
        Self::new(pieces)
    }

    /// Tells whether it has a wildcard, so that only an inventory can say what it stands for.
    pub(super) const fn is_wild(&self) -> bool {
        self.wild
    }

    /// Gives how many names its ranges stand for, each spelling counted.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Gives the name if it is one, without ranges and wildcards.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Calls `visit` with each name that the ranges stand for, in the order written; wildcards stay as they are.
    pub(super) fn each(&self, visit: &mut dyn FnMut(&str)) {
        fn walk(pieces: &[Piece], buffer: &mut String, visit: &mut dyn FnMut(&str)) {
            let Some((piece, rest)) = pieces.split_first() else {
                visit(buffer);
                return;
            };
            let length = buffer.len();
            match piece {
                Piece::Text(text) => buffer.push_str(text),
                Piece::One => buffer.push('?'),
                Piece::Star => buffer.push('*'),
                Piece::Range(set) => {
                    set.each(buffer, &mut |buffer| walk(rest, buffer, visit));
                    return;
                }
            }
            walk(rest, buffer, visit);
            buffer.truncate(length);
        }
        walk(&self.pieces, &mut String::new(), visit);
    }

    /// Prepares for matching many texts.
    pub(super) fn matcher(&self) -> Matcher<'_> {
        let mut pieces = self.pieces.as_slice();
        let mut prefix = "";
        let mut suffix = "";
        if let [Piece::Text(text), rest @ ..] = pieces {
            prefix = text;
            pieces = rest;
        }
        if let [rest @ .., Piece::Text(text)] = pieces {
            suffix = text;
            pieces = rest;
        }
        Matcher { prefix, suffix, middle: pieces, here: Vec::new(), next: Vec::new() }
    }
}

/// Matches texts against a name; keeps its memory between them.
///
/// Goes through the pieces once with the set of places where each may end, so that no pattern takes more than
/// pieces × length steps, whatever stars and ranges stand beside each other.
pub(super) struct Matcher<'a> {
    prefix: &'a str,
    suffix: &'a str,
    middle: &'a [Piece],
    here: Vec<bool>,
    next: Vec<bool>,
}

impl Matcher<'_> {
    pub(super) fn matches(&mut self, text: &str) -> bool {
        let Some(text) = text.strip_prefix(self.prefix).and_then(|rest| rest.strip_suffix(self.suffix)) else {
            return false;
        };
        match self.middle {
            [] => text.is_empty(),
            [Piece::Star] => true,
            pieces => {
                let places = text.len() + 1;
                self.here.clear();
                self.here.resize(places, false);
                if let Some(start) = self.here.first_mut() {
                    *start = true;
                }
                for piece in pieces {
                    self.next.clear();
                    self.next.resize(places, false);
                    step(piece, text, &self.here, &mut self.next);
                    std::mem::swap(&mut self.here, &mut self.next);
                }
                self.here.last().copied().unwrap_or(false)
            }
        }
    }
}

fn step(piece: &Piece, text: &str, here: &[bool], next: &mut [bool]) {
    let mut mark = |place: usize| {
        if let Some(reached) = next.get_mut(place) {
            *reached = true;
        }
    };
    let reached = here.iter().enumerate().filter_map(|(place, &reached)| reached.then_some(place));
    match piece {
        Piece::Star => {
            if let Some(first) = here.iter().position(|&reached| reached) {
                (first..here.len()).for_each(mark);
            }
        }
        Piece::One => reached.for_each(|place| {
            if let Some(character) = text.get(place..).and_then(|rest| rest.chars().next()) {
                mark(place + character.len_utf8());
            }
        }),
        Piece::Text(wanted) => reached.for_each(|place| {
            if text.get(place..).is_some_and(|rest| rest.starts_with(wanted.as_ref())) {
                mark(place + wanted.len());
            }
        }),
        Piece::Range(set) => reached.for_each(|place| {
            for length in 1..=set.longest() {
                match text.get(place..place + length) {
                    Some(value) if set.contains(value) => mark(place + length),
                    Some(_) => {}
                    None => break,
                }
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_glob_matches_the_whole_name() {
        for (glob, text, matches) in [
            ("*", "", true),
            ("*", "mw01", true),
            ("mw*", "mw", true),
            ("mw*", "amw", false),
            ("*.wmnet", "mw01.wmnet", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("m?01", "mw01", true),
            ("m?01", "m01", false),
            ("*a*b*a*", "xxabxa", true),
            ("*a*b*a*", "xxaxa", false),
            ("?", "ü", true),
            ("??", "ü", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Name::glob(glob).matcher().matches(text), matches, "{glob} on {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let glob = Name::glob(&"*a".repeat(100));
        assert!(!glob.matcher().matches(&"a".repeat(99)));
        assert!(glob.matcher().matches(&"a".repeat(150)));
    }
}
