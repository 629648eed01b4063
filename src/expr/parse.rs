//! The text of an expression → its tree. Everything that is not understood is refused at its place.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::Arc;

use regex::RegexBuilder;

use super::MOST_NAMES;
use super::ast::{Chain, Expression, Kind, Operator, Selector, Term};
use super::error::ParseError;
use super::group::GroupName;
use super::name::{Name, Piece};
use super::range::{Item, RangeSet, Style};

/// Parentheses and `!` inside each other; bounds the stack.
const MOST_NESTED: usize = 64;
/// Pairs of brackets in one name; bounds the stack, and nobody has that many dimensions.
const MOST_RANGES: usize = 16;
/// Digits of a range's number: whatever is longer does not fit a u64.
const MOST_DIGITS: usize = 18;
/// Wildcards and texts between them: more than any name has bytes (253), and a bound to what a glob costs for each host.
const MOST_PIECES: usize = 512;
/// Bytes of a compiled regex.
const REGEX_SIZE: usize = 1 << 20;

type Parsed<T> = Result<T, ParseError>;

pub(super) fn parse(source: &str) -> Parsed<Expression> {
    let source: Arc<str> = source.into();
    let mut parser = Parser { source: &source, place: 0, nested: 0, names: 0 };
    let root = parser.chain()?;
    if parser.peek().is_some() {
        // A chain ends at the end or at a parenthesis, and no parenthesis is open here.
        return Err(parser.wrong("this parenthesis was never opened"));
    }
    Ok(Expression { source, root })
}

