//! What stands between `[` and `]`.

use std::fmt::Write as _;

/// How the values of an item are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As numbers, zeros in front up to this width.
    Number { width: usize },
    /// As one letter; the value is its ASCII code.
    Letter,
}

/// A range of a bracket: `01-40/2`, `a:d`, or a single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) step: u64,
    pub(super) style: Style,
}

impl Item {
    fn count(&self) -> u64 {
        ((self.last.saturating_sub(self.first)) / self.step.max(1)).saturating_add(1)
    }

    fn contains(&self, text: &str) -> bool {
        let value = match self.style {
            Style::Letter => match text.as_bytes() {
                [letter] => u64::from(*letter),
                _ => return false,
            },
            Style::Number { width } => {
                let padded = text.starts_with('0') && text.len() > 1;
                if text.len() < width || (padded && text.len() != width) || !text.bytes().all(|b| b.is_ascii_digit()) {
                    return false;
                }
                match text.parse::<u64>() {
                    Ok(value) => value,
                    Err(_) => return false,
                }
            }
        };
        (self.first..=self.last).contains(&value) && (value - self.first).is_multiple_of(self.step.max(1))
    }

    fn write(&self, value: u64, out: &mut String) {
        match self.style {
            Style::Letter => out.push(u8::try_from(value).map_or('?', char::from)),
            // Writing to a String cannot fail.
            Style::Number { width } => write!(out, "{value:0width$}").unwrap_or_default(),
        }
    }

    /// Gives the length of the longest text.
    fn longest(&self) -> usize {
        match self.style {
            Style::Letter => 1,
            Style::Number { width } => {
                width.max(self.last.checked_ilog10().map_or(1, |digits| usize::try_from(digits).unwrap_or(20) + 1))
            }
        }
    }
}

/// The items of one pair of brackets, in the order they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RangeSet(pub(super) Vec<Item>);

impl RangeSet {
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(Item::count).fold(0, u64::saturating_add)
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.0.iter().any(|item| item.contains(text))
    }

    pub(super) fn longest(&self) -> usize {
        self.0.iter().map(Item::longest).max().unwrap_or(0)
    }

    /// Calls `visit` with `buffer` grown by each value in turn, and leaves `buffer` as it was.
    pub(super) fn each(&self, buffer: &mut String, visit: &mut dyn FnMut(&mut String)) {
        let length = buffer.len();
        for item in &self.0 {
            let mut value = item.first;
            for _ in 0..item.count() {
                item.write(value, buffer);
                visit(buffer);
                buffer.truncate(length);
                value = value.saturating_add(item.step);
            }
        }
    }
}
