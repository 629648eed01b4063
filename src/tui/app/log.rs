//! The log: what was said of the records of the rollout that is open, and where in it somebody reads.

use std::collections::VecDeque;

use crate::model::HostId;
use crate::tui::keymap::Action;
use crate::tui::messages::LogLine;

/// How many lines are kept; the journal has all of them.
const KEPT: usize = 10_000;

/// Holds the lines of the log, which of them are shown, and the first of those on the screen.
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
    /// How many lines went before those that are kept.
    gone: u64,
    /// The number of the line at the top; without it the last lines are shown, and those that come.
    top: Option<u64>,
    search: String,
    followed: Option<HostId>,
}

/// A line that is shown, with its number.
pub type Numbered<'a> = (u64, &'a LogLine);

impl Log {
    /// Adds a line.
    pub fn add(&mut self, line: LogLine) {
        self.lines.push_back(line);
        if self.lines.len() > KEPT {
            self.lines.pop_front();
            self.gone += 1;
        }
    }

    /// Forgets the lines; what is searched for stays.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.top = None;
    }

    /// Shows the lines of a host only, or those of all.
    pub fn follow(&mut self, host: Option<&HostId>) {
        if self.followed.as_ref() != host {
            self.followed = host.cloned();
            self.top = None;
        }
    }

    /// Gives the host that is followed.
    #[must_use]
    pub const fn followed(&self) -> Option<&HostId> {
        self.followed.as_ref()
    }

    /// Gives the text that is searched for.
    #[must_use]
    pub fn search(&self) -> &str {
        &self.search
    }

    /// Shows only the lines that have a text, whatever its case.
    pub fn set_search(&mut self, text: &str) {
        text.clone_into(&mut self.search);
    }

    /// Puts a line at the top, or goes on with the last ones.
    pub const fn go(&mut self, top: Option<u64>) {
        self.top = top;
    }

    /// Counts the lines that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Tells whether nothing was said yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Gives the lines that are shown, scrolled away or not.
    #[must_use]
    pub fn shown(&self) -> Vec<Numbered<'_>> {
        let search = self.search.to_lowercase();
        let matches = |line: &LogLine| {
            self.followed.as_ref().is_none_or(|host| line.host.as_ref() == Some(host))
                && super::fleet::contains(&line.text, &search)
        };
        (self.gone..).zip(&self.lines).filter(|(_, line)| matches(line)).collect()
    }

    /// Gives the lines that are shown from the top of a window of some rows on; `rows` says how many a line takes.
    #[must_use]
    pub fn window(&self, height: usize, rows: impl Fn(&LogLine) -> usize) -> Vec<Numbered<'_>> {
        let mut shown = self.shown();
        let top = self.top_of(&shown, height, &rows);
        shown.drain(..top);
        shown
    }

    fn top_of(&self, shown: &[Numbered<'_>], height: usize, rows: &impl Fn(&LogLine) -> usize) -> usize {
        let last = backward(shown, shown.len(), height, rows);
        self.top.map_or(last, |top| shown.partition_point(|(number, _)| *number < top)).min(last)
    }

    /// Moves the window as a key says.
    pub fn scroll(&mut self, action: Action, height: usize, rows: impl Fn(&LogLine) -> usize) {
        let shown = self.shown();
        let place = self.top_of(&shown, height, &rows);
        let next = match action {
            Action::Down => place + 1,
            Action::Up => place.saturating_sub(1),
            Action::First => 0,
            Action::Last => shown.len(),
            Action::PageDown => forward(&shown, place, height, &rows),
            Action::PageUp => backward(&shown, place, height, &rows),
            Action::HalfDown => forward(&shown, place, height.div_ceil(2), &rows),
            Action::HalfUp => backward(&shown, place, height.div_ceil(2), &rows),
            _ => return,
        };
        let last = backward(&shown, shown.len(), height, &rows);
        // Whoever is at the end again goes on with what comes.
        self.top = shown.get(next).filter(|_| next < last).map(|(number, _)| *number);
    }
}

/// Finds the place before which some rows end that begin at another; at least one line further.
fn forward(shown: &[Numbered<'_>], from: usize, room: usize, rows: &impl Fn(&LogLine) -> usize) -> usize {
    let mut used = 0;
    let mut place = from;
    while let Some((_, line)) = shown.get(place) {
        used += rows(line);
        if used > room && place > from {
            break;
        }
        place += 1;
    }
    place
}

/// Finds the place at which some rows begin that end before another; at least one line earlier.
fn backward(shown: &[Numbered<'_>], before: usize, room: usize, rows: &impl Fn(&LogLine) -> usize) -> usize {
    let mut used = 0;
    let mut place = before.min(shown.len());
    while let Some((_, line)) = place.checked_sub(1).and_then(|earlier| shown.get(earlier)) {
        used += rows(line);
        if used > room && place < before {
            break;
        }
        place -= 1;
    }
    place
}
