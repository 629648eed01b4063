use std::path::PathBuf;
use std::time::Duration;

use crate::expr::GroupName;

/// Says where the hosts of a group come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupSource {
    /// A dsh file; a relative path starts at the inventory's folder, as everywhere here.
    File(PathBuf),
    /// Hosts, each entry a name, a range, or several with commas between them.
    Hosts(Vec<String>),
    /// A command that prints hosts as a dsh file lists them, or as `ansible-inventory --list` does.
    Command {
        /// The program and its arguments; it runs in the inventory's folder.
        argv: Vec<String>,
        /// How long it may take, from start to end.
        timeout: Duration,
    },
    /// An Ansible inventory, INI or YAML.
    Ansible(PathBuf),
    /// Other groups, or sections of Ansible inventories.
    Any(Vec<GroupName>),
}
