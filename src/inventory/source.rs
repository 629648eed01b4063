use std::path::PathBuf;
use std::time::Duration;

use crate::expr::GroupName;
use crate::model::HostId;

/// Says where the hosts of a group come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupSource {
    /// A dsh file; a relative path starts at the inventory's folder, as everywhere here.
    File(PathBuf),
    /// Hosts, each entry a name, a range, or several with commas between them.
    Hosts(Vec<String>),
    /// A command that prints hosts as a dsh file lists them.
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

/// Says how a host is reached where its name does not: what ssh calls `HostName` and `Port`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The name or address to connect to.
    pub address: Option<HostId>,
    /// The port.
    pub port: Option<u16>,
}
