//! Ansible inventories: the hosts and groups in them, and how hosts are reached.
//!
//! What is obeyed is obeyed in Ansible's own order of strength: what the file says of all, `group_vars/all`, what the file says of other groups,
//! parents before children, `group_vars` of those, what it says of the host, `host_vars`. Hosts are in the order in which Ansible goes through a
//! group: its own, then those of its children, breadth first.

mod beside;
mod ini;
pub(super) mod list;
mod reach;
mod words;
mod yaml;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;

use reach::{Variables, port_of};

use super::error::InventoryError;
use super::graph::parts_first;
use super::lines::{entry, lines, read, too_many_hosts};
use crate::expr::GroupName;
use crate::model::{Address, HostId};

/// Members of all groups together; only nested groups that repeat everything get near it.
const MOST_MEMBERSHIPS: usize = 20_000_000;

/// What an inventory says.
#[derive(Debug, Default)]
pub(super) struct Ansible {
    /// Every host, in the order in which Ansible goes through `all`.
    pub(super) hosts: Vec<HostId>,
    /// Its groups with their hosts, children's included; `all` and `ungrouped` are always among them.
    pub(super) sections: Vec<(String, Vec<HostId>)>,
    /// How hosts are reached, where it says so.
    pub(super) addresses: HashMap<HostId, Address>,
    /// What it says and is not obeyed, with the hosts that it says it of; none for a file as a whole.
    pub(super) passed_over: Vec<(String, Vec<HostId>)>,
}

/// Says where an inventory comes from, for its errors and for what is beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The file, or the command.
    pub(super) origin: &'a str,
    /// The folder that may have `group_vars` and `host_vars`; none where Ansible has read those already.
    pub(super) beside: Option<&'a Path>,
}

/// Reads an inventory for the group `name`.
pub(super) fn read_inventory(path: &Path, name: &GroupName) -> Result<Ansible, InventoryError> {
    if path.is_dir() {
        return Err(InventoryError::Document {
            origin: path.display().to_string(),
            reason: "this is a folder of inventories; let Ansible put them together, with \
                     `{ command = [\"ansible-inventory\", \"-i\", …, \"--list\"] }`"
                .to_owned(),
        });
    }
    let bytes = read(path)?;
    let origin = path.display().to_string();
    let place = Place { origin: &origin, beside: path.parent() };
    let inventory =
        if is_yaml(path, &origin, &bytes)? { yaml::parse(&place, &bytes) } else { ini::parse(&place, &bytes) }?;
    without_namesake(inventory, &origin, name)
}

