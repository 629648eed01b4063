use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::ansible::{self, Ansible};
use super::error::InventoryError;
use super::graph::parts_first;
use super::source::GroupSource;
use super::{command, lines};
use crate::expr::{Expression, GroupName, nearest};
use crate::model::{Address, HostId};

/// The groups of a configuration and their hosts, read as they are needed.
#[derive(Debug)]
pub struct Inventory {
    folder: PathBuf,
    groups: Vec<NamedGroup>,
    index: HashMap<GroupName, usize>,
    everything: OnceLock<Result<Vec<HostId>, InventoryError>>,
    memberships: OnceLock<Result<HashMap<HostId, Vec<GroupName>>, InventoryError>>,
}

#[derive(Debug)]
struct NamedGroup {
    name: GroupName,
    source: GroupSource,
    /// The groups that an `any` is made of; whether a section exists is known when its inventory is read.
    parts: Vec<GroupName>,
    members: OnceLock<Result<Members, InventoryError>>,
}

/// What was read for a group.
#[derive(Debug, Default)]
struct Members {
    hosts: Vec<HostId>,
    sections: Vec<(GroupName, Vec<HostId>)>,
    addresses: HashMap<HostId, Address>,
    passed_over: Vec<(String, Vec<HostId>)>,
}

impl Inventory {
    /// Makes an inventory of groups, in their order; relative paths start at `folder`, the configuration file's.
    ///
    /// Nothing is read and nothing is run yet.
    ///
    /// # Errors
    ///
    /// When a name is there twice or is no plain name, or an `any` names no group, or groups are made of each other.
    pub fn load(
        groups: impl IntoIterator<Item = (GroupName, GroupSource)>,
        folder: &Path,
    ) -> Result<Self, InventoryError> {
        let mut inventory = Self {
            folder: folder.to_owned(),
            groups: Vec::new(),
            index: HashMap::new(),
            everything: OnceLock::new(),
            memberships: OnceLock::new(),
        };
        for (name, source) in groups {
            if name.section().is_some() {
                let reason = "a colon stands between an Ansible inventory and its group; leave it out".to_owned();
                return Err(InventoryError::Name(reason).of(&name));
            }
            if inventory.index.insert(name.clone(), inventory.groups.len()).is_some() {
                return Err(InventoryError::Again.of(&name));
            }
            let parts = match &source {
                GroupSource::Any(parts) => parts.clone(),
                _ => Vec::new(),
            };
            inventory.groups.push(NamedGroup { name, source, parts, members: OnceLock::new() });
        }
        inventory.check_parts()?;
        Ok(inventory)
    }

    fn check_parts(&self) -> Result<(), InventoryError> {
        let mut parts = Vec::new();
        for group in &self.groups {
            let mut indices = Vec::new();
            for part in &group.parts {
                indices.push(self.position(part).ok_or_else(|| self.no_such_part(part).of(&group.name))?);
            }
            parts.push(indices);
        }
        parts_first(&parts).map(drop).map_err(|cycle| {
            let names: Vec<String> = cycle
                .iter()
                .filter_map(|&index| self.groups.get(index))
                .map(|group| format!("@{}", group.name))
                .collect();
            InventoryError::Cycle(names.join(" → "))
        })
    }

    /// Gives the place of a group, or of the inventory that a section belongs to.
    fn position(&self, name: &GroupName) -> Option<usize> {
        self.index.get(name.outer()).copied()
    }

