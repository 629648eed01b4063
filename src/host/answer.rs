use crate::model::FailureClass;

use super::script::Phase;

/// The most that a host's records may be; a hundred thousand names that differ fit.
const MOST_RECORDS: usize = 16 * 1024 * 1024;
/// The longest line that is looked at: the longest name there is, and what it is escaped to.
const LONGEST_LINE: usize = 64 * 1024;
/// What is kept of all that is no record.
const KEPT_CHATTER: usize = 4 * 1024;

/// Holds one line that a script said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: String,
    /// As the host has it: names of files are bytes.
    pub(super) rest: Vec<u8>,
}

impl Record {
    /// Gives what it says as text, for people and for names that coalmine itself gave.
    pub(super) fn text(&self) -> String {
        clean(&self.rest)
    }

    /// Gives the words of what it says.
    pub(super) fn words(&self) -> Vec<String> {
        self.text().split(' ').map(str::to_owned).collect()
    }
}

/// Makes bytes of a host readable: lossily text, without control characters.
pub(super) fn clean(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|&c| !c.is_control()).collect()
}

/// Makes bytes of a host readable, line by line: escape sequences go with their controls.
pub(super) fn clean_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' => cleaned.push('\n'),
            '\t' => cleaned.push(' '),
            // A control sequence (ECMA-48) ends with a byte from `@` to `~`.
            '\u{1b}' if characters.peek() == Some(&'[') => {
                characters.next();
                while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            c if c.is_control() => {}
            c => cleaned.push(c),
        }
    }
    cleaned.trim().to_owned()
}

/// Gives the last line that says something.
pub(super) fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// Reads hexadecimal digits, as `od` wrote them.
pub(super) fn unhex(digits: &str) -> Vec<u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    pairs.iter().filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Keeps the end of what is written to it.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let over = self.0.len().saturating_sub(KEPT_CHATTER);
        self.0.drain(..over);
    }

    pub(super) fn text(&self) -> String {
        clean_lines(&self.0)
    }
}

/// Sorts what comes from a host into records and chatter, byte by byte as it comes.
#[derive(Debug)]
pub(super) struct Reader {
    token: Vec<u8>,
    line: Vec<u8>,
    /// The line outgrew what is looked at.
    skipping: bool,
    size: usize,
    answer: Answer,
}

/// Holds what a script said.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) records: Vec<Record>,
    /// The script began.
    pub(super) begun: bool,
    /// The script did not begin in time.
    pub(super) mute: bool,
    /// The script said that it is at its end; without that nobody knows what was done.
    pub(super) ended: bool,
    /// The script was ended by its own watch.
    pub(super) late: bool,
    /// It said more than anybody would.
    pub(super) flooded: bool,
    /// What came on standard output and was no record.
    pub(super) chatter: Tail,
    /// What of it came before the script began: the shell greets, and rsync would take that for its own.
    pub(super) greeting: String,
}

impl Reader {
    pub(super) fn new(token: &str) -> Self {
        Self { token: token.as_bytes().to_vec(), line: Vec::new(), skipping: false, size: 0, answer: Answer::default() }
    }

    /// Takes what came; tells whether more is worth waiting for.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        self.take(bytes).is_none()
    }

    /// Takes what came; gives what is behind its end, and nothing where more is worth waiting for.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let mut left = bytes;
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            left = left.get(piece.len()..).unwrap_or_default();
            if !self.skipping {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.end_line();
            } else if self.line.len() > LONGEST_LINE {
                self.answer.chatter.push(&self.line);
                self.line.clear();
                self.skipping = true;
            }
            if !self.goes_on() {
                return Some(left);
            }
        }
        None
    }

    /// Tells whether it has said a record of a kind.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.answer.has(kind)
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.answer.begun
    }

    const fn goes_on(&self) -> bool {
        !self.answer.ended && !self.answer.late && !self.answer.flooded
    }

    fn end_line(&mut self) {
        self.skipping = false;
        let line = std::mem::take(&mut self.line);
        let said = line.strip_prefix(self.token.as_slice()).and_then(|rest| rest.strip_prefix(b" "));
        let Some(said) = said else {
            self.answer.chatter.push(&line);
            return;
        };
        let said = said.strip_suffix(b"\n").unwrap_or(said);
        let (kind, rest) = match said.iter().position(|&byte| byte == b' ') {
            Some(at) => said.split_at(at),
            None => (said, &[][..]),
        };
        match kind {
            b"begin" => {
                self.answer.begun = true;
                self.answer.greeting = self.answer.chatter.text();
            }
            b"end" => self.answer.ended = true,
            b"late" => self.answer.late = true,
            _ => {
                self.size += said.len();
                self.answer.flooded = self.size > MOST_RECORDS;
                self.answer
                    .records
                    .push(Record { kind: clean(kind), rest: rest.strip_prefix(b" ").unwrap_or(rest).to_vec() });
            }
        }
    }

    pub(super) fn finish(self) -> Answer {
        self.answer
    }
}

