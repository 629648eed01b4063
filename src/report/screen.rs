//! A region of the last lines of a terminal, redrawn in place below lines that scroll.
//!
//! Our own instead of `indicatif`: its bars are drawn by whoever changes them, behind a lock that a stalled terminal holds, and
//! each bar is an object with a life; here all lines are one function of the state, and this is what is left to do.

/// Remembers how much it drew, so that it can take it back.
#[derive(Debug, Default)]
pub struct Screen {
    drawn: usize,
}

impl Screen {
    /// Writes lines above the region and draws the region anew; both by one text, so that nothing flickers.
    ///
    /// Lines of the region must be narrower than the terminal. A terminal that became narrower since may have broken them into
    /// more rows than it is known of here; their first rows are left standing then, once. No line of the log is ever erased.
    #[must_use]
    pub fn frame(&mut self, lines: &[String], region: &[String]) -> String {
        let mut text = String::from("\x1b[?2026h");
        match self.drawn {
            0 => {}
            1 => text.push_str("\r\x1b[J"),
            rows => text.push_str(&format!("\r\x1b[{}A\x1b[J", rows - 1)),
        }
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str(&region.join("\r\n"));
        text.push_str("\x1b[?2026l");
        self.drawn = region.len();
        text
    }
}
