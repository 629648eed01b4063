//! Tables of text whose columns line up, whatever the script; a column that is empty in every row is left out.

use unicode_width::UnicodeWidthStr as _;

use crate::words::{Look, Tone, pad};

/// Writes a table; `tone` gives the colour of a cell by row and column.
pub(super) fn table(
    heads: &[&str],
    rows: Vec<Vec<String>>,
    look: Look,
    tone: impl Fn(usize, usize) -> Option<Tone>,
) -> Vec<String> {
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(column, head)| {
            let widest = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
            if widest == 0 { 0 } else { widest.max(head.width()) }
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = (String, Option<Tone>)>| {
        let mut shown = Vec::new();
        for ((cell, tone), width) in cells.zip(&widths).filter(|(_, width)| **width > 0) {
            let cell = pad(&cell, *width);
            shown.push(tone.map_or_else(|| cell.clone(), |tone| look.paint(tone, &cell)));
        }
        shown.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut heads.iter().map(|head| ((*head).to_owned(), Some(Tone::Dim))))];
    for (place, row) in rows.into_iter().enumerate() {
        lines.push(line(&mut row.into_iter().enumerate().map(|(column, cell)| (cell, tone(place, column)))));
    }
    lines
}
