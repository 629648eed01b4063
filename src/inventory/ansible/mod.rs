//! Ansible inventories: the hosts and groups in them, and how hosts are reached.

mod ini;
mod yaml;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::error::InventoryError;
use super::graph::parts_first;
use super::lines::{entry, lines, read, too_many_hosts};
use super::source::Reach;
use crate::expr::GroupName;
use crate::model::HostId;

/// Members of all groups together; only nested groups that repeat everything get near it.
const MOST_MEMBERSHIPS: usize = 20_000_000;

/// What an inventory says.
#[derive(Debug, Default)]
pub(super) struct Ansible {
    /// Every host, in the order of the file.
    pub(super) hosts: Vec<HostId>,
    /// Its groups with their hosts, children's included; `all` and `ungrouped` are always among them.
    pub(super) sections: Vec<(String, Vec<HostId>)>,
    pub(super) reach: HashMap<HostId, Reach>,
}

/// Reads an inventory for the group `name`.
pub(super) fn read_inventory(path: &Path, name: &GroupName) -> Result<Ansible, InventoryError> {
    let bytes = read(path)?;
    let origin = path.display().to_string();
    let inventory =
        if is_yaml(path, &origin, &bytes)? { yaml::parse(&origin, &bytes) } else { ini::parse(&origin, &bytes) }?;
    let namesake = inventory.sections.iter().find(|(section, _)| section == name.as_str());
    if namesake.is_some_and(|(_, members)| members.len() != inventory.hosts.len()) {
        return Err(InventoryError::Document {
            origin,
            reason: format!(
                "it has a group {name} of its own, and @{name} would be the whole file: give the file another name, as in \
                 `inventory = {{ ansible = … }}`, and make {name} of its group with `{{ any = [\"@inventory:{name}\"] }}`"
            ),
        });
    }
    Ok(inventory)
}

fn is_yaml(path: &Path, origin: &str, bytes: &[u8]) -> Result<bool, InventoryError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    if matches!(extension, Some("yml" | "yaml" | "json")) {
        return Ok(true);
    }
    for line in lines(origin, bytes) {
        // A comment may be in any encoding; whatever else is not UTF-8 is refused by who reads it all.
        let Ok((_, line)) = line else { continue };
        if !line.is_empty() && !line.starts_with(['#', ';']) {
            return Ok(line == "---" || (line.ends_with(':') && !line.starts_with('[')) || line.starts_with('{'));
        }
    }
    Ok(false)
}

/// Collects what a file says, whatever its format.
#[derive(Default)]
struct Builder {
    hosts: Vec<HostId>,
    known: HashSet<HostId>,
    grouped: HashSet<HostId>,
    groups: Vec<Group>,
    families: HashSet<(usize, usize)>,
    index: HashMap<String, usize>,
    reach: HashMap<HostId, Reach>,
}

#[derive(Default)]
struct Group {
    name: String,
    hosts: Vec<HostId>,
    children: Vec<usize>,
}

impl Builder {
    fn group(&mut self, name: &str) -> usize {
        if let Some(&index) = self.index.get(name) {
            return index;
        }
        let index = self.groups.len();
        self.groups.push(Group { name: name.to_owned(), ..Group::default() });
        self.index.insert(name.to_owned(), index);
        index
    }

    fn child(&mut self, parent: usize, child: usize) {
        if self.families.insert((parent, child))
            && let Some(group) = self.groups.get_mut(parent)
        {
            group.children.push(child);
        }
    }

