use crate::model::HostId;
use crate::words::{self, Tone};

/// Holds a line of the log pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How bad it is.
    pub level: LogLevel,
    /// Which host it is about.
    pub host: Option<HostId>,
    /// What happened, with its time.
    pub text: String,
}

impl LogLine {
    /// Makes the line of what is said of a record.
    #[must_use]
    pub fn new(line: words::Line, clock: impl std::fmt::Display, typed: &words::Typed) -> Self {
        let level = match line.glyph.tone() {
            Tone::Bad | Tone::Lost => LogLevel::Error,
            Tone::Warn | Tone::Back => LogLevel::Warn,
            _ => LogLevel::Info,
        };
        let command = line.command.as_ref().map(|command| format!(": {command}")).unwrap_or_default();
        let text = format!("{clock} {}{command}", line.sentence());
        Self { level, host: line.host, text: typed.within(&text).into_owned() }
    }
}

/// Says how much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// As it should be.
    Info,
    /// Somebody should look.
    Warn,
    /// It failed.
    Error,
}
