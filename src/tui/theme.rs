//! Colours and signs by what they mean: the sixteen ANSI colours on the terminal's own background, and nothing by colour alone.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::config::AnsiColor;
pub use crate::words::Tone;
use crate::words::{Glyph, Look};

/// Says on what the terminal draws; two of the sixteen colours can be read on one of them only.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Light text on a dark background.
    #[default]
    Dark,
    /// Dark text on a light background.
    Light,
}

/// Names a sign of the screen itself; what is said of hosts and rollouts has the glyphs of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// A row is marked.
    Mark,
    /// What is selected.
    Cursor,
    /// From here to there.
    Arrow,
    /// A text was cut.
    Cut,
    /// Between two facts on one line.
    Dot,
    /// The join of two steps.
    Step,
    /// Sorted upwards.
    Rising,
    /// Sorted downwards.
    Falling,
    /// A part of a gauge that failed.
    Lost,
    /// A group whose rows are shown.
    Open,
    /// A group whose rows are not.
    Closed,
}

/// Holds how the console looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Whether colours are shown at all.
    pub color: bool,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
    /// On what the terminal draws.
    pub ground: Ground,
    /// Colours that somebody chose.
    pub palette: Palette,
}

/// Holds the colours that somebody chose in place of everybody's, by what they mean.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Palette([Option<Color>; Tone::ALL.len()]);

impl Palette {
    /// Chooses a colour for a meaning.
    pub fn set(&mut self, tone: Tone, color: AnsiColor) {
        if let Some(place) = self.0.get_mut(tone as usize) {
            *place = COLORS.get(usize::from(color.number())).copied();
        }
    }

    fn get(&self, tone: Tone) -> Option<Color> {
        self.0.get(tone as usize).copied().flatten()
    }
}

/// The colours by their numbers (ECMA-48, aixterm): the terminal's own, whatever they look like there.
const COLORS: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

impl Default for Theme {
    fn default() -> Self {
        Self { color: true, ascii: false, ground: Ground::Dark, palette: Palette::default() }
    }
}

impl Theme {
    /// Gives the style of a meaning.
    #[must_use]
    pub fn style(&self, tone: Tone) -> Style {
        let style = Style::new();
        let (busy, warn) = match self.ground {
            Ground::Dark => (Color::Cyan, Color::Yellow),
            Ground::Light => (Color::Blue, Color::Magenta),
        };
        let style = match tone {
            Tone::Plain => style,
            // Dark grey vanishes on some dark backgrounds; the attribute is the terminal's own idea of what can still be read.
            Tone::Dim => style.add_modifier(Modifier::DIM),
            Tone::Strong => style.add_modifier(Modifier::BOLD),
            Tone::Good => style.fg(Color::Green),
            Tone::Busy => style.fg(busy),
            Tone::Warn => style.fg(warn).add_modifier(Modifier::BOLD),
            Tone::Bad => style.fg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Lost => style.fg(Color::Magenta),
            Tone::Back => style.fg(warn),
            Tone::Selected => style.add_modifier(Modifier::REVERSED),
            Tone::Key => style.fg(busy).add_modifier(Modifier::BOLD),
        };
        match self.palette.get(tone) {
            Some(color) => style.fg(color),
            None => style,
        }
    }

    /// Gives how texts of everybody's look here.
    #[must_use]
    pub const fn look(&self) -> Look {
        Look { color: self.color, unicode: !self.ascii }
    }

    /// Gives the text of a glyph.
    #[must_use]
    pub const fn glyph(&self, glyph: Glyph) -> &'static str {
        glyph.text(!self.ascii)
    }

    /// Gives the text of a sign.
    #[must_use]
    pub const fn sign(&self, sign: Sign) -> &'static str {
        let (drawn, ascii) = match sign {
            Sign::Mark => ("●", "*"),
            Sign::Cursor => ("▌", ">"),
            Sign::Arrow => ("→", "->"),
            Sign::Cut => ("…", "~"),
            Sign::Dot => ("·", "|"),
            Sign::Step => ("─", "-"),
            Sign::Rising => ("▲", "^"),
            Sign::Falling => ("▼", "v"),
            Sign::Lost => ("▚", "x"),
            Sign::Open => ("▾", "v"),
            Sign::Closed => ("▸", "+"),
        };
        if self.ascii { ascii } else { drawn }
    }

    /// Gives the frame of the spinner for a second.
    #[must_use]
    pub fn spinner(&self, second: u64) -> &'static str {
        let frames: &[&str; 4] = if self.ascii { &["|", "/", "-", "\\"] } else { &["◐", "◓", "◑", "◒"] };
        frames.get(usize::try_from(second % 4).unwrap_or(0)).copied().unwrap_or(" ")
    }

    /// Gives the lines of boxes and rules.
    #[must_use]
    pub const fn border(&self) -> border::Set<'static> {
        if self.ascii {
            border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            }
        } else {
            border::PLAIN
        }
    }

    /// Draws how a number went, the latest last; nothing where there is nothing to compare.
    #[must_use]
    pub fn sparkline(&self, numbers: impl Iterator<Item = u64>) -> String {
        let numbers: Vec<u64> = numbers.collect();
        let most = numbers.iter().copied().max().unwrap_or(0);
        if numbers.len() < 2 || most == 0 {
            return String::new();
        }
        let steps: &[&str; 8] = if self.ascii {
            &["_", ".", ".", "-", "-", "=", "=", "#"]
        } else {
            &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        };
        let step = |number: u64| {
            let place = u128::from(number) * 7 / u128::from(most);
            usize::try_from(place).ok().and_then(|place| steps.get(place)).copied().unwrap_or(" ")
        };
        numbers.into_iter().map(step).collect()
    }

    /// Draws a bar of a width of which a part is full: eighths of a column where the characters for them exist.
    #[must_use]
    pub fn bar(&self, part: f64, columns: usize) -> String {
        let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
        if self.ascii {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the width")]
            let full = (part * columns as f64).floor() as usize;
            return format!("{}{}", "#".repeat(full), ".".repeat(columns.saturating_sub(full)));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 8 times the width")]
        let eighths = (part * columns as f64 * 8.0).floor() as usize;
        let mut bar = "█".repeat(eighths / 8);
        let begun = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8).copied().unwrap_or("");
        bar.push_str(begun);
        let used = eighths / 8 + usize::from(!begun.is_empty());
        bar.push_str(&"░".repeat(columns.saturating_sub(used)));
        bar
    }
}

