//! Glyph, word and, third, tone: what is said by a colour is said without it too.

use crate::model::{FailureClass, HostState, Phase, Verdict};

/// Says what a piece of text means; how that looks is for whoever draws it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Text as such.
    #[default]
    Plain,
    /// What can be passed over.
    Dim,
    /// What is looked at first.
    Strong,
    /// All is well.
    Good,
    /// Something is under way.
    Busy,
    /// Somebody should look.
    Warn,
    /// It failed.
    Bad,
    /// It could not be asked: neither well nor failed.
    Lost,
    /// It went back.
    Back,
    /// What is chosen among others.
    Selected,
    /// The name of a key.
    Key,
}

impl Tone {
    /// Every meaning.
    pub const ALL: [Self; 11] = [
        Self::Plain,
        Self::Dim,
        Self::Strong,
        Self::Good,
        Self::Busy,
        Self::Warn,
        Self::Bad,
        Self::Lost,
        Self::Back,
        Self::Selected,
        Self::Key,
    ];
}

/// Names a glyph by what it says; each stands beside a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Glyph {
    /// Nothing was asked of it yet.
    Pending,
    /// It is being reached.
    Connecting,
    /// The release travels.
    Priming,
    /// The release is there and waits.
    Primed,
    /// It is being switched or checked.
    Activating,
    /// It is as it should be.
    Good,
    /// It failed.
    Bad,
    /// It could not be reached.
    Unreachable,
    /// It goes back, or went.
    Back,
    /// It is left out.
    Skipped,
    /// It is older than it should be.
    Older,
    /// It is newer than it should be.
    Newer,
    /// It is not what it says.
    Drifted,
    /// There is nothing.
    Missing,
    /// It is somebody else's.
    Unmanaged,
    /// Nobody knows.
    Unknown,
    /// Somebody should look.
    Attention,
    /// A stage or a wave starts.
    Stage,
    /// Time has to pass, or somebody to decide.
    Wait,
    /// Something worth knowing.
    Note,
}

impl Glyph {
    /// Every glyph.
    pub const ALL: [Self; 20] = [
        Self::Pending,
        Self::Connecting,
        Self::Priming,
        Self::Primed,
        Self::Activating,
        Self::Good,
        Self::Bad,
        Self::Unreachable,
        Self::Back,
        Self::Skipped,
        Self::Older,
        Self::Newer,
        Self::Drifted,
        Self::Missing,
        Self::Unmanaged,
        Self::Unknown,
        Self::Attention,
        Self::Stage,
        Self::Wait,
        Self::Note,
    ];

    /// Gives the character, or the one for where there is only ASCII.
    #[must_use]
    pub const fn text(self, unicode: bool) -> &'static str {
        let (drawn, ascii) = match self {
            Self::Pending => ("∙", "."),
            Self::Connecting => ("◌", "o"),
            Self::Priming => ("▸", ">"),
            Self::Primed => ("▪", "="),
            Self::Activating => ("↻", "@"),
            Self::Good => ("✓", "+"),
            Self::Bad => ("✗", "x"),
            Self::Unreachable => ("⊘", "0"),
            Self::Back => ("↶", "<"),
            Self::Skipped => ("-", "-"),
            Self::Older => ("↓", "v"),
            Self::Newer => ("↑", "^"),
            Self::Drifted => ("≠", "~"),
            Self::Missing => ("○", "_"),
            Self::Unmanaged => ("◇", "%"),
            Self::Unknown => ("?", "?"),
            Self::Attention => ("!", "!"),
            Self::Stage => ("▶", "#"),
            Self::Wait => ("‖", "|"),
            Self::Note => ("·", "*"),
        };
        if unicode { drawn } else { ascii }
    }

    /// Gives the tone that goes with it.
    #[must_use]
    pub const fn tone(self) -> Tone {
        match self {
            Self::Good => Tone::Good,
            Self::Bad | Self::Drifted => Tone::Bad,
            Self::Unreachable | Self::Unknown => Tone::Lost,
            Self::Back => Tone::Back,
            Self::Wait | Self::Attention | Self::Older | Self::Newer | Self::Missing | Self::Unmanaged => Tone::Warn,
            Self::Connecting | Self::Priming | Self::Activating => Tone::Busy,
            Self::Pending | Self::Skipped | Self::Note => Tone::Dim,
            Self::Primed => Tone::Plain,
            Self::Stage => Tone::Strong,
        }
    }

    /// Gives the glyph of a phase.
    #[must_use]
    pub const fn of_phase(phase: Phase) -> Self {
        match phase {
            Phase::Pending => Self::Pending,
            Phase::Priming => Self::Priming,
            Phase::Primed => Self::Primed,
            Phase::Activating | Phase::Active | Phase::Checking => Self::Activating,
            Phase::Healthy => Self::Good,
            Phase::RollingBack | Phase::RolledBack => Self::Back,
            Phase::Failed => Self::Bad,
            Phase::Skipped => Self::Skipped,
        }
    }

    /// Gives the glyph of a failure.
    #[must_use]
    pub const fn of_failure(class: FailureClass) -> Self {
        match class {
            FailureClass::Unreachable => Self::Unreachable,
            FailureClass::Transfer | FailureClass::Activate | FailureClass::Unhealthy => Self::Bad,
        }
    }

    /// Gives the glyph of what a survey found.
    #[must_use]
    pub const fn of_state(state: HostState) -> Self {
        match state {
            HostState::Current => Self::Good,
            HostState::Outdated => Self::Older,
            HostState::Ahead => Self::Newer,
            HostState::Drifted => Self::Drifted,
            HostState::Missing => Self::Missing,
            HostState::Unmanaged => Self::Unmanaged,
            HostState::Unreachable => Self::Unreachable,
            HostState::Unknown => Self::Unknown,
        }
    }

    /// Gives the glyph of what a gate found, and the word for it.
    #[must_use]
    pub const fn of_verdict(verdict: Verdict) -> (Self, &'static str) {
        match verdict {
            Verdict::Pass => (Self::Good, "passes"),
            Verdict::Fail => (Self::Bad, "fails"),
            Verdict::Inconclusive => (Self::Unknown, "cannot tell"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Glyph;
    use crate::model::{FailureClass, Phase};

    #[test]
    fn the_glyphs_of_states_are_those_of_the_console_s_contract() {
        for (glyph, drawn) in [
            (Glyph::of_phase(Phase::Pending), "∙"),
            (Glyph::Connecting, "◌"),
            (Glyph::of_phase(Phase::Priming), "▸"),
            (Glyph::of_phase(Phase::Activating), "↻"),
            (Glyph::of_phase(Phase::Healthy), "✓"),
            (Glyph::of_phase(Phase::Failed), "✗"),
            (Glyph::of_failure(FailureClass::Unhealthy), "✗"),
            (Glyph::of_failure(FailureClass::Unreachable), "⊘"),
            (Glyph::of_phase(Phase::RolledBack), "↶"),
            (Glyph::of_phase(Phase::Skipped), "-"),
        ] {
            assert_eq!(glyph.text(true), drawn);
        }
    }

    #[test]
    fn no_two_glyphs_look_alike_and_each_has_its_ascii() {
        for unicode in [true, false] {
            let texts: HashSet<&str> = Glyph::ALL.iter().map(|glyph| glyph.text(unicode)).collect();
            assert_eq!(texts.len(), Glyph::ALL.len());
        }
        assert!(Glyph::ALL.iter().all(|glyph| glyph.text(false).is_ascii()));
    }
}
