//! Glyph, word and, third, colour: what is said by colour is said without it too.

use crate::model::{FailureClass, HostState, Phase};

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

/// Says what a colour means; always one of the terminal's own sixteen, on its own background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Something failed.
    Bad,
    /// Somebody should look.
    Warning,
    /// Something is being done.
    Busy,
    /// Less important than the rest.
    Faint,
    /// A heading.
    Strong,
}

impl Tone {
    /// Gives the parameters of SGR (ECMA-48, 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            Self::Busy => "36",
            Self::Faint => "90",
            Self::Strong => "1",
        }
    }
}

/// Names a glyph by what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing was asked of it yet.
    Pending,
    /// The release travels.
    Priming,
    /// The release is there.
    Primed,
    /// The link is being switched.
    Activating,
    /// It is being checked.
    Checking,
    /// It is as it should be.
    Good,
    /// It failed.
    Bad,
    /// It cannot be reached.
    Unreachable,
    /// It goes back, or went.
    Back,
    /// It is left out.
    Skipped,
    /// A stage or a wave starts.
    Stage,
    /// Time has to pass, or somebody to decide.
    Wait,
    /// Somebody should look.
    Warning,
    /// It is older than it should be.
    Older,
    /// It is newer than it should be.
    Newer,
    /// Something worth knowing.
    Note,
}

impl Mark {
    const fn glyphs(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("∙", "."),
            Self::Priming => ("▸", ">"),
            Self::Primed => ("▪", "="),
            Self::Activating => ("↻", "~"),
            Self::Checking => ("◌", "?"),
            Self::Good => ("✓", "+"),
            Self::Bad => ("✗", "x"),
            Self::Unreachable => ("⊘", "0"),
            Self::Back => ("↶", "<"),
            Self::Skipped => ("-", "-"),
            Self::Stage => ("▶", "#"),
            Self::Wait => ("‖", "|"),
            Self::Warning => ("!", "!"),
            Self::Older => ("▼", "v"),
            Self::Newer => ("▲", "^"),
            Self::Note => ("·", "*"),
        }
    }

    /// Gives the tone that goes with it.
    #[must_use]
    pub const fn tone(self) -> Tone {
        match self {
            Self::Good => Tone::Good,
            Self::Bad | Self::Unreachable => Tone::Bad,
            Self::Back | Self::Wait | Self::Warning | Self::Older | Self::Newer => Tone::Warning,
            Self::Priming | Self::Activating | Self::Checking | Self::Primed => Tone::Busy,
            Self::Pending | Self::Skipped | Self::Note => Tone::Faint,
            Self::Stage => Tone::Strong,
        }
    }

    /// Gives the mark of a phase.
    #[must_use]
    pub const fn of_phase(phase: Phase) -> Self {
        match phase {
            Phase::Pending => Self::Pending,
            Phase::Priming => Self::Priming,
            Phase::Primed => Self::Primed,
            Phase::Activating | Phase::Active => Self::Activating,
            Phase::Checking => Self::Checking,
            Phase::Healthy => Self::Good,
            Phase::RollingBack | Phase::RolledBack => Self::Back,
            Phase::Failed => Self::Bad,
            Phase::Skipped => Self::Skipped,
        }
    }

    /// Gives the mark of a failure.
    #[must_use]
    pub const fn of_failure(class: FailureClass) -> Self {
        match class {
            FailureClass::Unreachable => Self::Unreachable,
            FailureClass::Transfer | FailureClass::Activate | FailureClass::Unhealthy => Self::Bad,
        }
    }

    /// Gives the mark of what `status` found.
    #[must_use]
    pub const fn of_state(state: HostState) -> Self {
        match state {
            HostState::Current => Self::Good,
            HostState::Outdated => Self::Older,
            HostState::Ahead => Self::Newer,
            HostState::Drifted | HostState::Unmanaged | HostState::Unknown => Self::Warning,
            HostState::Missing => Self::Bad,
            HostState::Unreachable => Self::Unreachable,
        }
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
        if self.color && !text.is_empty() { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }

    /// Gives a glyph, in the colour that goes with it.
    #[must_use]
    pub fn mark(self, mark: Mark) -> String {
        let (unicode, ascii) = mark.glyphs();
        self.paint(mark.tone(), if self.unicode { unicode } else { ascii })
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
    use super::{ColorChoice, Look, Mark, Tone};

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
        assert!(plain.mark(Mark::Good).is_ascii() && plain.ellipsis().is_ascii() && plain.arrow().is_ascii());
        assert_eq!(plain.paint(Tone::Bad, "x"), "x");
        assert_eq!(Look { color: true, unicode: true }.mark(Mark::Bad), "\u{1b}[31m✗\u{1b}[0m");
    }
}
