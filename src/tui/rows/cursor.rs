use std::ops::Range;

/// Holds a place in a list and the window around it; the list itself is somebody else's.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    place: usize,
    top: usize,
    height: usize,
    len: usize,
}

impl Cursor {
    /// Fits place and window to a list of a length, shown on a number of lines.
    pub const fn fit(&mut self, len: usize, height: usize) {
        self.len = len;
        self.height = height;
        if self.place >= len {
            self.place = len.saturating_sub(1);
        }
        if self.place < self.top {
            self.top = self.place;
        }
        if self.place >= self.top + height {
            self.top = self.place + 1 - height;
        }
        // A list that became shorter fills its window again.
        let lowest = len.saturating_sub(height);
        if self.top > lowest {
            self.top = lowest;
        }
    }

    /// Gives the place.
    #[must_use]
    pub const fn place(&self) -> usize {
        self.place
    }

    /// Gives the lines of a list of a length that are in the window.
    #[must_use]
    pub fn window(&self, len: usize) -> Range<usize> {
        let start = self.top.min(len);
        start..start.saturating_add(self.height).min(len)
    }

    /// Gives the first line of the window.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// Gives the number of lines of the window.
    #[must_use]
    pub const fn page(&self) -> usize {
        if self.height == 0 { 1 } else { self.height }
    }

    /// Goes to a place; to the last one, once it is settled, when there is no such place.
    pub const fn go(&mut self, place: usize) {
        self.place = place;
    }

    /// Goes down some lines, to the last at most.
    pub fn down(&mut self, lines: usize) {
        self.place = self.place.saturating_add(lines).min(self.len.saturating_sub(1));
    }

    /// Goes up some lines, to the first at most.
    pub const fn up(&mut self, lines: usize) {
        self.place = self.place.saturating_sub(lines);
    }

    /// Goes to the first line.
    pub const fn first(&mut self) {
        self.place = 0;
    }

    /// Goes to the last line.
    pub const fn last(&mut self) {
        self.place = self.len.saturating_sub(1);
    }
}
