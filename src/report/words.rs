//! Small pieces of text: what hosts printed made harmless, names folded, times and counts for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::look::Look;
use crate::expr;
use crate::model::{HostId, Installed, ReleaseId, RollBackTarget};

/// Removes from a text what a terminal would take for an order: control sequences whole, and all other control characters but
/// the newline. Tabs become blanks. So do not stay: marks that change the direction of the text behind them.
#[must_use]
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => match characters.next() {
                // CSI: parameters, then one final byte (ECMA-48, 5.4).
                Some('[') => {
                    characters.by_ref().find(|c| ('\x40'..='\x7e').contains(c));
                }
                // OSC, DCS, SOS, PM and APC: a string up to BEL or ST (ECMA-48, 5.6).
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(inner) = characters.next() {
                        if inner == '\x07' || inner == '\u{9c}' {
                            break;
                        }
                        if inner == '\x1b' {
                            characters.next_if_eq(&'\\');
                            break;
                        }
                    }
                }
                Some('\n') => cleaned.push('\n'),
                Some(_) | None => {}
            },
            '\n' => cleaned.push('\n'),
            '\t' => cleaned.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            control if control.is_control() => {}
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// Makes one line of a text, cleaned, and cuts it where it is longer than a number of columns.
#[must_use]
pub(super) fn one_line(text: &str, columns: usize, look: Look) -> String {
    let joined = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&joined, columns, look)
}

/// Puts the word HOST where a failure's message names the host itself, so that hosts that failed alike have one message.
#[must_use]
pub fn without_name(message: &str, host: &HostId) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once(host.as_str()) {
        text.push_str(before);
        let is_whole = !text.ends_with(is_name) && !after.starts_with(is_name);
        text.push_str(if is_whole { "HOST" } else { host.as_str() });
        rest = after;
    }
    text + rest
}

/// Cuts a text, in which no colours are, where it is longer than a number of columns.
#[must_use]
pub(super) fn cut(text: &str, columns: usize, look: Look) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let ellipsis = look.ellipsis();
    let room = columns.saturating_sub(ellipsis.width());
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        })
        .collect();
    kept.push_str(ellipsis);
    kept
}

/// Cuts a line, in which colours may be, at a number of columns, and ends its colours.
#[must_use]
pub(super) fn cut_painted(line: &str, columns: usize) -> String {
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
pub(super) fn pad(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(text.width());
    format!("{text}{:blanks$}", "")
}

/// Folds hosts to one text, and cuts it at a comma where it is longer than a number of columns.
#[must_use]
pub(super) fn folded(hosts: &[HostId], columns: usize, look: Look) -> String {
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
        None => cut(&folded, columns, look),
    }
}

/// Says how many of something there are.
#[must_use]
pub(super) fn count(number: usize, one: &str) -> String {
    match (number, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {one}s"),
    }
}

/// Says what time it was, by the clock on the wall.
#[must_use]
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%H:%M:%S").to_string()
}

/// Says which day and time it was.
#[must_use]
pub(super) fn day_and_time(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Says how long something took, in the two largest units that matter.
#[must_use]
pub(super) fn took(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        return format!("{}.{}s", duration.as_secs(), duration.subsec_millis() / 100);
    }
    span(duration)
}

/// Says how long something is to last, in whole seconds; the smaller unit only where there is some of it.
#[must_use]
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let first = units.iter().position(|(amount, _)| *amount > 0).unwrap_or(units.len() - 1);
    let shown: Vec<String> = units
        .iter()
        .enumerate()
        .skip(first)
        .take(2)
        .filter(|(place, (amount, _))| *amount > 0 || *place == first)
        .map(|(_, (amount, unit))| format!("{amount}{unit}"))
        .collect();
    shown.join(" ")
}

/// Gives so much of a commit's name as tells it from others.
#[must_use]
pub(super) fn short_commit(commit: &str) -> String {
    clean(commit).chars().filter(|c| !c.is_whitespace()).take(12).collect()
}

