//! A region of the last lines of a terminal, redrawn in place below lines that scroll.
//!
//! Our own instead of `indicatif`: its bars are drawn by whoever changes them, behind a lock that a stalled terminal holds, and
//! each bar is an object with a life; here all lines are one function of the state, and this is what is left to do.

use super::words::width;

/// Remembers what it drew, so that it can take it back.
#[derive(Debug, Default)]
pub struct Screen {
    drawn: Vec<usize>,
    columns: usize,
}

impl Screen {
    /// Writes lines above the region and draws the region anew; both by one text, so that nothing flickers.
    ///
    /// Lines of the region must be narrower than the terminal. When the terminal became narrower since they were drawn, most
    /// terminals have broken them; what cannot be taken back safely is left standing then, since lines of the log are never erased.
    #[must_use]
    pub fn frame(&mut self, lines: &[String], region: &[String], columns: usize) -> String {
        let mut text = String::from("\x1b[?2026h");
        text.push_str(&self.erase(columns));
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str(&region.join("\r\n"));
        text.push_str("\x1b[?2026l");
        self.drawn = region.iter().map(|line| width(line)).collect();
        self.columns = columns;
        text
    }

    fn erase(&self, columns: usize) -> String {
        let Some(above) = self.drawn.len().checked_sub(1) else {
            return String::new();
        };
        let widest = self.drawn.iter().copied().max().unwrap_or(0);
        if columns < self.columns && widest > columns {
            return "\r\n".to_owned();
        }
        if above == 0 { "\r\x1b[J".to_owned() } else { format!("\r\x1b[{above}A\x1b[J") }
    }
}
