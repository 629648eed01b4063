//! How values become words on a screen: cleaned, cut to a width, and the same everywhere.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Tells how many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Takes out of a text whatever a terminal would act on, or a reader would be misled by.
///
/// Escape sequences go whole (ECMA-48: CSI up to its final byte; OSC, DCS, APC, PM and SOS up to their terminator), control
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
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\t' => out.push(' '),
            c if is_harmful(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn skip_escape(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => skip_control_sequence(rest),
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || c == '\u{9c}' || (c == '\u{1b}' && rest.clone().next() == Some('\\')) {
                    if c == '\u{1b}' {
                        rest.next();
                    }
                    break;
                }
            }
        }
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

/// Cuts a text to a width, and says by a mark at its end that it was cut.
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

/// Writes how long something takes: `34s`, `3m 04s`, `2h 05m`, `1d 04h`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if minutes == 0 {
        format!("{seconds}s")
    } else if hours == 0 {
        format!("{minutes}m {:02}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h {:02}m", minutes % 60)
    } else {
        format!("{days}d {:02}h", hours % 24)
    }
}

/// Gives the time from one moment to a later one, and none at all when it is not later.
#[must_use]
pub fn between(since: Timestamp, until: Timestamp) -> Duration {
    until.duration_since(since).try_into().unwrap_or(Duration::ZERO)
}

/// Writes the time of day of a moment.
#[must_use]
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%H:%M:%S").to_string()
}

/// Writes the day and minute of a moment.
#[must_use]
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Writes a count with the word for what is counted: `1 host`, `2 hosts`.
#[must_use]
pub fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
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
    use std::time::Duration;

    use super::{clean, cut, quote, span, width, wrap};

    #[test]
    fn what_a_terminal_would_act_on_is_taken_out_whole() {
        for (printed, shown) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]52;c;AAAA\u{1b}\\after", "after"),
            ("a\rb\u{8}c\tz", "abc z"),
            ("\u{9b}2Jgone", "gone"),
            ("user\u{202e}txt.exe", "usertxt.exe"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\u{1b}Pnever ends", ""),
        ] {
            assert_eq!(clean(printed), shown, "{printed:?}");
        }
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
    fn durations_keep_two_units() {
        for (seconds, shown) in
            [(0, "0s"), (59, "59s"), (60, "1m 00s"), (3599, "59m 59s"), (3600, "1h 00m"), (90_000, "1d 01h")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn an_argument_is_quoted_when_a_shell_would_read_it_otherwise() {
        assert_eq!(quote("mw01.eqiad,mw02"), "mw01.eqiad,mw02");
        assert_eq!(quote("mw[01-02]"), "'mw[01-02]'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
    }
}
