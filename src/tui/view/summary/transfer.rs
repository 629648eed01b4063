//! The transfer of the release as a whole: how much of it has arrived, how fast, and who holds it up.

use ratatui::text::Line;

use super::span;
use crate::tui::app::Watched;
use crate::tui::rows::Table as _;
use crate::tui::theme::{Theme, Tone};
use crate::words::{self, Glyph, count, width};

/// The least and the most columns of the gauge.
const GAUGE: (usize, usize) = (6, 24);

/// Says how far the transfer is; none while nothing travels.
pub(super) fn line(theme: Theme, watched: &Watched, room: usize) -> Option<Line<'static>> {
    let arrivals = watched.arrivals();
    if !arrivals.is_under_way() {
        return None;
    }
    let about = if arrivals.is_guess { "about " } else { "" };
    let (part, bytes) = match arrivals.total.filter(|total| total.0 > 0) {
        #[expect(clippy::cast_precision_loss, reason = "a bar has a few dozen columns")]
        Some(total) => (arrivals.done.0 as f64 / total.0 as f64, format!("{} of {about}{total}", arrivals.done)),
        None => (0.0, arrivals.done.to_string()),
    };
    let rate = format!("  {}/s ", arrivals.rate);
    let spark = theme.sparkline(arrivals.rates());
    let least = width(" transfer ") + GAUGE.0 + 1 + width(&bytes) + width(&rate);
    let hosts = count(arrivals.hosts, "host");
    let long = format!("  {} of {hosts} hold it, {} under way", arrivals.hold, arrivals.moving);
    let hold = if least + width(&long) <= room { long } else { format!("  {}/{}", arrivals.hold, arrivals.hosts) };
    // The sparkline is what can be missed.
    let fixed = least - GAUGE.0 + width(&hold);
    let spark = if fixed + GAUGE.0 + width(&spark) <= room { spark } else { String::new() };
    let gauge = room.saturating_sub(fixed + width(&spark)).clamp(GAUGE.0, GAUGE.1);
    Some(Line::from(vec![
        span(theme, Tone::Plain, " transfer "),
        span(theme, Tone::Busy, theme.bar(part, gauge)),
        span(theme, Tone::Plain, format!(" {bytes}{rate}")),
        span(theme, Tone::Busy, spark),
        span(theme, Tone::Plain, hold),
    ]))
}

/// Names those that take much longer than the others, and the one that all will have waited for.
pub(super) fn slow(theme: Theme, watched: &Watched, room: usize) -> Option<Line<'static>> {
    let arrivals = watched.arrivals();
    let name = |row: usize| watched.table.hosts().get(row).map(ToString::to_string).unwrap_or_default();
    let held = match arrivals.last.filter(|_| arrivals.moving > 1)? {
        (row, Some(left)) => format!("{} holds up the estimate: {} left", name(row), words::span(left)),
        (row, None) => format!("{} holds up the estimate: nothing comes", name(row)),
    };
    if arrivals.slow.is_empty() {
        return Some(Line::from(span(theme, Tone::Dim, format!("   {held}"))));
    }
    let is_slow = |row: usize| arrivals.slow.first().is_some_and(|(slow, _)| *slow == row);
    let held =
        if arrivals.last.is_some_and(|(row, _)| is_slow(row)) { "it holds up the estimate".to_owned() } else { held };
    let mut text = format!(" {} {} slow:", theme.glyph(Glyph::Attention), arrivals.slow.len());
    for (place, (row, left)) in arrivals.slow.iter().enumerate() {
        let rate = watched.table.transfer(*row).map(|transfer| format!(" {}/s", transfer.rate)).unwrap_or_default();
        let next = format!(" {}{rate}, {} left;", name(*row), words::span(*left));
        if width(&text) + width(&next) + width(&held) + 12 > room && place > 0 {
            text.push_str(&format!(" and {} more;", arrivals.slow.len() - place));
            break;
        }
        text.push_str(&next);
    }
    Some(Line::from(span(theme, Tone::Warn, format!("{text} {held}"))))
}
