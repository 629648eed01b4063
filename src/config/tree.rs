//! The merged configuration before it has types: each value with its origin.

use indexmap::IndexMap;
use toml::Value;

use super::error::{Place, Problem};
use super::leaf::{bare, inline};
use super::origin::Origin;
use super::schema::{Key, Named, Presence, Section, Shape};

/// Holds a value, a table or a list of tables, with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Leaf { value: Value, origin: Origin },
    Table(Table),
    List { items: Vec<Table>, origin: Origin },
}

/// Holds the entries of a table, in the order in which they were written: that of groups is the inventory's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) entries: IndexMap<String, Node>,
    pub(super) origin: Origin,
}

impl Node {
    fn to_value(&self) -> Value {
        match self {
            Self::Leaf { value, .. } => value.clone(),
            Self::Table(table) => table.to_value(),
            Self::List { items, .. } => Value::Array(items.iter().map(Table::to_value).collect()),
        }
    }
}

impl Table {
    pub(super) fn new(origin: Origin) -> Self {
        Self { entries: IndexMap::new(), origin }
    }

    pub(super) fn to_value(&self) -> Value {
        Value::Table(self.entries.iter().map(|(key, node)| (key.clone(), node.to_value())).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.get(key)
    }

    pub(super) fn table(&self, key: &str) -> Option<&Self> {
        match self.entries.get(key) {
            Some(Node::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// Gives the tables behind a key, in order, with their names.
    pub(super) fn tables(&self, key: &str) -> impl Iterator<Item = (&str, &Self)> {
        let entries = self.table(key).map(|table| table.entries.iter());
        entries.into_iter().flatten().filter_map(|(name, node)| match node {
            Node::Table(table) => Some((name.as_str(), table)),
            _ => None,
        })
    }

    pub(super) fn list(&self, key: &str) -> &[Self] {
        match self.entries.get(key) {
            Some(Node::List { items, .. }) => items,
            _ => &[],
        }
    }

    pub(super) fn leaf(&self, key: &str) -> Option<(&Value, &Origin)> {
        match self.entries.get(key) {
            Some(Node::Leaf { value, origin }) => Some((value, origin)),
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<(&str, &Origin)> {
        self.leaf(key).and_then(|(value, origin)| Some((value.as_str()?, origin)))
    }

    /// Puts a node at a path, and the tables above it where there are none.
    pub(super) fn insert(&mut self, path: &[String], node: Node) {
        match path {
            [] => {}
            [name] => {
                self.entries.insert(name.clone(), node);
            }
            [name, rest @ ..] => {
                let entry = self.entries.entry(name.clone());
                let inner = entry.or_insert_with(|| Node::Table(Self::new(Origin::Default)));
                if let Node::Table(table) = inner {
                    table.insert(rest, node);
                }
            }
        }
    }

    /// Lays a stronger table over this one, key by key.
    pub(super) fn merge(&mut self, stronger: Self, section: &'static Section) {
        for (name, node) in stronger.entries {
            let shape = section.key(&name).map(|key| &key.shape);
            match (self.entries.get_mut(&name), node, shape) {
                (Some(Node::Table(weaker)), Node::Table(stronger), Some(Shape::Table(section))) => {
                    weaker.merge(stronger, section);
                }
                (Some(Node::Table(weaker)), Node::Table(stronger), Some(Shape::Named(named))) => {
                    weaker.merge_named(stronger, named);
                }
                (_, node, _) => {
                    self.entries.insert(name, node);
                }
            }
        }
        // What is missing is told in the strongest file, never in a variable.
        if matches!(stronger.origin, Origin::File { .. }) {
            self.origin = stronger.origin;
        }
    }

    /// Lays stronger tables over those of the same names; the order is that of the stronger ones, and what is new follows.
    fn merge_named(&mut self, stronger: Self, named: &'static Named) {
        let mut weaker = std::mem::take(&mut self.entries);
        for (name, node) in stronger.entries {
            let merged = match (weaker.shift_remove(&name), node) {
                (Some(Node::Table(mut weaker)), Node::Table(stronger)) if !named.whole => {
                    weaker.merge(stronger, named.section);
                    Node::Table(weaker)
                }
                (_, node) => node,
            };
            self.entries.insert(name, merged);
        }
        self.entries.append(&mut weaker);
    }

    /// Fills in the defaults, and tells which essential keys are missing.
    pub(super) fn fill(&mut self, section: &'static Section, path: &str, problems: &mut Vec<Problem>) {
        for key in section.keys {
            let path = join(path, key.name);
            match (&key.shape, self.entries.get_mut(key.name)) {
                (Shape::Value { presence: Presence::Default(text), .. }, None) => {
                    let value = parse(text);
                    self.entries.insert(key.name.to_owned(), Node::Leaf { value, origin: Origin::Default });
                }
                (Shape::Value { presence: Presence::Essential(example), .. }, None) => {
                    problems.push(missing(self, &path, key, example));
                }
                (Shape::Table(inner), None) => {
                    // What is missing in it is best told where its parent is.
                    let mut table = Self::new(self.origin.clone());
                    table.fill(inner, &path, problems);
                    self.entries.insert(key.name.to_owned(), Node::Table(table));
                }
                (Shape::Table(inner), Some(Node::Table(table))) => table.fill(inner, &path, problems),
                (Shape::Named(named), None) => {
                    problems.extend(named.essential.map(|example| none_of(&self.origin, &path, example)));
                    self.entries.insert(key.name.to_owned(), Node::Table(Self::new(Origin::Default)));
                }
                (Shape::Named(named), Some(Node::Table(tables))) => {
                    if tables.entries.is_empty() {
                        problems.extend(named.essential.map(|example| none_of(&tables.origin, &path, example)));
                    }
                    for (name, node) in &mut tables.entries {
                        if let Node::Table(table) = node {
                            table.fill(named.section, &join(&path, name), problems);
                        }
                    }
                }
                (Shape::List { essential, .. }, None) => {
                    problems.extend(essential.map(|example| none_of(&self.origin, &path, example)));
                    let list = Node::List { items: Vec::new(), origin: Origin::Default };
                    self.entries.insert(key.name.to_owned(), list);
                }
                (Shape::List { section, essential }, Some(Node::List { items, origin })) => {
                    if items.is_empty() {
                        problems.extend(essential.map(|example| none_of(origin, &path, example)));
                    }
                    for (at, item) in items.iter_mut().enumerate() {
                        item.fill(section, &format!("{path}[{at}]"), problems);
                    }
                }
                // What is of the wrong shape was told when its file was read.
                (Shape::Value { .. }, _) | (_, Some(_)) => {}
            }
        }
    }

    /// Visits each value, in the order of the schema, with its full key.
    pub(super) fn visit<'a>(
        &'a self,
        section: &'static Section,
        path: &str,
        visit: &mut impl FnMut(String, &'static Key, &'a Value, &'a Origin),
    ) {
        for key in section.keys {
            let path = join(path, key.name);
            match (&key.shape, self.entries.get(key.name)) {
                (Shape::Value { .. }, Some(Node::Leaf { value, origin })) => visit(path, key, value, origin),
                (Shape::Table(section), Some(Node::Table(table))) => table.visit(section, &path, visit),
                (Shape::Named(named), Some(Node::Table(_))) => {
                    for (name, table) in self.tables(key.name) {
                        table.visit(named.section, &join(&path, name), visit);
                    }
                }
                (Shape::List { section, .. }, Some(Node::List { items, .. })) => {
                    for (at, item) in items.iter().enumerate() {
                        item.visit(section, &format!("{path}[{at}]"), visit);
                    }
                }
                _ => {}
            }
        }
    }

    /// Changes each value that is written, with what the schema says about it.
    pub(super) fn visit_mut(
        &mut self,
        section: &'static Section,
        visit: &mut impl FnMut(&'static Key, &mut Value, &Origin),
    ) {
        for (name, node) in &mut self.entries {
            let Some(key) = section.key(name) else { continue };
            match (&key.shape, node) {
                (Shape::Value { .. }, Node::Leaf { value, origin }) => visit(key, value, origin),
                (Shape::Table(section), Node::Table(table)) => table.visit_mut(section, visit),
                (Shape::Named(named), Node::Table(tables)) => {
                    for node in tables.entries.values_mut() {
                        if let Node::Table(table) = node {
                            table.visit_mut(named.section, visit);
                        }
                    }
                }
                (Shape::List { section, .. }, Node::List { items, .. }) => {
                    items.iter_mut().for_each(|item| item.visit_mut(section, visit));
                }
                _ => {}
            }
        }
    }
}

/// Writes the full name of a key.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { bare(name) } else { format!("{path}.{}", bare(name)) }
}

/// Reads a text of the schema; a test reads every one of them.
pub(super) fn parse(text: &str) -> Value {
    let value = toml::de::ValueDeserializer::parse(text).and_then(serde::Deserialize::deserialize);
    value.unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn missing(table: &Table, path: &str, key: &Key, example: &str) -> Problem {
    let header = path.rsplit_once('.').map_or("", |(header, _)| header);
    let place = Place::from(&table.origin);
    let hint = if header.ends_with(']') {
        format!("write `{} = {}` there ({})", key.name, inline(&parse(example)), key.about)
    } else {
        format!("write `{} = {}` under [{header}] ({})", key.name, inline(&parse(example)), key.about)
    };
    Problem::new(place, format!("`{path}` is missing")).hint(hint)
}

fn none_of(origin: &Origin, path: &str, example: &str) -> Problem {
    let place = Place::from(origin);
    let name = path.split('.').nth(1).unwrap_or("production");
    Problem::new(place, format!("`{path}` has nothing in it"))
        .hint(format!("there must be at least one, such as:\n{}", example.replace("NAME", name)))
}
