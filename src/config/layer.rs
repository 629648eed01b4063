//! Reads one file against the schema, keeping the line of every value.

use std::path::Path;
use std::sync::Arc;

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::error::{Place, Problem};
use super::leaf::{inline, shorten};
use super::origin::{Layer, Origin};
use super::schema::{Section, Shape};
use super::settings::ROOT;
use super::tree::{Node, Table, join};
use crate::expr::nearest;

/// Reads the text of a file; whatever is wrong with it is added to the problems, all of it at once.
///
/// Gives nothing when the file is no TOML: what can be recovered of it is a guess, and its keys are not judged.
pub(super) fn read(text: &str, layer: Layer, file: &Arc<Path>, problems: &mut Vec<Problem>) -> Option<Table> {
    let mut reader = Reader { layer, file, lines: Lines::new(text), problems };
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Some(reader.table(document.get_ref(), &ROOT, "", 0));
    }
    for error in errors {
        reader.syntax(error.message(), error.span().map_or(0, |span| span.start));
    }
    None
}

struct Reader<'a> {
    layer: Layer,
    file: &'a Arc<Path>,
    lines: Lines<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn origin(&self, line: usize) -> Origin {
        Origin::File { layer: self.layer, file: Arc::clone(self.file), line }
    }

    fn problem(&mut self, line: usize, message: String, hint: Option<String>) {
        let place = Place::File(Arc::clone(self.file), Some(line));
        self.problems.push(Problem { place, message, hint });
    }

    fn syntax(&mut self, message: &str, offset: usize) {
        let (line, column, text) = self.lines.at(offset);
        let shown: String = text.chars().take(160).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let marked = if column <= 160 { format!("\n{}^", " ".repeat(column - 1)) } else { String::new() };
        self.problem(line, format!("column {column}: {message}"), Some(format!("{shown}{marked}")));
    }

    fn table(&mut self, table: &DeTable<'_>, section: &'static Section, path: &str, line: usize) -> Table {
        let mut read = Table::new(self.origin(line));
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let line = self.lines.line(key.span().start);
            let Some(known) = section.key(name) else {
                self.unknown(line, section, path, name);
                continue;
            };
            let full = join(path, name);
            if let Some(node) = self.node(value, &known.shape, &full, line) {
                read.entries.insert(name.to_owned(), node);
            }
        }
        read
    }

    /// Reads what stands behind a known key; nothing when that is of no use.
    fn node(&mut self, value: &toml::Spanned<DeValue<'_>>, shape: &Shape, path: &str, line: usize) -> Option<Node> {
        let origin = self.origin(line);
        match (shape, value.get_ref()) {
            (Shape::Value { kind, .. }, any) => {
                let value = convert(any);
                if let Err(refused) = (kind.check)(&value) {
                    self.problem(line, format!("`{path}` {}", refused.describe(&value, kind.expected)), None);
                }
                Some(Node::Leaf { value, origin })
            }
            (Shape::Table(section), DeValue::Table(table)) => Some(Node::Table(self.table(table, section, path, line))),
            (Shape::Named(named), DeValue::Table(table)) => {
                let mut read = Table::new(origin);
                for (key, value) in table {
                    let name = key.get_ref().as_ref();
                    let line = self.lines.line(key.span().start);
                    let full = join(path, name);
                    if let Err(reason) = (named.check_name)(name) {
                        self.problem(line, format!("`{}` is no name that it can have: {reason}", shorten(&full)), None);
                        continue;
                    }
                    match value.get_ref() {
                        DeValue::Table(table) => {
                            let table = self.table(table, named.section, &full, line);
                            read.entries.insert(name.to_owned(), Node::Table(table));
                        }
                        other => self.no_table(line, &full, other),
                    }
                }
                Some(Node::Table(read))
            }
            (Shape::List { section, .. }, DeValue::Array(values)) => {
                let mut items = Vec::new();
                for (at, value) in values.iter().enumerate() {
                    let line = self.lines.line(value.span().start);
                    let full = format!("{path}[{at}]");
                    match value.get_ref() {
                        DeValue::Table(table) => items.push(self.table(table, section, &full, line)),
                        other => self.no_table(line, &full, other),
                    }
                }
                Some(Node::List { items, origin })
            }
            (Shape::List { .. }, DeValue::Table(_)) => {
                let hint = Some("two brackets make an item of a list".to_owned());
                self.problem(line, format!("`{path}` is a list of tables: write [[{path}]]"), hint);
                // Kept, so that it does not count as missing.
                Some(Node::Table(Table::new(origin)))
            }
            (_, other) => {
                self.no_table(line, path, other);
                Some(Node::Leaf { value: Value::Boolean(false), origin })
            }
        }
    }

    fn no_table(&mut self, line: usize, path: &str, value: &DeValue<'_>) {
        let shown = shorten(&inline(&convert(value)));
        self.problem(line, format!("`{path}` is {shown}, but must be a table, such as [{path}]"), None);
    }

    fn unknown(&mut self, line: usize, section: &'static Section, path: &str, name: &str) {
        let full = shorten(&join(path, name));
        let hint = suggestion(section, path, name);
        self.problem(line, format!("unknown key `{full}`"), Some(hint));
    }
}

/// Says what somebody who wrote an unknown key may have meant.
pub(super) fn suggestion(section: &'static Section, path: &str, name: &str) -> String {
    let known = || section.keys.iter().map(|key| key.name);
    if let Some(nearest) = nearest(name, known()) {
        return format!("the nearest known key is `{}`", join(path, nearest));
    }
    let elsewhere = ROOT.keys.iter().find_map(|key| match &key.shape {
        Shape::Table(section) => section.key(name).map(|found| join(key.name, found.name)),
        _ => None,
    });
    match elsewhere {
        Some(elsewhere) => format!("there is a key of that name elsewhere: `{elsewhere}`"),
        None => format!("the keys here are {}", known().collect::<Vec<_>>().join(", ")),
    }
}

/// Forgets where a value stands.
fn convert(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        // A number that does not fit is kept as it was written, for the error.
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.to_string()), Value::Integer),
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| Value::String(number.to_string()), Value::Float)
        }
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| convert(item.get_ref())).collect()),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), convert(value.get_ref())));
            Value::Table(entries.collect())
        }
    }
}

/// Finds the line of an offset.
struct Lines<'a> {
    text: &'a str,
    /// Where each line starts.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Gives the line of an offset, counted from 1.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset).max(1)
    }

    /// Gives line and column, counted from 1, and the line's text.
    fn at(&self, offset: usize) -> (usize, usize, &'a str) {
        let line = self.line(offset);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let text = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let before = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, before + 1, text)
    }
}
