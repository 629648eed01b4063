//! What the language promises, by example and by law.

mod laws;
mod mistakes;
mod scale;
mod tables;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Expression, GroupName, ResolveError, Universe, UniverseError};
use crate::model::HostId;

/// A universe out of a table.
#[derive(Default)]
struct Fleet {
    hosts: Vec<HostId>,
    groups: BTreeMap<String, Vec<HostId>>,
}

impl Fleet {
    fn new(hosts: &str) -> Self {
        Self { hosts: hosts_of(hosts), groups: BTreeMap::new() }
    }

    fn group(mut self, name: &str, hosts: &str) -> Self {
        self.groups.insert(name.to_owned(), hosts_of(hosts));
        self
    }

    fn resolve(&self, expression: &str) -> Result<String, ResolveError> {
        let hosts = Expression::new(expression).unwrap().resolve(self)?;
        Ok(hosts.iter().map(HostId::as_str).collect::<Vec<_>>().join(" "))
    }

    fn refusal(&self, expression: &str) -> String {
        self.resolve(expression).unwrap_err().to_string()
    }
}

impl Universe for Fleet {
    fn hosts(&self) -> &[HostId] {
        &self.hosts
    }

    fn groups(&self) -> Vec<GroupName> {
        self.groups.keys().map(|name| GroupName::new(name).unwrap()).collect()
    }

    fn group(&self, name: &GroupName) -> Result<Option<&[HostId]>, UniverseError> {
        if name.as_str() == "broken" {
            return Err(Arc::new(io::Error::other("the query failed")));
        }
        Ok(self.groups.get(name.as_str()).map(Vec::as_slice))
    }

    fn file(&self, path: &Path) -> Result<Vec<HostId>, UniverseError> {
        match path.to_str() {
            Some("./two") => Ok(hosts_of("mw03 mw01")),
            Some("./strange") => Ok(hosts_of("mw01 zz1 zz2")),
            _ => Err(Arc::new(io::Error::from(io::ErrorKind::NotFound))),
        }
    }
}

/// Makes hosts of names with blanks between them.
fn hosts_of(names: &str) -> Vec<HostId> {
    names.split_whitespace().map(|name| HostId::new(name).unwrap()).collect()
}

fn expand(expression: &str) -> String {
    let hosts = Expression::new(expression).unwrap().expand().unwrap();
    hosts.iter().map(HostId::as_str).collect::<Vec<_>>().join(" ")
}
