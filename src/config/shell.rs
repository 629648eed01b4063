//! Where in a text for the shell a dry word may stand.
//!
//! A value is put into single quotes, which is safe wherever the shell would read a plain word, and nowhere else: inside
//! quotes of the author's it would end them, in a here-document it would be expanded. So the text is followed as sh(1) of
//! POSIX.1-2024 reads it (2.2 Quoting, 2.3 Token Recognition), and a dry word is refused wherever that is not a plain word, or
//! where it takes a whole parser to tell. `"$COALMINE_HOST"` is right in all of those places.

/// Follows the quoting of a text for the shell.
#[derive(Debug)]
pub(super) struct Quoting {
    state: Inside,
    /// What came last, as far as it changes what the next character means.
    last: Last,
    /// From where on the quoting cannot be followed any more.
    lost: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Plain,
    Single,
    Double,
    Comment,
    /// Within `${…}`, in double quotes or not.
    Parameter {
        quoted: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The next character starts a word.
    Break,
    Backslash,
    Dollar,
    Less,
    Other,
}

impl Quoting {
    pub(super) const fn new() -> Self {
        Self { state: Inside::Plain, last: Last::Break, lost: None }
    }

    /// Goes on by a character of the author's.
    pub(super) fn feed(&mut self, character: char) {
        let last = std::mem::replace(&mut self.last, Last::Other);
        match self.state {
            Inside::Plain => self.plain(last, character),
            Inside::Double => self.double(last, character),
            Inside::Single if character == '\'' => self.state = Inside::Plain,
            Inside::Comment if character == '\n' => {
                self.state = Inside::Plain;
                self.last = Last::Break;
            }
            Inside::Parameter { quoted } => match character {
                '}' => self.state = if quoted { Inside::Double } else { Inside::Plain },
                name if name.is_ascii_alphanumeric() || name == '_' => {}
                _ => self.lose("after `${…}` with an operator in it"),
            },
            Inside::Single | Inside::Comment => {}
        }
    }

    fn plain(&mut self, last: Last, character: char) {
        if last == Last::Backslash {
            return;
        }
        match character {
            '\\' => self.last = Last::Backslash,
            '\'' if last == Last::Dollar => self.lose("after `$'…'`"),
            '\'' => self.state = Inside::Single,
            '"' => self.state = Inside::Double,
            '`' => self.lose("after a backquote"),
            '#' if last == Last::Break || last == Last::Less => self.state = Inside::Comment,
            '<' if last == Last::Less => self.lose("after `<<`, which starts a here-document"),
            '<' => self.last = Last::Less,
            '$' => self.last = Last::Dollar,
            '{' if last == Last::Dollar => self.state = Inside::Parameter { quoted: false },
            ';' | '&' | '|' | '(' | ')' | '>' => self.last = Last::Break,
            blank if blank.is_whitespace() => self.last = Last::Break,
            _ => {}
        }
    }

    fn double(&mut self, last: Last, character: char) {
        if last == Last::Backslash {
            return;
        }
        match character {
            '\\' => self.last = Last::Backslash,
            '"' => self.state = Inside::Plain,
            '$' => self.last = Last::Dollar,
            '(' if last == Last::Dollar => self.lose("after `$(` in double quotes"),
            '{' if last == Last::Dollar => self.state = Inside::Parameter { quoted: true },
            '`' => self.lose("after a backquote"),
            _ => {}
        }
    }

    fn lose(&mut self, place: &'static str) {
        self.lost.get_or_insert(place);
    }

    /// Tells where a dry word would stand here, when that is no place for one, and goes on behind it.
    pub(super) fn word(&mut self) -> Result<(), &'static str> {
        let last = std::mem::replace(&mut self.last, Last::Other);
        if let Some(place) = self.lost {
            return Err(place);
        }
        match self.state {
            Inside::Plain if last == Last::Backslash => Err("behind a backslash"),
            Inside::Plain if last == Last::Dollar => Err("behind `$`"),
            Inside::Plain => Ok(()),
            Inside::Single | Inside::Double => Err("inside quotes"),
            Inside::Comment => Err("in a comment"),
            Inside::Parameter { .. } => Err("inside `${…}`"),
        }
    }
}
