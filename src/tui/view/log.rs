use std::sync::Once;

use log::{Level, LevelFilter, Record};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_logger::{Drain, ExtLogRecord, LogFormatter, TuiLoggerWidget, TuiWidgetEvent, TuiWidgetState};

use super::below;
use super::paint::{Painter, span};
use crate::model::HostId;
use crate::tui::app::{App, LogSize};
use crate::tui::messages::{LogLevel, LogLine, LogScroll};
use crate::tui::theme::{Sign, Theme, Tone};
use crate::words::{Glyph, clean_line, cut};

/// The name under which lines stand that are about no host.
const EVERYBODY: &str = "rollout";

/// Shows the log: the records of the rollout, each under the name of its host, and what the program itself has to say.
///
/// The lines are in tui-logger's buffer, which loses the oldest; the journal and the log file have all of them. Its mover
/// thread is not started: whoever draws moves the lines first.
pub struct LogPane {
    widget: TuiWidgetState,
    followed: Option<HostId>,
}

impl std::fmt::Debug for LogPane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogPane").field("followed", &self.followed).finish_non_exhaustive()
    }
}

impl Default for LogPane {
    fn default() -> Self {
        Self::new()
    }
}

impl LogPane {
    /// Makes a pane that shows everything.
    #[must_use]
    pub fn new() -> Self {
        static LEVEL: Once = Once::new();
        LEVEL.call_once(|| tui_logger::set_default_level(LevelFilter::Debug));
        Self { widget: following(None), followed: None }
    }

    /// Adds a line.
    pub fn add(&self, line: &LogLine) {
        let level = match line.level {
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            LogLevel::Error => Level::Error,
        };
        let target = line.host.as_ref().map_or(EVERYBODY, HostId::as_str);
        let text = line.text.as_str();
        Drain::new().log(&Record::builder().args(format_args!("{text}")).level(level).target(target).build());
    }

    /// Brings the pane up to date with what was added, and with the host that it follows.
    pub fn fit(&mut self, state: &App) {
        tui_logger::move_events();
        let followed = state.follow.then(|| state.selected_host().cloned()).flatten();
        if followed != self.followed {
            self.widget = following(followed.as_ref());
            self.followed = followed;
        }
    }

    /// Scrolls the pane.
    pub fn scroll(&self, scroll: LogScroll) {
        self.widget.transition(match scroll {
            LogScroll::Earlier => TuiWidgetEvent::PrevPageKey,
            LogScroll::Later => TuiWidgetEvent::NextPageKey,
            LogScroll::Latest => TuiWidgetEvent::EscapeKey,
        });
    }

    pub(super) fn draw(&self, painter: &mut Painter<'_>, area: Rect, state: &App) {
        let theme = painter.theme;
        let mut title = vec![span(theme, Tone::Strong, "log")];
        match &self.followed {
            Some(host) => title.push(span(theme, Tone::Key, format!(" of {host}"))),
            None if state.follow => title.push(span(theme, Tone::Dim, " of the selected host")),
            None => {}
        }
        if state.log == LogSize::Full {
            title.push(span(theme, Tone::Dim, " PgUp earlier, PgDn later, Esc back"));
        }
        painter.rule(area, 0, title);
        let (_, inside) = below(area, 1);
        let inside = inside.intersection(painter.buffer.area);
        TuiLoggerWidget::default()
            .formatter(Box::new(Format { theme }))
            .state(&self.widget)
            .render(inside, painter.buffer);
    }
}

fn following(host: Option<&HostId>) -> TuiWidgetState {
    match host {
        None => TuiWidgetState::new().set_default_display_level(LevelFilter::Debug),
        Some(host) => TuiWidgetState::new()
            .set_default_display_level(LevelFilter::Off)
            .set_level_for_target(host.as_str(), LevelFilter::Trace),
    }
}

/// Makes the line of a record; always exactly one, since the widget counts on at least that (0.18).
struct Format {
    theme: Theme,
}

impl LogFormatter for Format {
    fn min_width(&self) -> u16 {
        4
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let (sign, tone) = match record.level {
            Level::Error => (Glyph::Bad, Tone::Bad),
            Level::Warn => (Glyph::Attention, Tone::Warn),
            Level::Info => (Glyph::Pending, Tone::Plain),
            Level::Debug | Level::Trace => (Glyph::Pending, Tone::Dim),
        };
        let text = format!(" {} {}", self.theme.glyph(sign), clean_line(record.msg().trim_start()));
        let text = cut(&text, width, self.theme.sign(Sign::Cut)).into_owned();
        let style: Style = self.theme.style(tone);
        vec![Line::from(Span::styled(text, style))]
    }
}