impl Answer {
    /// Gives the first record of a kind.
    pub(super) fn first(&self, kind: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.kind == kind)
    }

    /// Gives every record of a kind.
    pub(super) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.kind == kind)
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.first(kind).is_some()
    }
}

/// Gives the budget that a phase's refusals count against: a host that says why it cannot was reached.
pub(super) const fn class_of_refusal(phase: Phase) -> FailureClass {
    match phase {
        Phase::Probe | Phase::Lock | Phase::Unlock | Phase::Break => FailureClass::Transfer,
        Phase::Check => FailureClass::Unhealthy,
        other => class_of(other),
    }
}

/// Gives the budget that a phase's failures count against, where the host itself could be reached.
pub(super) const fn class_of(phase: Phase) -> FailureClass {
    match phase {
        Phase::Probe | Phase::Lock | Phase::Renew | Phase::Unlock | Phase::Break | Phase::Check => {
            FailureClass::Unreachable
        }
        Phase::Stage | Phase::Fetch | Phase::Relay | Phase::Seal => FailureClass::Transfer,
        Phase::Activate | Phase::RollBack | Phase::RemoveSlot | Phase::Confirm | Phase::Finalize => {
            FailureClass::Activate
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, clean_lines, unhex};

    fn read(pieces: &[&[u8]]) -> super::Answer {
        let mut reader = Reader::new("@t");
        for piece in pieces {
            if !reader.push(piece) {
                break;
            }
        }
        reader.finish()
    }

    #[test]
    fn only_lines_with_the_token_are_records() {
        let answer = read(&[b"Welcome to @t end\nmotd\n@tx end\n @t end\n\n@t begin\n@t fact a b c\nnoise"]);
        assert!(answer.begun && !answer.ended);
        assert_eq!(answer.records.len(), 1);
        assert_eq!(answer.records[0].kind, "fact");
        assert_eq!(answer.records[0].words(), ["a", "b", "c"]);
        assert!(answer.chatter.text().contains("Welcome"));
        assert!(answer.greeting.contains("motd") && !answer.greeting.contains("noise"));
    }

    #[test]
    fn records_may_be_cut_anywhere_even_in_a_character() {
        let whole = "@t begin\n@t wrong d\u{fc}r\n@t end\n".as_bytes();
        for at in 0..whole.len() {
            let answer = read(&[&whole[..at], &whole[at..]]);
            assert!(answer.ended, "cut at {at}");
            assert_eq!(answer.first("wrong").unwrap().rest, "d\u{fc}r".as_bytes());
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_lines_without_end_harm_nothing() {
        let endless = vec![b'x'; 200_000];
        let answer = read(&[&endless, b"\xff\xfe\n@t begin\n@t say \xff\n@t end\n@t say ignored\n"]);
        assert!(answer.ended);
        assert_eq!(answer.records.len(), 1);
        assert_eq!(answer.records[0].rest, b"\xff");
    }

    #[test]
    fn a_flood_of_records_ends() {
        let line = [b"@t wrong ".as_slice(), &[b'x'; 60_000], b"\n"].concat();
        let mut reader = Reader::new("@t");
        assert!((0..1000).any(|_| !reader.push(&line)));
        assert!(reader.finish().flooded);
    }

    #[test]
    fn what_people_see_has_no_control_characters() {
        assert_eq!(clean_lines(b"\x1b[31mred\x1b[0m\r\nnext\x07\tone\xff\n"), "red\nnext one\u{fffd}");
        assert_eq!(unhex("00ff41"), [0, 255, 65]);
        assert_eq!(unhex(""), Vec::<u8>::new());
    }
}