    fn no_such_part(&self, part: &GroupName) -> InventoryError {
        let near = nearest(part.as_str(), self.names().map(GroupName::as_str));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean \"@{near}\"?"));
        InventoryError::NoSuchPart { part: part.clone(), hint }
    }

    /// Runs the commands of the groups that an expression may name, so that nothing blocks on them afterwards; what cannot be read
    /// is told when it is asked for.
    ///
    /// Dropping the future ends the command that runs.
    pub async fn gather(&self, expression: &Expression) {
        let Some(needed) = expression.groups() else {
            return self.gather_all().await;
        };
        let mut needed: Vec<&str> = needed.into_iter().map(GroupName::outer).collect();
        let mut at = 0;
        while let Some(name) = needed.get(at) {
            at += 1;
            let Some(group) = self.index.get(*name).and_then(|index| self.groups.get(*index)) else { continue };
            for part in group.parts.iter().map(GroupName::outer) {
                if !needed.contains(&part) {
                    needed.push(part);
                }
            }
        }
        for group in self.groups.iter().filter(|group| needed.contains(&group.name.as_str())) {
            self.run_command(group).await;
        }
    }

    /// As [`Inventory::gather`], of every group.
    pub async fn gather_all(&self) {
        for group in &self.groups {
            self.run_command(group).await;
        }
    }

    async fn run_command(&self, group: &NamedGroup) {
        if let (GroupSource::Command { argv, timeout }, None) = (&group.source, group.members.get()) {
            let printed = command::printed(argv, *timeout, &self.folder).await;
            let members = printed.and_then(|printed| of_command(&group.name, printed));
            // Whoever asked at the same time may have been first; both got the same answer.
            drop(group.members.set(members.map_err(|error| error.of(&group.name))));
        }
    }

    /// Gives the names of the groups, in the configuration's order.
    pub fn names(&self) -> impl Iterator<Item = &GroupName> {
        self.groups.iter().map(|group| &group.name)
    }

    /// Gives the hosts of a group, or of a section of an Ansible inventory; `None` when there is no such group.
    ///
    /// # Errors
    ///
    /// When the group cannot be read.
    pub fn group(&self, name: &GroupName) -> Result<Option<&[HostId]>, InventoryError> {
        let Some(group) = self.position(name).and_then(|index| self.groups.get(index)) else {
            return Ok(None);
        };
        let members = self.members(group)?;
        if name.section().is_none() {
            return Ok(Some(&members.hosts));
        }
        Ok(members.sections.iter().find(|(section, _)| section == name).map(|(_, hosts)| hosts.as_slice()))
    }

    /// Gives every host in every group.
    ///
    /// # Errors
    ///
    /// When a group cannot be read.
    pub fn hosts(&self) -> Result<&[HostId], InventoryError> {
        let everything = self.everything.get_or_init(|| {
            let mut union = Union::default();
            for group in &self.groups {
                union.add(&self.members(group)?.hosts);
            }
            Ok(union.hosts)
        });
        everything.as_deref().map_err(Clone::clone)
    }

    /// Gives the groups that a host is in, sections of Ansible inventories included, in the configuration's order.
    ///
    /// # Errors
    ///
    /// When a group cannot be read: whether the host is in it is then not known.
    pub fn groups_of(&self, host: &HostId) -> Result<&[GroupName], InventoryError> {
        let memberships = self.memberships.get_or_init(|| {
            let mut memberships: HashMap<HostId, Vec<GroupName>> = HashMap::new();
            for group in &self.groups {
                let members = self.members(group)?;
                let sections = members.sections.iter().map(|(name, hosts)| (name, hosts));
                for (name, hosts) in std::iter::once((&group.name, &members.hosts)).chain(sections) {
                    for host in hosts {
                        memberships.entry(host.clone()).or_default().push(name.clone());
                    }
                }
            }
            Ok(memberships)
        });
        let memberships = memberships.as_ref().map_err(Clone::clone)?;
        Ok(memberships.get(host).map(Vec::as_slice).unwrap_or_default())
    }

    /// Gives how hosts are reached, where inventories say so.
    ///
    /// Every Ansible inventory is read for it, whether or not an expression named it: a release must not go where the inventory does not mean.
    /// A command that nobody asked for is not run.
    ///
    /// # Errors
    ///
    /// When an inventory cannot be read, or two of them say different things of a host.
    pub fn addresses(&self) -> Result<HashMap<HostId, Address>, InventoryError> {
        let mut addresses: HashMap<HostId, (Address, &GroupName)> = HashMap::new();
        for group in &self.groups {
            for (host, address) in self.members_told(group)?.into_iter().flat_map(|members| &members.addresses) {
                match addresses.get(host) {
                    Some((known, first)) if known != address => {
                        let (first, second) = ((*first).clone(), group.name.clone());
                        return Err(InventoryError::Contradiction { host: host.clone(), first, second });
                    }
                    Some(_) => {}
                    None => {
                        addresses.insert(host.clone(), (address.clone(), &group.name));
                    }
                }
            }
        }
        Ok(addresses.into_iter().map(|(host, (address, _))| (host, address)).collect())
    }

    /// Gives what inventories say and is not obeyed: the group, a sentence, and the hosts that it is said of.
    ///
    /// # Errors
    ///
    /// When an inventory cannot be read.
    pub fn passed_over(&self) -> Result<Vec<(GroupName, String, Vec<HostId>)>, InventoryError> {
        let mut told = Vec::new();
        for group in &self.groups {
            let members = self.members_told(group)?;
            let passed_over = members.into_iter().flat_map(|members| &members.passed_over);
            told.extend(passed_over.map(|(text, hosts)| (group.name.clone(), text.clone(), hosts.clone())));
        }
        Ok(told)
    }

    /// Gives the members of a group that says how hosts are reached; none of a command that nobody asked for.
    fn members_told<'a>(&'a self, group: &'a NamedGroup) -> Result<Option<&'a Members>, InventoryError> {
        match group.source {
            GroupSource::Ansible(_) => self.members(group).map(Some),
            _ => Ok(group.members.get().and_then(|members| members.as_ref().ok())),
        }
    }

    fn members<'a>(&'a self, group: &'a NamedGroup) -> Result<&'a Members, InventoryError> {
        group
            .members
            .get_or_init(|| self.read(group).map_err(|error| error.of(&group.name)))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn read(&self, group: &NamedGroup) -> Result<Members, InventoryError> {
        let hosts = match &group.source {
            GroupSource::File(path) => lines::read_list(&self.folder.join(path))?,
            GroupSource::Hosts(entries) => listed(entries)?,
            GroupSource::Command { argv, timeout } => {
                return of_command(&group.name, command::printed_now(argv, *timeout, &self.folder)?);
            }
            GroupSource::Ansible(path) => {
                let inventory = ansible::read_inventory(&self.folder.join(path), &group.name)?;
                return Ok(of_ansible(&group.name, inventory));
            }
            GroupSource::Any(_) => {
                let mut union = Union::default();
                for part in &group.parts {
                    union.add(self.group(part)?.ok_or_else(|| self.no_such_part(part))?);
                }
                union.hosts
            }
        };
        Ok(Members { hosts, ..Members::default() })
    }
}

