//! Small pieces of text: what hosts printed made harmless, cut and filled up to a width, names folded, counts for people.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::look::Look;
use crate::expr;
use crate::model::HostId;

/// Tells how many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Takes out of a text whatever a terminal would act on, or a reader would be misled by; its lines stay.
///
/// Escape sequences go whole (ECMA-48: CSI up to its final byte; OSC, DCS, APC, PM and SOS up to their terminator), other control
/// characters and the overrides of writing direction one by one; a tab becomes a blank.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest, &mut out),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\t' => out.push(' '),
            c if is_harmful(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Cleans a text that is to stand on one line: its lines are joined by blanks.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    match clean(text) {
        lines if !lines.contains('\n') => lines,
        lines => Cow::Owned(lines.replace('\n', " ")),
    }
}

fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn skip_escape(rest: &mut std::str::Chars<'_>, out: &mut String) {
    match rest.next() {
        Some('[') => skip_control_sequence(rest),
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == '\u{1b}' {
                    if rest.clone().next() == Some('\\') {
                        rest.next();
                    }
                    break;
                }
            }
        }
        Some('\n') => out.push('\n'),
        _ => {}
    }
}

fn skip_control_sequence(rest: &mut std::str::Chars<'_>) {
    for c in rest.by_ref() {
        if ('\u{40}'..='\u{7e}').contains(&c) {
            break;
        }
    }
}

/// Makes one line of a text, cleaned, and cuts it where it is longer than a number of columns.
#[must_use]
pub fn one_line(text: &str, columns: usize, look: Look) -> String {
    let joined = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&joined, columns, look.ellipsis()).into_owned()
}

/// Cuts a text, in which no colours are, to a number of columns, and says by a mark at its end that it was cut.
#[must_use]
pub fn cut<'a>(text: &'a str, most: usize, mark: &str) -> Cow<'a, str> {
    // Every byte is at most one column wide, so a short text needs no measuring.
    if text.len() <= most || width(text) <= most {
        return Cow::Borrowed(text);
    }
    let room = most.saturating_sub(width(mark));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns > room {
            break;
        }
        used += columns;
        out.push(c);
    }
    if used + width(mark) <= most {
        out.push_str(mark);
    }
    Cow::Owned(out)
}

/// Cuts a line, in which colours may be, at a number of columns, and ends its colours.
#[must_use]
pub fn cut_painted(line: &str, columns: usize) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut used = 0;
    let mut in_sequence = false;
    let mut painted = false;
    for character in line.chars() {
        if character == '\x1b' {
            in_sequence = true;
            painted = true;
        }
        if in_sequence {
            kept.push(character);
            in_sequence = character != 'm';
            continue;
        }
        used += character.width().unwrap_or(0);
        if used > columns {
            if painted {
                kept.push_str("\x1b[0m");
            }
            break;
        }
        kept.push(character);
    }
    kept
}

/// Fills a text up with blanks to a number of columns.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(width(text));
    format!("{text}{:blanks$}", "")
}

/// Breaks a text into lines of a width, at blanks where there are any.
#[must_use]
pub fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if most == 0 {
        return lines;
    }
    for paragraph in text.lines() {
        let indent = (paragraph.len() - paragraph.trim_start_matches(' ').len()).min(most / 2);
        let mut line = " ".repeat(indent);
        let mut used = indent;
        let mut begun = false;
        for word in paragraph.trim_start_matches(' ').split(' ') {
            let columns = width(word);
            if begun && used + 1 + columns > most {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if begun {
                line.push(' ');
                used += 1;
            }
            begun = true;
            for c in word.chars() {
                let columns = c.width().unwrap_or(0);
                if used + columns > most {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(c);
                used += columns;
            }
        }
        lines.push(line);
    }
    lines
}

/// Folds hosts to one text, and cuts it at a comma where it is longer than a number of columns.
#[must_use]
pub fn folded(hosts: &[HostId], columns: usize, look: Look) -> String {
    let folded = expr::fold(hosts);
    if folded.len() <= columns {
        return folded;
    }
    let mut depth = 0_usize;
    let mut end = 0;
    for (at, character) in folded.char_indices().take_while(|(at, _)| *at <= columns) {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => end = at,
            _ => {}
        }
    }
    let shown = folded.get(..end).filter(|shown| !shown.is_empty());
    match shown {
        Some(shown) => format!("{shown},{}", look.ellipsis()),
        None => cut(&folded, columns, look.ellipsis()).into_owned(),
    }
}

/// Writes a number with a comma at every thousand: `10,240`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Says how many of something there are: `1 host`, `2 hosts`, `0 entries`.
#[must_use]
pub fn count(number: usize, one: &str) -> String {
    match (number, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {one}s"),
    }
}

/// Writes the number of targets that has to be typed, and that it does without the masters beside them.
#[must_use]
pub fn without_masters(targets: usize, masters: usize) -> String {
    match masters {
        0 => targets.to_string(),
        1 => format!("{targets}, without the master"),
        _ => format!("{targets}, without the {masters} masters"),
    }
}