/// Says in one line what the regex crate has to say.
pub(super) fn regex_reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("it takes more than {limit} bytes when compiled"),
        // The message draws the expression over several lines; its last line is the reason.
        other => {
            let message = other.to_string();
            let last = message.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

struct Parser<'a> {
    source: &'a Arc<str>,
    place: usize,
    nested: usize,
    names: u64,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.place).copied()
    }

    /// Gives the character at the place, for messages and for stepping over what is not ASCII.
    fn character(&self) -> Option<char> {
        self.since(self.place, self.source.len()).chars().next()
    }

    fn since(&self, start: usize, end: usize) -> &'a str {
        self.source.get(start..end).unwrap_or_default()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.place += 1;
        }
        there
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.place += 1;
        }
    }

    fn error(&self, start: usize, end: usize, message: impl Into<String>) -> ParseError {
        ParseError::new(self.source, start..end, message)
    }

    /// Points at the character at the place, or behind the end.
    fn wrong(&self, message: impl Into<String>) -> ParseError {
        let length = self.character().map_or(0, char::len_utf8);
        self.error(self.place, self.place + length, message)
    }

    fn chain(&mut self) -> Parsed<Chain> {
        self.blanks();
        if self.peek().is_none() {
            return Err(self.wrong("expected a host, a range, `@group`, a glob or `~regex` (`*` is every host)"));
        }
        let first = self.term()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let operator = match self.peek() {
                None | Some(b')') => break,
                Some(b',') => Operator::Union,
                Some(b'!') => Operator::Minus,
                Some(b'&') => Operator::Intersection,
                Some(b'^') => Operator::Difference,
                Some(_) => return Err(self.no_operator()),
            };
            let start = self.place;
            self.place += 1;
            self.blanks();
            if operator == Operator::Union && self.peek() == Some(b'!') {
                return Err(self.error(
                    start,
                    self.place + 1,
                    "`,!` would add every host but those: leave the comma out to take them away, or write `,(!…)`",
                ));
            }
            if self.peek().is_none() {
                let what = self.since(start, start + 1).to_owned();
                return Err(self.wrong(format!("expected a term after `{what}`")));
            }
            rest.push((operator, self.term()?));
        }
        Ok(Chain { first, rest })
    }

    /// Says which operators there are, and which of them a word of another tool's means.
    fn no_operator(&self) -> ParseError {
        let rest = self.since(self.place, self.source.len());
        let word = rest.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
        let meant = match &*word.to_ascii_lowercase() {
            "or" => "`,`",
            "and"
                if rest
                    .get(word.len()..)
                    .is_some_and(|rest| rest.trim_start().to_ascii_lowercase().starts_with("not ")) =>
            {
                return self.error(self.place, self.place + word.len(), "`and not` is written `!` here, as in `a!b`");
            }
            "and" => "`&`",
            "xor" => "`^`",
            "not" => "`!`",
            _ => return self.wrong("expected one of the operators `,` `!` `&` `^` between two terms"),
        };
        self.error(self.place, self.place + word.len(), format!("`{word}` is written {meant} here"))
    }

    fn term(&mut self) -> Parsed<Term> {
        let start = self.place;
        let kind = match self.peek() {
            Some(b'@') => self.group()?,
            Some(b'~') => self.regex()?,
            Some(b'!') => self.deeper(|parser| {
                parser.place += 1;
                parser.blanks();
                if parser.peek().is_none() {
                    return Err(parser.wrong("expected a term after `!`"));
                }
                Ok(Kind::AllBut(Box::new(parser.term()?)))
            })?,
            Some(b'(') => self.deeper(|parser| {
                parser.place += 1;
                let chain = parser.chain()?;
                if parser.take(b')') {
                    return Ok(Kind::Parentheses(Box::new(chain)));
                }
                Err(parser.error(start, start + 1, "this parenthesis is never closed"))
            })?,
            _ => Kind::Name(self.name()?),
        };
        Ok(Term { kind, span: start..self.place })
    }

    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<Kind>) -> Parsed<Kind> {
        self.nested += 1;
        if self.nested > MOST_NESTED {
            return Err(self.wrong(format!("more than {MOST_NESTED} `(` and `!` inside each other")));
        }
        let kind = parse(self)?;
        self.nested -= 1;
        Ok(kind)
    }

    fn group(&mut self) -> Parsed<Kind> {
        let at = self.place;
        self.place += 1;
        let start = self.place;
        while let Some(character) = self.character() {
            if character.is_ascii_whitespace() || matches!(character, ',' | '!' | '&' | '^' | '(' | ')') {
                break;
            }
            self.place += character.len_utf8();
        }
        let text = self.since(start, self.place);
        if text.is_empty() {
            return Err(self.error(at, at + 1, "expected a group's name after `@`, or `*` for every group"));
        }
        if text.contains('/') {
            if text.contains('\0') {
                return Err(self.error(start, self.place, "a path has no NUL in it"));
            }
            return Ok(Kind::File(PathBuf::from(text)));
        }
        // The wildcards aside, it is written like any group's name.
        let plain = text.replace(['*', '?'], "x");
        let wild = plain != text;
        if let Some(error) = self.ansible_colon(start, text) {
            return Err(error);
        }
        let checked = GroupName::new(if wild { &plain } else { text });
        match checked {
            Err(error) => Err(self.error(start, self.place, format!("{error}; a path has a `/` in it"))),
            Ok(_) if wild => Ok(Kind::Group(Selector::Glob(Name::glob(text)))),
            Ok(name) => Ok(Kind::Group(Selector::One(name))),
        }
    }

    fn regex(&mut self) -> Parsed<Kind> {
        self.place += 1;
        let start = self.place;
        self.place = end_of_regex(self.source, start);
        let text = self.since(start, self.place);
        if text.is_empty() {
            return Err(self.wrong("expected a regular expression after `~`"));
        }
        // Names have no case.
        let regex = RegexBuilder::new(&format!("^(?:{text})")).case_insensitive(true).size_limit(REGEX_SIZE).build();
        match regex {
            Ok(regex) => Ok(Kind::Regex(regex)),
            Err(error) => Err(self.error(start, self.place, format!("not a regex: {}", regex_reason(&error)))),
        }
    }

    fn name(&mut self) -> Parsed<Name> {
        let start = self.place;
        match self.peek() {
            Some(b'-') => {
                return Err(self.wrong("no host's name begins with this; what pdsh writes `a,-b` is `a!b` here"));
            }
            Some(b'.') => return Err(self.wrong("no host's name begins with this")),
            Some(b'^') => {
                return Err(self.wrong(
                    "expected a term before `^`; the hosts that a file lists are `@/path/to/it` or `@./it` here",
                ));
            }
            _ => {}
        }
        let mut pieces = Vec::new();
        let mut ranges = 0;
        loop {
            match self.peek() {
                Some(byte) if is_plain(byte) => {
                    let from = self.place;
                    while self.peek().is_some_and(is_plain) {
                        self.place += 1;
                    }
                    // Names have no case.
                    pieces.push(Piece::Text(self.since(from, self.place).to_ascii_lowercase().into()));
                }
                Some(b'[') => {
                    ranges += 1;
                    if ranges > MOST_RANGES {
                        return Err(self.wrong(format!("more than {MOST_RANGES} ranges in one name")));
                    }
                    pieces.push(Piece::Range(self.range()?));
                }
                Some(b'*') => {
                    self.place += 1;
                    // Two stars match what one does.
                    if pieces.last() != Some(&Piece::Star) {
                        pieces.push(Piece::Star);
                    }
                }
                Some(b'?') => {
                    self.place += 1;
                    pieces.push(Piece::One);
                }
                _ => break,
            }
            if pieces.len() > MOST_PIECES {
                return Err(self.error(start, self.place, "longer than any host's name"));
            }
        }
        self.end_of_name(pieces.is_empty())?;
        let text = self.since(start, self.place);
        if let Some(error) = self.ansible_colon(start, text) {
            return Err(error);
        }
        // And no final dot.
        if let Some(Piece::Text(last)) = pieces.last_mut() {
            *last = last.trim_end_matches('.').into();
        }
        let name = Name::new(pieces);
        self.names = self.names.saturating_add(name.count());
        if self.names > MOST_NAMES {
            return Err(self.error(start, self.place, format!("with this, more than {MOST_NAMES} names are meant")));
        }
        Ok(name)
    }

    /// Refuses the colon with which Ansible joins patterns; in an address colons mean nothing.
    fn ansible_colon(&self, start: usize, text: &str) -> Option<ParseError> {
        let is_address = text.parse::<Ipv6Addr>().is_ok();
        let joined = text.strip_suffix(':').filter(|_| !is_address)?;
        let operator = match self.peek() {
            Some(b'!') => "!",
            Some(b'&') => "&",
            _ => ",",
        };
        let message = match operator {
            "," => "Ansible's `:` between patterns is `,` here".to_owned(),
            other => format!("Ansible's `:{other}` is `{other}` here, as in `{joined}{other}…`"),
        };
        Some(self.error(start + joined.len(), self.place, message))
    }

    /// Refuses what is glued to a name, or stands in its place, and is not part of the language.
    fn end_of_name(&self, empty: bool) -> Parsed<()> {
        let Some(character) = self.character() else {
            return Ok(());
        };
        match character {
            _ if character.is_ascii_whitespace() && !empty => Ok(()),
            ',' | '!' | '&' | '^' | ')' if !empty => Ok(()),
            ',' | '!' | '&' | '^' | ')' => Err(self.wrong(format!("expected a term before `{character}`"))),
            '@' => {
                Err(self
                    .wrong("no host's name has `@` in it; the user belongs in `target.user` or in ssh's configuration"))
            }
            ']' => Err(self.wrong("this bracket was never opened")),
            '{' => Err(self.wrong("braces mean nothing here: a range is `[1-3]`, several names are `a,b`, and cumin's `P{…}` is what is inside")),
            '(' | '~' => Err(self.wrong("expected one of the operators `,` `!` `&` `^` between two terms")),
            _ => Err(self.wrong(format!("no host's name has {character:?} in it"))),
        }
    }

    fn range(&mut self) -> Parsed<RangeSet> {
        let open = self.place;
        self.place += 1;
        let inside = self.since(self.place, self.source.len()).split(']').next().unwrap_or_default();
        if inside.contains(':') && inside.parse::<Ipv6Addr>().is_ok() {
            return Err(self.error(open, open + inside.len() + 2, "an address stands without brackets"));
        }
        let mut items = Vec::new();
        loop {
            self.blanks();
            items.push(self.item(open)?);
            self.blanks();
            if self.take(b']') {
                return Ok(RangeSet(items));
            }
            if !self.take(b',') {
                return Err(self.unfinished(open, "expected `,` or `]`"));
            }
        }
    }

    fn unfinished(&self, open: usize, message: &str) -> ParseError {
        if self.peek().is_none() {
            return self.error(open, open + 1, "this bracket is never closed");
        }
        self.wrong(message)
    }

    fn item(&mut self, open: usize) -> Parsed<Item> {
        let start = self.place;
        let first = self.bound(open)?;
        self.blanks();
        let colon = self.peek() == Some(b':');
        if !colon && self.peek() != Some(b'-') {
            return self.item_of(start, first, first, 1);
        }
        self.place += 1;
        self.blanks();
        let last = self.bound(open)?;
        self.blanks();
        // Ansible's `[1:9:2]` is `[1-9/2]`.
        let step = if self.take(b'/') || (colon && self.take(b':')) {
            self.blanks();
            let place = self.place;
            let digits = self.digits()?;
            match digits.parse::<u64>() {
                Ok(step) if step > 0 => step,
                _ => return Err(self.error(place, self.place.max(place + 1), "expected a step of 1 or more")),
            }
        } else {
            1
        };
        self.item_of(start, first, last, step)
    }

    fn item_of(&self, start: usize, first: &str, last: &str, step: u64) -> Parsed<Item> {
        let wrong = |message: String| Err(self.error(start, self.place, message));
        let number = |text: &str| text.parse::<u64>();
        let item = match (number(first), number(last), first.as_bytes(), last.as_bytes()) {
            (Ok(low), Ok(high), ..) => {
                let padded = |text: &str| text.len() > 1 && text.starts_with('0');
                // `01-100` may mean 001 or 01, and no other tool takes it.
                if (padded(first) || padded(last)) && first.len() != last.len() {
                    return wrong(format!("`{first}` and `{last}` are padded to different widths"));
                }
                let width = if padded(first) { first.len() } else { 1 };
                Item { first: low, last: high, step, style: Style::Number { width } }
            }
            (Err(_), Err(_), [low], [high]) if low.is_ascii_lowercase() == high.is_ascii_lowercase() => {
                let letter = |letter: &u8| u64::from(letter.to_ascii_lowercase());
                Item { first: letter(low), last: letter(high), step, style: Style::Letter }
            }
            _ => return wrong(format!("from `{first}` to `{last}` is no range")),
        };
        if item.first > item.last {
            return wrong(format!("this range counts down; write `{last}-{first}`"));
        }
        Ok(item)
    }

    /// Reads a number or one letter.
    fn bound(&mut self, open: usize) -> Parsed<&'a str> {
        let start = self.place;
        match self.peek() {
            Some(byte) if byte.is_ascii_digit() => self.digits(),
            Some(byte) if byte.is_ascii_alphabetic() => {
                self.place += 1;
                if self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                    return Err(self.wrong("expected one letter or a number: a list has commas, as in `[a,b,c]`"));
                }
                Ok(self.since(start, self.place))
            }
            _ => Err(self.unfinished(open, "expected a number or a letter")),
        }
    }

    fn digits(&mut self) -> Parsed<&'a str> {
        let start = self.place;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.place += 1;
        }
        if self.place - start > MOST_DIGITS {
            return Err(self.error(start, self.place, format!("expected at most {MOST_DIGITS} digits")));
        }
        Ok(self.since(start, self.place))
    }
}

