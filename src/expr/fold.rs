use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::model::HostId;

/// Numbers that take part in folding, counted from the end of the name.
const MOST_DIMENSIONS: usize = 8;
/// Longer runs of digits are text: they are serial numbers, and would not fit a range's number.
const MOST_DIGITS: usize = 18;

/// Writes hosts as short as an expression can: `mw[01-40].eqiad.wmnet,db[1-2,7]`.
///
/// What it gives reads back as the same set, padding and all. Kinds of names stand in the order of their first host,
/// numbers rise, duplicates vanish. Where names have several numbers, the last one is folded first, so that
/// `r1n1,r1n2,r2n1,r2n2` is `r[1-2]n[1-2]`, and what makes no rectangle is left in rows: `r1n[1-2],r2n1`.
#[must_use]
pub fn fold(hosts: &[HostId]) -> String {
    let mut shapes: Vec<Shape<'_>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut seen: HashSet<&str> = HashSet::with_capacity(hosts.len());
    let mut key = String::new();
    for host in hosts {
        let name = host.as_str();
        if !seen.insert(name) {
            continue;
        }
        let row = split(name, &mut key);
        let next = shapes.len();
        let index = match known.get(key.as_str()) {
            Some(&index) => index,
            None => *known.entry(key.clone()).or_insert(next),
        };
        match shapes.get_mut(index) {
            Some(shape) => shape.rows.push(row),
            None => shapes.push(Shape { key: key.clone(), rows: vec![row] }),
        }
    }
    let mut out = String::new();
    for shape in &shapes {
        shape.write(&mut out);
    }
    out
}

/// Takes the numbers out of a name, and leaves the rest of it in `key`, a NUL where each was.
fn split<'a>(name: &'a str, key: &mut String) -> Vec<&'a str> {
    key.clear();
    let mut numbers = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (before, digits) = rest.split_at_checked(text).unwrap_or((rest, ""));
        key.push_str(before);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (number, after) = digits.split_at_checked(end).unwrap_or((digits, ""));
        if number.len() > MOST_DIGITS {
            key.push_str(number);
        } else if !number.is_empty() {
            key.push('\0');
            numbers.push(number);
        }
        rest = after;
    }
    numbers
}

/// The names that differ in their numbers only.
struct Shape<'a> {
    key: String,
    rows: Vec<Vec<&'a str>>,
}

impl Shape<'_> {
    fn write(&self, out: &mut String) {
        let dimensions = self.rows.first().map_or(0, Vec::len);
        // Numbers that never change are text, and need no folding.
        let varying: Vec<usize> = (0..dimensions)
            .filter(|&dimension| {
                let first = self.rows.first().and_then(|row| row.get(dimension));
                self.rows.iter().any(|row| row.get(dimension) != first)
            })
            .collect();
        let mut rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                varying
                    .iter()
                    .map(|&dimension| row.get(dimension).map_or_else(String::new, ToString::to_string))
                    .collect()
            })
            .collect();
        for dimension in (0..varying.len()).rev().take(MOST_DIMENSIONS) {
            rows = fold_dimension(rows, dimension);
        }
        for row in &rows {
            if !out.is_empty() {
                out.push(',');
            }
            self.write_row(&varying, row, out);
        }
    }

    fn write_row(&self, varying: &[usize], row: &[String], out: &mut String) {
        let constant = self.rows.first();
        for (dimension, text) in self.key.split('\0').enumerate() {
            // Each text but the first stands behind a number.
            if let Some(number) = dimension.checked_sub(1) {
                let folded = varying.iter().position(|&varies| varies == number).and_then(|place| row.get(place));
                let plain = constant.and_then(|row| row.get(number)).copied().unwrap_or_default();
                match folded.map(String::as_str) {
                    Some(folded) if folded.contains(['-', ',']) => {
                        // Writing to a String cannot fail.
                        write!(out, "[{folded}]").unwrap_or_default();
                    }
                    Some(single) => out.push_str(single),
                    None => out.push_str(plain),
                }
            }
            out.push_str(text);
        }
    }
}

/// Joins the rows that are the same but for one dimension, in which nothing is folded yet.
fn fold_dimension(rows: Vec<Vec<String>>, dimension: usize) -> Vec<Vec<String>> {
    let mut joined: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut key = String::new();
    for mut row in rows {
        let number = row.get_mut(dimension).map(std::mem::take).unwrap_or_default();
        key.clear();
        for other in &row {
            key.push_str(other);
            key.push('\0');
        }
        let next = joined.len();
        let index = match known.get(key.as_str()) {
            Some(&index) => index,
            None => *known.entry(key.clone()).or_insert(next),
        };
        match joined.get_mut(index) {
            Some((_, numbers)) => numbers.push(number),
            None => joined.push((row, vec![number])),
        }
    }
    joined
        .into_iter()
        .map(|(mut row, numbers)| {
            if let Some(place) = row.get_mut(dimension) {
                *place = ranges(&numbers);
            }
            row
        })
        .collect()
}

/// A run of numbers that follow each other in writing, padding included.
struct Run<'a> {
    first: &'a str,
    last: &'a str,
    value: u64,
    /// The width that zeros in front keep to, if there are any.
    width: Option<usize>,
}

impl Run<'_> {
    fn is_continued_by(&self, value: u64, text: &str) -> bool {
        let padded = text.len() > 1 && text.starts_with('0');
        let fits = match self.width {
            Some(width) => text.len() == width,
            None => !padded,
        };
        fits && self.value.checked_add(1) == Some(value)
    }
}

/// Writes distinct numbers as `01-03,07`.
fn ranges(numbers: &[String]) -> String {
    let mut sorted: Vec<(u64, &str)> =
        numbers.iter().map(|text| (text.parse().unwrap_or(u64::MAX), text.as_str())).collect();
    sorted.sort_unstable_by_key(|&(value, text)| (value, text.len()));
    // `1,01,2,02` are two runs beside each other: every run that may still grow is looked at, and those are as many as
    // there are widths.
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (value, text) in sorted {
        open.retain(|&index| runs.get(index).is_some_and(|run| run.value.saturating_add(1) >= value));
        let grows =
            open.iter().copied().find(|&index| runs.get(index).is_some_and(|run| run.is_continued_by(value, text)));
        if let Some(run) = grows.and_then(|index| runs.get_mut(index)) {
            run.last = text;
            run.value = value;
        } else {
            let width = (text.len() > 1 && text.starts_with('0')).then_some(text.len());
            open.push(runs.len());
            runs.push(Run { first: text, last: text, value, width });
        }
    }
    let mut out = String::new();
    for run in runs {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(run.first);
        if run.first != run.last {
            out.push('-');
            out.push_str(run.last);
        }
    }
    out
}