/// Refuses a group that is called like the whole and is not all of it.
pub(super) fn without_namesake(inventory: Ansible, origin: &str, name: &GroupName) -> Result<Ansible, InventoryError> {
    let namesake = inventory.sections.iter().find(|(section, _)| section == name.as_str());
    if namesake.is_some_and(|(_, members)| members.len() != inventory.hosts.len()) {
        return Err(InventoryError::Document {
            origin: origin.to_owned(),
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

/// Collects what a source says, whatever its format.
#[derive(Default)]
struct Builder {
    known: HashSet<HostId>,
    groups: Vec<AnsibleGroup>,
    families: HashSet<(usize, usize)>,
    index: HashMap<String, usize>,
    variables: HashMap<HostId, Variables>,
}

#[derive(Default)]
struct AnsibleGroup {
    name: String,
    hosts: Vec<HostId>,
    children: Vec<usize>,
    variables: Variables,
}

impl Builder {
    fn group(&mut self, name: &str) -> usize {
        if let Some(&index) = self.index.get(name) {
            return index;
        }
        let index = self.groups.len();
        self.groups.push(AnsibleGroup { name: name.to_owned(), ..AnsibleGroup::default() });
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

    /// Adds the hosts of a pattern to a group, and what is said of them.
    fn hosts<'a>(
        &mut self,
        group: usize,
        pattern: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), String> {
        let (pattern, port) = split_port(pattern);
        port.map(port_of).transpose()?;
        let mut said: Variables = port.map(|port| ("ansible_port".to_owned(), port.to_owned())).into_iter().collect();
        said.extend(about_ansible(variables));
        // What is wrong is told where it is written.
        reach::address(&said)?;
        for host in entry(pattern)? {
            if !said.is_empty() {
                self.variables.entry(host.clone()).or_default().extend(said.clone());
            }
            self.add(group, host);
        }
        Ok(())
    }

    /// Adds a host by its name alone.
    fn host(&mut self, group: usize, name: &str) -> Result<(), String> {
        let host = HostId::new(name).map_err(|error| error.to_string())?;
        self.add(group, host);
        Ok(())
    }

    fn add(&mut self, group: usize, host: HostId) {
        self.known.insert(host.clone());
        if let Some(group) = self.groups.get_mut(group) {
            group.hosts.push(host);
        }
    }

    fn set_host<'a>(
        &mut self,
        name: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), String> {
        let host = HostId::new(name).map_err(|error| error.to_string())?;
        self.variables.entry(host).or_default().extend(about_ansible(variables));
        Ok(())
    }

    fn set_group(&mut self, group: usize, name: &str, value: &str) {
        if let Some(group) = self.groups.get_mut(group) {
            group.variables.extend(about_ansible([(name, value)]));
        }
    }

    fn finish(mut self, place: &Place<'_>) -> Result<Ansible, InventoryError> {
        too_many_hosts(place.origin, self.known.len())?;
        let document = |reason: String| InventoryError::Document { origin: place.origin.to_owned(), reason };
        let ungrouped = self.group("ungrouped");
        let all = self.group("all");
        let children: Vec<Vec<usize>> = self.groups.iter().map(|group| group.children.clone()).collect();
        parts_first(&children)
            .map_err(|cycle| document(format!("groups are children of each other: {}", self.names(&cycle))))?;
        // Every group is in `all`, and what is in no group of its own is ungrouped.
        let has_parent: HashSet<usize> = children.iter().flatten().copied().collect();
        self.child(all, ungrouped);
        for group in 0..self.groups.len() {
            if group != all && !has_parent.contains(&group) {
                self.child(all, group);
            }
        }
        if let Some(group) = self.groups.get_mut(all)
            && let Some(place) = group.children.iter().position(|&child| child == ungrouped)
        {
            // Ansible has it before all others.
            let ungrouped = group.children.remove(place);
            group.children.insert(0, ungrouped);
        }
        let members = self.members(place)?;
        let addressed = self.addresses(place, &members, all)?;
        let grouped: HashSet<&HostId> = self
            .groups
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != all && *index != ungrouped)
            .flat_map(|(_, group)| &group.hosts)
            .collect();
        let hosts = members.get(all).cloned().unwrap_or_default();
        let lonely: Vec<HostId> = hosts.iter().filter(|host| !grouped.contains(host)).cloned().collect();
        let mut sections = vec![("all".to_owned(), hosts.clone()), ("ungrouped".to_owned(), lonely)];
        let (addresses, passed_over) = addressed;
        let named = self.groups.into_iter().zip(members).map(|(group, members)| (group.name, members));
        sections.extend(named.filter(|(name, _)| !matches!(name.as_str(), "all" | "ungrouped")));
        Ok(Ansible { hosts, sections, addresses, passed_over })
    }

    /// Gives the hosts of each group, breadth first.
    fn members(&self, place: &Place<'_>) -> Result<Vec<Vec<HostId>>, InventoryError> {
        let mut members = Vec::with_capacity(self.groups.len());
        let mut cost = 0_usize;
        for start in 0..self.groups.len() {
            let mut seen_groups = HashSet::from([start]);
            let mut queue = VecDeque::from([start]);
            let (mut seen, mut mine) = (HashSet::new(), Vec::new());
            while let Some(group) = queue.pop_front().and_then(|index| self.groups.get(index)) {
                for host in &group.hosts {
                    if seen.insert(host) {
                        mine.push(host.clone());
                    }
                }
                queue.extend(group.children.iter().copied().filter(|&child| seen_groups.insert(child)));
                cost = cost.saturating_add(1 + group.hosts.len() + group.children.len());
                if cost > MOST_MEMBERSHIPS {
                    return Err(InventoryError::TooLarge {
                        origin: place.origin.to_owned(),
                        most: format!("{MOST_MEMBERSHIPS} memberships of hosts in groups"),
                    });
                }
            }
            members.push(mine);
        }
        Ok(members)
    }

    /// Puts the variables of each host together, the stronger over the weaker, and makes addresses of them.
    #[expect(clippy::type_complexity, reason = "both halves are fields of `Ansible`")]
    fn addresses(
        &self,
        place: &Place<'_>,
        members: &[Vec<HostId>],
        all: usize,
    ) -> Result<(HashMap<HostId, Address>, Vec<(String, Vec<HostId>)>), InventoryError> {
        let folder = |name: &str| match place.beside {
            Some(folder) => beside::variables(&folder.join(name)),
            None => Ok(beside::Beside::default()),
        };
        let (of_groups, of_hosts) = (folder("group_vars")?, folder("host_vars")?);
        let mut variables: HashMap<HostId, Variables> = HashMap::new();
        let mut say = |group: usize, said: &Variables| {
            for host in members.get(group).into_iter().flatten().filter(|_| !said.is_empty()) {
                variables.entry(host.clone()).or_default().extend(said.clone());
            }
        };
        let order = self.weakest_first(all);
        let (whole, others) = order.split_first().map_or((all, [].as_slice()), |(whole, others)| (*whole, others));
        let file = |group: usize| self.groups.get(group).map(|group| &group.variables);
        let besides = |group: usize| self.groups.get(group).and_then(|group| of_groups.variables.get(&group.name));
        for part in [std::slice::from_ref(&whole), others] {
            part.iter().for_each(|&group| file(group).into_iter().for_each(|said| say(group, said)));
            part.iter().for_each(|&group| besides(group).into_iter().for_each(|said| say(group, said)));
        }
        for (host, said) in self.variables.iter().filter(|(host, _)| self.known.contains(*host)) {
            variables.entry(host.clone()).or_default().extend(said.clone());
        }
        for (name, said) in &of_hosts.variables {
            // A file of another name than a host's is nobody's here.
            if let Some(host) = HostId::new(name).ok().filter(|host| self.known.contains(host)) {
                variables.entry(host).or_default().extend(said.clone());
            }
        }
        let mut addresses = HashMap::new();
        let mut passed_over: Vec<(String, Vec<HostId>)> = Vec::new();
        for host in members.get(all).into_iter().flatten() {
            let Some(variables) = variables.get(host) else { continue };
            let (address, told) = reach::address(variables).map_err(|reason| InventoryError::Document {
                origin: place.origin.to_owned(),
                reason: format!("{host}: {reason}"),
            })?;
            if !address.is_empty() {
                addresses.insert(host.clone(), address);
            }
            for text in told {
                match passed_over.iter_mut().find(|(known, _)| *known == text) {
                    Some((_, hosts)) => hosts.push(host.clone()),
                    None => passed_over.push((text, vec![host.clone()])),
                }
            }
        }
        for path in of_groups.encrypted.iter().chain(&of_hosts.encrypted) {
            let text = format!("{} is encrypted: what it says of how hosts are reached is not obeyed", path.display());
            passed_over.push((text, Vec::new()));
        }
        Ok((addresses, passed_over))
    }

    /// Orders groups as Ansible does for their variables: by depth, priority and name; `all` is the weakest.
    fn weakest_first(&self, all: usize) -> Vec<usize> {
        let mut depth = vec![0_usize; self.groups.len()];
        let children: Vec<Vec<usize>> = self.groups.iter().map(|group| group.children.clone()).collect();
        // Wholes before their parts, so that each depth is known before it is needed.
        for group in parts_first(&children).unwrap_or_default().into_iter().rev() {
            let below = depth.get(group).copied().unwrap_or_default() + 1;
            for &child in children.get(group).into_iter().flatten() {
                if let Some(depth) = depth.get_mut(child) {
                    *depth = below.max(*depth);
                }
            }
        }
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by_key(|&index| {
            let group = self.groups.get(index);
            let priority = group.and_then(|group| group.variables.get("ansible_group_priority"));
            let priority: i64 = priority.and_then(|priority| priority.parse().ok()).unwrap_or(1);
            let name = group.map(|group| group.name.as_str());
            (index != all, depth.get(index).copied().unwrap_or_default(), priority, name)
        });
        order
    }

    fn names(&self, path: &[usize]) -> String {
        let names: Vec<&str> =
            path.iter().filter_map(|&index| self.groups.get(index)).map(|group| group.name.as_str()).collect();
        names.join(" → ")
    }
}

/// Keeps the variables that Ansible itself obeys; the others are of no concern.
fn about_ansible<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Variables {
    let about = variables.into_iter().filter(|(name, _)| name.starts_with("ansible_"));
    about.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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