/// Tells how long it is from one time to another; nothing when that is in the past.
#[must_use]
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Says what was there before; none when that is not known.
#[must_use]
pub(super) fn was(from: Option<&Installed>, release: &ReleaseId) -> Option<String> {
    Some(match from? {
        Installed::Missing => "was missing".to_owned(),
        Installed::Release { id, drift: Some(_), .. } if id == release => "was drifted".to_owned(),
        Installed::Release { id, .. } if id == release => "as before".to_owned(),
        // A version that was built twice: its text alone would say that nothing changed.
        Installed::Release { id, .. } if id.version() == release.version() => format!("was {id}"),
        Installed::Release { id, .. } => format!("was {}", id.version()),
        Installed::Unmanaged { version: Some(version) } => {
            format!("was {} unmanaged", one_line(version, 40, Look::default()))
        }
        Installed::Unmanaged { version: None } => "was unmanaged".to_owned(),
    })
}

/// Says where a host went back to.
#[must_use]
pub(super) fn back_to(target: Option<&RollBackTarget>) -> String {
    match target {
        Some(RollBackTarget::Release { id }) => format!("{} again", id.version()),
        Some(RollBackTarget::Nothing) => "nothing installed, as before".to_owned(),
        Some(RollBackTarget::Adopted) => "what was there before".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{clean, count, cut_painted, folded, one_line, span, took, without_name};
    use crate::model::HostId;
    use crate::report::Look;

    const UNICODE: Look = Look { color: false, unicode: true };

    #[test]
    fn a_message_is_the_same_on_every_host_whose_own_name_is_all_that_differs() {
        let host = HostId::new("mw1.example").unwrap();
        for (message, same) in [
            ("no /srv/mw1.example/data", "no /srv/HOST/data"),
            ("mw1.example", "HOST"),
            ("mw1.example.org, xmw1.example and mw1.example-a", "mw1.example.org, xmw1.example and mw1.example-a"),
            ("mw1.example: mw1.example", "HOST: HOST"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_name(message, &host), same);
        }
    }

    #[test]
    fn nothing_that_a_host_prints_reaches_the_terminal_as_an_order() {
        for (printed, shown) in [
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07x", "x"),
            ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1bPq#0\x1b\\x", "x"),
            ("a\rb\x08c\x07\u{9b}2Jd", "abc2Jd"),
            ("one\n\ttwo", "one\n two"),
            ("\u{202e}evil", "evil"),
            ("\x1b", ""),
            ("\x1b[", ""),
            ("zwölf ✓", "zwölf ✓"),
        ] {
            assert_eq!(clean(printed), shown, "{printed:?}");
        }
    }

    #[test]
    fn a_message_is_one_line_of_so_many_columns() {
        assert_eq!(one_line("a\n  b\x1b[1m c", 10, UNICODE), "a b c");
        assert_eq!(one_line("abcdefghij", 5, UNICODE), "abcd…");
        assert_eq!(one_line("日本語日本語", 5, UNICODE), "日本…");
        assert_eq!(one_line("abcdefghij", 5, Look::default()), "ab...");
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
    fn durations_and_counts_are_short() {
        for (millis, shown) in [
            (0, "0.0s"),
            (2_149, "2.1s"),
            (59_999, "59s"),
            (192_000, "3m 12s"),
            (600_000, "10m"),
            (3_840_000, "1h 4m"),
            (3_601_000, "1h"),
            (93_600_000, "1d 2h"),
        ] {
            assert_eq!(took(Duration::from_millis(millis)), shown);
        }
        assert_eq!((span(Duration::from_secs(5)), span(Duration::ZERO)), ("5s".into(), "0s".into()));
        assert_eq!(
            (count(1, "host"), count(2, "host"), count(0, "entry")),
            ("1 host".into(), "2 hosts".into(), "0 entries".into())
        );
    }
}
