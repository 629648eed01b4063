//! How text looks where it goes: with colours or without, with all characters or with ASCII alone.

use super::glyph::{Glyph, Tone};

/// Says when colours are used.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Gives the parameters of SGR (ECMA-48, 8.3.117) for a tone, none for text as such; always one of the terminal's own sixteen
/// colours, on its own background.
const fn code(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Plain => None,
        // Dark grey vanishes on some dark backgrounds; the attribute is the terminal's own idea of what can still be read.
        Tone::Dim => Some("2"),
        Tone::Strong => Some("1"),
        Tone::Good => Some("32"),
        Tone::Busy | Tone::Key => Some("36"),
        Tone::Warn | Tone::Back => Some("33"),
        Tone::Bad => Some("31"),
        Tone::Lost => Some("35"),
        Tone::Selected => Some("7"),
    }
}

/// Says how text looks where it goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colours are used.
    pub color: bool,
    /// Whether there are characters beside those of ASCII.
    pub unicode: bool,
}

impl Look {
    /// Finds out how text looks, from the environment's variables and whether it goes to a terminal.
    ///
    /// Sources: `NO_COLOR` counts when it is not empty (no-color.org); the locale is the first of `LC_ALL`, `LC_CTYPE` and
    /// `LANG` that is not empty (POSIX.1-2024, 8.2).
    #[must_use]
    pub fn detect(choice: ColorChoice, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                is_terminal && set("NO_COLOR").is_none() && set("TERM").is_some_and(|terminal| terminal != "dumb")
            }
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
        Self { color, unicode: locale.contains("utf-8") || locale.contains("utf8") }
    }

    /// Colours a text.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        match code(tone).filter(|_| self.color && !text.is_empty()) {
            Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
            None => text.to_owned(),
        }
    }

    /// Gives a glyph, in the colour that goes with it.
    #[must_use]
    pub fn glyph(self, glyph: Glyph) -> String {
        self.paint(glyph.tone(), glyph.text(self.unicode))
    }

    /// Gives a text of the two ways to write it.
    #[must_use]
    pub const fn either(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// Says that there is more than what is shown.
    #[must_use]
    pub const fn ellipsis(self) -> &'static str {
        self.either("…", "...")
    }

    /// Points from what was to what will be.
    #[must_use]
    pub const fn arrow(self) -> &'static str {
        self.either("→", "->")
    }
}

#[cfg(test)]
mod tests {
    use super::{ColorChoice, Glyph, Look, Tone};

    fn detect(choice: ColorChoice, is_terminal: bool, variables: &[(&str, &str)]) -> Look {
        Look::detect(choice, is_terminal, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn colours_are_for_terminals_that_want_them_unless_they_are_asked_for() {
        let terminal = ("TERM", "xterm");
        assert!(detect(ColorChoice::Auto, true, &[terminal]).color);
        assert!(detect(ColorChoice::Auto, true, &[terminal, ("NO_COLOR", "")]).color);
        assert!(!detect(ColorChoice::Auto, true, &[terminal, ("NO_COLOR", "1")]).color);
        assert!(!detect(ColorChoice::Auto, true, &[("TERM", "dumb")]).color);
        assert!(!detect(ColorChoice::Auto, true, &[]).color);
        assert!(!detect(ColorChoice::Auto, false, &[terminal]).color);
        assert!(detect(ColorChoice::Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")]).color);
        assert!(!detect(ColorChoice::Never, true, &[terminal]).color);
    }

    #[test]
    fn the_strongest_variable_of_the_locale_says_what_characters_there_are() {
        assert!(detect(ColorChoice::Auto, true, &[("LANG", "de_DE.UTF-8")]).unicode);
        assert!(detect(ColorChoice::Auto, true, &[("LC_CTYPE", "C.utf8"), ("LC_ALL", "")]).unicode);
        assert!(!detect(ColorChoice::Auto, true, &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]).unicode);
        assert!(!detect(ColorChoice::Auto, true, &[]).unicode);
    }

    #[test]
    fn ascii_is_ascii_and_no_colour_is_no_escape() {
        let plain = Look::default();
        assert!(plain.glyph(Glyph::Good).is_ascii() && plain.ellipsis().is_ascii() && plain.arrow().is_ascii());
        assert_eq!(plain.paint(Tone::Bad, "x"), "x");
        assert_eq!(Look { color: true, unicode: true }.glyph(Glyph::Bad), "\u{1b}[31m✗\u{1b}[0m");
    }
}
