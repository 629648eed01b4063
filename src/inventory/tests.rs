//! Groups from real files and real commands, and what expressions mean among them.

mod ansible;
mod documented;
mod groups;
mod sources;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::{GroupSource, Inventory, InventoryError};
use crate::expr::{Expression, GroupName, ResolveError};
use crate::model::HostId;

/// A configuration's folder with files in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn load<const N: usize>(&self, groups: [(&str, GroupSource); N]) -> Result<Inventory, InventoryError> {
        Inventory::load(groups.map(|(name, source)| (group(name), source)), self.path())
    }

    /// Gives the hosts of one group of one source.
    fn read(&self, source: GroupSource) -> Result<String, InventoryError> {
        let inventory = self.load([("it", source)])?;
        inventory.group(&group("it")).map(|hosts| names(hosts.unwrap()))
    }

    /// Gives the refusal of one group of one source, the folder cut off.
    fn refusal(&self, source: GroupSource) -> String {
        self.read(source).unwrap_err().to_string().replace(&format!("{}/", self.path().display()), "")
    }
}

fn file(name: &str) -> GroupSource {
    GroupSource::File(PathBuf::from(name))
}

fn ansible(name: &str) -> GroupSource {
    GroupSource::Ansible(PathBuf::from(name))
}

fn listed(entries: &[&str]) -> GroupSource {
    GroupSource::Hosts(entries.iter().map(ToString::to_string).collect())
}

fn any(entries: &[&str]) -> GroupSource {
    GroupSource::Any(entries.iter().map(|entry| group(entry.trim_start_matches('@'))).collect())
}

fn shell(script: &str) -> GroupSource {
    shell_within(script, Duration::from_secs(20))
}

fn shell_within(script: &str, timeout: Duration) -> GroupSource {
    GroupSource::Command { argv: ["sh", "-c", script].map(ToOwned::to_owned).to_vec(), timeout }
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn names(hosts: &[HostId]) -> String {
    hosts.iter().map(HostId::as_str).collect::<Vec<_>>().join(" ")
}

fn define(inventory: &Inventory, expression: &str) -> Result<String, ResolveError> {
    inventory.define(&Expression::new(expression).unwrap()).map(|hosts| names(&hosts))
}

fn resolve(inventory: &Inventory, expression: &str) -> Result<String, ResolveError> {
    inventory.resolve(&Expression::new(expression).unwrap(), None).map(|hosts| names(&hosts))
}