/// Writes the number of hosts that has to be typed, and that masters are among them, or all of them.
#[must_use]
pub fn with_masters(hosts: usize, masters: usize) -> String {
    match masters {
        0 => hosts.to_string(),
        1 if hosts == 1 => "1, the master".to_owned(),
        _ if hosts == masters => format!("{hosts}, the masters"),
        1 => format!("{hosts}, with the master"),
        _ => format!("{hosts}, with the {masters} masters"),
    }
}

/// Quotes an argument so that a POSIX shell takes it as it is.
#[must_use]
pub fn quote(argument: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ',' | ':' | '/' | '@' | '+' | '=');
    if !argument.is_empty() && argument.chars().all(plain) {
        Cow::Borrowed(argument)
    } else {
        Cow::Owned(format!("'{}'", argument.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        clean, clean_line, count, cut, cut_painted, folded, one_line, quote, width, with_masters, without_masters, wrap,
    };
    use crate::model::HostId;
    use crate::words::Look;

    const UNICODE: Look = Look { color: false, unicode: true };

    #[test]
    fn what_a_terminal_would_act_on_is_taken_out_whole() {
        for (printed, shown) in [
            ("plain", "plain"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1b]52;c;AAAA\x1b\\after", "after"),
            ("\x1bPq#0\x1b\\x", "x"),
            ("a\rb\x08c\x07\u{9b}2Jd\tz", "abcd z"),
            ("one\n\ttwo", "one\n two"),
            ("\x1b\none", "\none"),
            ("user\u{202e}txt.exe", "usertxt.exe"),
            ("\x1b", ""),
            ("\x1b[", ""),
            ("\x1bPnever ends", ""),
            ("zwölf ✓", "zwölf ✓"),
        ] {
            assert_eq!(clean(printed), shown, "{printed:?}");
        }
        assert_eq!(clean_line("one\n\ttwo"), "one  two");
    }

    #[test]
    fn a_message_is_one_line_of_so_many_columns() {
        assert_eq!(one_line("a\n  b\x1b[1m c", 10, UNICODE), "a b c");
        assert_eq!(one_line("abcdefghij", 5, UNICODE), "abcd…");
        assert_eq!(one_line("日本語日本語", 5, UNICODE), "日本…");
        assert_eq!(one_line("abcdefghij", 5, Look::default()), "ab...");
    }

    #[test]
    fn a_text_is_cut_by_columns_and_never_wider_than_asked() {
        assert_eq!(cut("mw01.eqiad.wmnet", 20, "…"), "mw01.eqiad.wmnet");
        assert_eq!(cut("mw01.eqiad.wmnet", 8, "…"), "mw01.eq…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        for most in 0..12 {
            assert!(width(&cut("日本語 text", most, "…")) <= most);
            assert!(wrap("日本語 text and more", most).iter().all(|line| width(line) <= most.max(2)));
        }
    }

    #[test]
    fn a_painted_line_is_cut_by_its_columns_and_its_colour_ends() {
        assert_eq!(cut_painted("\x1b[31mabc\x1b[0mdef", 2), "\x1b[31mab\x1b[0m");
        assert_eq!(cut_painted("abcdef", 6), "abcdef");
    }

    #[test]
    fn folded_names_are_cut_between_names_only() {
        let hosts: Vec<HostId> =
            ["mw01", "mw02", "db1", "cache7", "web3"].iter().map(|name| HostId::new(name).unwrap()).collect();
        assert_eq!(folded(&hosts, 100, UNICODE), "mw[01-02],db1,cache7,web3");
        assert_eq!(folded(&hosts, 12, UNICODE), "mw[01-02],…");
        assert_eq!(folded(&hosts, 15, UNICODE), "mw[01-02],db1,…");
    }

    #[test]
    fn numbers_have_a_comma_at_every_thousand() {
        let told = [0, 999, 1_000, 10_240, 1_234_567].map(super::grouped);
        assert_eq!(told, ["0", "999", "1,000", "10,240", "1,234,567"]);
    }

    #[test]
    fn counts_have_the_word_for_one_and_for_many() {
        assert_eq!((count(1, "host"), count(2, "host")), ("1 host".into(), "2 hosts".into()));
        assert_eq!(count(0, "entry"), "0 entries");
    }

    #[test]
    fn a_number_to_type_says_whether_masters_are_in_it() {
        let told = [(6, 0), (6, 1), (2, 2)].map(|(targets, masters)| without_masters(targets, masters));
        assert_eq!(told, ["6", "6, without the master", "2, without the 2 masters"]);
        let told = [(6, 0), (7, 1), (8, 2), (2, 2), (1, 1)].map(|(hosts, masters)| with_masters(hosts, masters));
        assert_eq!(told, ["6", "7, with the master", "8, with the 2 masters", "2, the masters", "1, the master"]);
    }

    #[test]
    fn an_argument_is_quoted_when_a_shell_would_read_it_otherwise() {
        assert_eq!(quote("mw01.eqiad,mw02"), "mw01.eqiad,mw02");
        assert_eq!(quote("mw[01-02]"), "'mw[01-02]'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
    }
}