/// Takes the colours out of what was drawn and leaves bold, dim and reverse, so that what is selected is still seen.
///
/// crossterm itself obeys `NO_COLOR` by dropping the attributes too (0.29), so it is told to always colour and this does the rest.
pub fn strip_colors(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        cell.fg = Color::Reset;
        cell.bg = Color::Reset;
    }
}

#[cfg(test)]
mod tests {
    use super::{Ground, Palette, Sign, Theme, Tone, strip_colors};
    use crate::words::width;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Modifier};

    #[test]
    fn a_bar_is_always_as_wide_as_asked() {
        for ascii in [false, true] {
            let theme = Theme { ascii, ..Theme::default() };
            for columns in 0..20 {
                for tenth in -1..=11 {
                    assert_eq!(width(&theme.bar(f64::from(tenth) / 10.0, columns)), columns);
                }
                assert_eq!(width(&theme.bar(f64::NAN, columns)), columns);
            }
        }
    }

    #[test]
    fn every_sign_has_its_ascii() {
        let theme = Theme { ascii: true, ..Theme::default() };
        for sign in [
            Sign::Mark,
            Sign::Arrow,
            Sign::Cut,
            Sign::Rising,
            Sign::Dot,
            Sign::Step,
            Sign::Lost,
            Sign::Open,
            Sign::Closed,
        ] {
            assert!(theme.sign(sign).is_ascii());
        }
        assert!(theme.sparkline([1, 5, 9].into_iter()).is_ascii());
        assert_eq!(Theme::default().sparkline([0, 4, 8].into_iter()), "▁▄█");
        assert_eq!(Theme::default().sparkline([0, 0].into_iter()), "");
        assert!((0..8).all(|second| theme.spinner(second).is_ascii()));
        assert!(theme.bar(0.37, 9).is_ascii());
    }

    #[test]
    fn every_meaning_can_be_read_and_told_from_the_others_on_both_grounds() {
        // Cyan and yellow vanish on white, dark blue on black; greys vanish on one of the two.
        let unreadable = |ground| match ground {
            Ground::Dark => [Color::Blue, Color::Black, Color::DarkGray],
            Ground::Light => [Color::Cyan, Color::Yellow, Color::White],
        };
        for ground in [Ground::Dark, Ground::Light] {
            let theme = Theme { ground, ..Theme::default() };
            let mut seen = Vec::new();
            for tone in Tone::ALL.into_iter().filter(|tone| *tone != Tone::Back && *tone != Tone::Key) {
                let style = theme.style(tone);
                assert!(style.fg.is_none_or(|color| !unreadable(ground).contains(&color)), "{tone:?} on {ground:?}");
                assert!(!seen.contains(&style), "{tone:?} looks like another on {ground:?}");
                seen.push(style);
            }
        }
    }

    #[test]
    fn a_chosen_colour_takes_the_place_of_the_usual_one_and_keeps_its_weight() {
        let mut palette = Palette::default();
        let table: toml::Table = "it = { warn = \"bright-blue\" }".parse().unwrap();
        let colors: crate::config::Colors = table["it"].clone().try_into().unwrap();
        for (tone, color) in colors.iter() {
            palette.set(tone, color);
        }
        let theme = Theme { palette, ..Theme::default() };
        assert_eq!(theme.style(Tone::Warn).fg, Some(Color::LightBlue));
        assert!(theme.style(Tone::Warn).add_modifier.contains(Modifier::BOLD));
        assert_eq!(theme.style(Tone::Bad), Theme::default().style(Tone::Bad));
    }

    #[test]
    fn without_colours_what_is_selected_is_still_reversed() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        let theme = Theme { ground: Ground::Light, ..Theme::default() };
        buffer.set_string(0, 0, "bad", theme.style(Tone::Bad).patch(theme.style(Tone::Selected)));
        strip_colors(&mut buffer);
        let cell = buffer.cell((0, 0)).unwrap();
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
        assert!(cell.modifier.contains(Modifier::REVERSED | Modifier::BOLD));
    }
}