/// Tells whether a byte may stand in a host's name as it is.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':')
}

/// Finds where the regex that begins at `start` ends, by the rule of this room's docs.
fn end_of_regex(source: &str, start: usize) -> usize {
    let bytes = source.as_bytes();
    let mut place = start;
    let (mut round, mut curly, mut square) = (0_usize, 0_usize, 0_usize);
    // `^` is an anchor, and `]` a letter of its class, only where something begins.
    let mut begins = true;
    while let Some(&byte) = bytes.get(place) {
        let beginning = std::mem::replace(&mut begins, false);
        match byte {
            b'\\' => place += 1,
            b'[' => {
                square += 1;
                begins = true;
            }
            b'^' if beginning => begins = square > 0,
            b']' if square > 0 && !beginning => square -= 1,
            _ if square > 0 => {}
            b'(' => {
                round += 1;
                begins = true;
            }
            b')' if round == 0 => break,
            b')' => round -= 1,
            b'{' => curly += 1,
            b'}' => curly = curly.saturating_sub(1),
            b'|' => begins = true,
            b',' | b'!' | b'&' | b'^' if round + curly == 0 => break,
            _ if byte.is_ascii_whitespace() && round + curly == 0 => break,
            _ => {}
        }
        place += 1;
    }
    // A backslash at the end may have stepped over it; one before a wide character lands inside it, and the rest of that
    // character is no operator.
    place.min(source.len())
}
