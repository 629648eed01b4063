use super::App;
use crate::tui::messages::LogLine;

/// Holds how many lines each list of the screen that is shown has on the terminal as it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Heights {
    /// Of its hosts, or of the history.
    pub list: usize,
    /// Of the versions on the plan.
    pub versions: usize,
    /// Of a layer.
    pub layer: usize,
    /// On which row of the terminal the list that takes the keys begins.
    pub top: u16,
}

/// Says of a screen what its lists and windows are fitted to: the console knows nothing of how it is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The smallest terminal that anything but its size is said on, in columns and rows.
    pub smallest: (u16, u16),
    /// How many lines each list has.
    pub heights: fn(&App) -> Heights,
    /// How far the text of the topmost layer can be scrolled.
    pub scroll_limit: fn(&App) -> usize,
    /// How many columns and rows the lines of the log have.
    pub log_room: fn(&App) -> (usize, usize),
    /// How many rows a line of the log takes in so many columns.
    pub log_rows: fn(&LogLine, usize) -> usize,
    /// The columns of the list that can be left out, by name.
    pub columns: fn(&App) -> Vec<&'static str>,
    /// What is shown, as text.
    pub text: fn(&App) -> String,
}

impl Layout {
    /// Tells whether nothing but its size is said on a terminal of so many columns and rows.
    #[must_use]
    pub const fn is_too_small(&self, (columns, rows): (u16, u16)) -> bool {
        columns < self.smallest.0 || rows < self.smallest.1
    }
}