fn of_command(name: &GroupName, printed: command::Printed) -> Result<Members, InventoryError> {
    match printed {
        command::Printed::Hosts(hosts) => Ok(Members { hosts, ..Members::default() }),
        command::Printed::Inventory { origin, inventory } => {
            ansible::without_namesake(inventory, &origin, name).map(|inventory| of_ansible(name, inventory))
        }
    }
}

fn of_ansible(name: &GroupName, inventory: Ansible) -> Members {
    let Ansible { hosts, sections, addresses, passed_over } = inventory;
    let sections = sections.into_iter().filter_map(|(section, hosts)| {
        // A section whose name cannot be written in an expression cannot be asked for either.
        GroupName::new(&format!("{name}:{section}")).ok().map(|name| (name, hosts))
    });
    Members { hosts, sections: sections.collect(), addresses, passed_over }
}

/// Hosts in the order they came, each once.
#[derive(Default)]
pub(super) struct Union {
    pub(super) hosts: Vec<HostId>,
    seen: HashSet<HostId>,
}

impl Union {
    pub(super) fn add<'a>(&mut self, hosts: impl IntoIterator<Item = &'a HostId>) {
        for host in hosts {
            if self.seen.insert(host.clone()) {
                self.hosts.push(host.clone());
            }
        }
    }
}

/// Gives the hosts of a `hosts = […]` list.
fn listed(entries: &[String]) -> Result<Vec<HostId>, InventoryError> {
    let mut hosts = Vec::new();
    let mut first_entry: HashMap<HostId, &str> = HashMap::new();
    for entry in entries {
        let these =
            lines::entry(entry.trim()).map_err(|reason| InventoryError::Entry { entry: entry.clone(), reason })?;
        for host in these {
            if let Some(first) = first_entry.insert(host.clone(), entry) {
                let first = first.to_owned();
                return Err(InventoryError::ListedTwice { host, first, second: entry.clone() });
            }
            hosts.push(host);
        }
        lines::too_many_hosts("its list of hosts", hosts.len())?;
    }
    Ok(hosts)
}