    /// Adds the hosts of a pattern to a group, and what is said of how they are reached.
    fn hosts<'a>(
        &mut self,
        group: usize,
        pattern: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), String> {
        let (pattern, port) = split_port(pattern);
        let mut reach = Reach { port: port.map(port_of).transpose()?, address: None };
        for (variable, value) in variables {
            match variable {
                "ansible_host" | "ansible_ssh_host" => {
                    reach.address = Some(HostId::new(value).map_err(|error| format!("{variable}: {error}"))?);
                }
                "ansible_port" | "ansible_ssh_port" => {
                    reach.port = Some(port_of(value).map_err(|error| format!("{variable}: {error}"))?);
                }
                _ => {}
            }
        }
        for host in entry(pattern)? {
            if self.known.insert(host.clone()) {
                self.hosts.push(host.clone());
            }
            if reach != Reach::default() {
                let known = self.reach.entry(host.clone()).or_default();
                known.port = reach.port.or(known.port);
                known.address = reach.address.clone().or_else(|| known.address.take());
            }
            if let Some(group) = self.groups.get_mut(group) {
                if !matches!(group.name.as_str(), "all" | "ungrouped") {
                    self.grouped.insert(host.clone());
                }
                group.hosts.push(host);
            }
        }
        Ok(())
    }

    fn finish(self, origin: &str) -> Result<Ansible, InventoryError> {
        too_many_hosts(origin, self.hosts.len())?;
        let children: Vec<Vec<usize>> = self.groups.iter().map(|group| group.children.clone()).collect();
        let order = parts_first(&children).map_err(|cycle| InventoryError::Document {
            origin: origin.to_owned(),
            reason: format!("groups are children of each other: {}", self.names(&cycle)),
        })?;
        let mut members: Vec<Vec<HostId>> = vec![Vec::new(); self.groups.len()];
        let mut memberships = 0;
        for index in order {
            let Some(group) = self.groups.get(index) else { continue };
            let mut seen = HashSet::new();
            let inherited = group.children.iter().filter_map(|&child| members.get(child)).flatten();
            let mine: Vec<HostId> =
                group.hosts.iter().chain(inherited).filter(|host| seen.insert((*host).clone())).cloned().collect();
            memberships += mine.len();
            if memberships > MOST_MEMBERSHIPS {
                return Err(InventoryError::TooLarge {
                    origin: origin.to_owned(),
                    most: format!("{MOST_MEMBERSHIPS} memberships of hosts in groups"),
                });
            }
            if let Some(members) = members.get_mut(index) {
                *members = mine;
            }
        }
        let ungrouped = self.hosts.iter().filter(|host| !self.grouped.contains(*host)).cloned().collect();
        let mut sections = vec![("all".to_owned(), self.hosts.clone()), ("ungrouped".to_owned(), ungrouped)];
        let named = self.groups.into_iter().zip(members).map(|(group, members)| (group.name, members));
        sections.extend(named.filter(|(name, _)| !matches!(name.as_str(), "all" | "ungrouped")));
        Ok(Ansible { hosts: self.hosts, sections, reach: self.reach })
    }

    fn names(&self, path: &[usize]) -> String {
        let names: Vec<&str> =
            path.iter().filter_map(|&index| self.groups.get(index)).map(|group| group.name.as_str()).collect();
        names.join(" → ")
    }
}

/// Takes `:port` off a host pattern: behind a name or in brackets an address, never behind a bare IPv6 address.
fn split_port(pattern: &str) -> (&str, Option<&str>) {
    let Some((host, port)) = pattern.rsplit_once(':') else { return (pattern, None) };
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return (pattern, None);
    }
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'))
        && !address.contains(['[', ']'])
    {
        return (address, Some(port));
    }
    // Colons inside a range's brackets are the range's own; any other means that this is an address.
    let mut inside = false;
    let is_address = host.chars().any(|character| {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        character == ':' && !inside
    });
    if is_address || inside { (pattern, None) } else { (host, Some(port)) }
}

fn port_of(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|&port| port > 0).ok_or_else(|| format!("{text:?} is not a port"))
}

#[cfg(test)]
mod tests {
    use super::split_port;

    #[test]
    fn a_port_is_told_from_a_range_and_from_an_address() {
        for (pattern, host, port) in [
            ("web1", "web1", None),
            ("web1:2222", "web1", Some("2222")),
            ("web[01:10]", "web[01:10]", None),
            ("web[01:10]:22", "web[01:10]", Some("22")),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]:22", "2001:db8::1", Some("22")),
            ("::1", "::1", None),
        ] {
            assert_eq!(split_port(pattern), (host, port), "{pattern}");
        }
    }
}
