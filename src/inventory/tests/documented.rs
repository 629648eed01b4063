//! Random inventories in all three formats, against what Ansible's documentation says of them ("How to build your inventory", "Understanding
//! variable precedence"), worked out in the plainest way.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Folder, Inventory, ansible, group, names, shell};
use crate::model::HostId;

/// One source of a variable: what is set, or nothing.
type Said = Option<u16>;

#[derive(Debug, Clone)]
struct Model {
    /// For each group: its hosts, its children (later groups alone, so that there is no circle), its port and user in the file and beside it.
    groups: Vec<(Vec<usize>, Vec<usize>, [Said; 2])>,
    /// For each host: its port in the file and beside it.
    hosts: Vec<[Said; 2]>,
    /// What is said of all: in the file and beside it.
    all: [Said; 2],
}

const HOSTS: usize = 6;

fn model() -> impl Strategy<Value = Model> {
    let said = || proptest::option::weighted(0.3, 1_u16..=9);
    let pair = move || [said(), said()];
    let of_group =
        move || (proptest::collection::vec(0..HOSTS, 0..4), proptest::collection::vec(0_usize..8, 0..3), pair());
    (proptest::collection::vec(of_group(), 1..6), proptest::collection::vec(pair(), HOSTS), pair()).prop_map(
        |(groups, hosts, all)| {
            let count = groups.len();
            let groups = groups.into_iter().enumerate().map(|(at, (mut members, mut children, said))| {
                children.retain(|&child| child > at && child < count);
                let mut seen = std::collections::HashSet::new();
                members.retain(|&host| seen.insert(host));
                let mut seen = std::collections::HashSet::new();
                children.retain(|&child| seen.insert(child));
                (members, children, said)
            });
            Model { groups: groups.collect(), hosts, all }
        },
    )
}

impl Model {
    fn parents(&self, child: usize) -> Vec<usize> {
        (0..self.groups.len()).filter(|&parent| self.groups[parent].1.contains(&child)).collect()
    }

    /// The longest way from `all`.
    fn depth(&self, group: usize) -> usize {
        1 + self.parents(group).into_iter().map(|parent| self.depth(parent)).max().unwrap_or(0)
    }

    /// Level by level, each group once.
    fn below(&self, start: Vec<usize>) -> Vec<usize> {
        let (mut all, mut level) = (Vec::new(), start);
        while !level.is_empty() {
            level.retain(|group| !all.contains(group));
            let mut seen = Vec::new();
            level.retain(|group| {
                !seen.contains(group) && {
                    seen.push(*group);
                    true
                }
            });
            all.extend(level.clone());
            level = level.iter().flat_map(|&group| self.groups[group].1.clone()).collect();
        }
        all
    }

    fn members(&self, start: Vec<usize>) -> Vec<usize> {
        let mut hosts = Vec::new();
        for host in self.below(start).into_iter().flat_map(|group| self.groups[group].0.clone()) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    fn everybody(&self) -> Vec<usize> {
        let top = (0..self.groups.len()).filter(|&group| self.parents(group).is_empty()).collect();
        self.members(top)
    }

    /// The last word on a host, weakest first: all, then groups from the top down and by name, then the host; files beside after the file.
    fn port(&self, host: usize) -> Said {
        let mut groups: Vec<usize> =
            (0..self.groups.len()).filter(|&group| self.members(vec![group]).contains(&host)).collect();
        groups.sort_by_key(|&group| (self.depth(group), group));
        let said = |side: usize| groups.iter().map(move |&group| self.groups[group].2[side]).collect::<Vec<_>>();
        let mut words = vec![self.all[0], self.all[1]];
        words.extend(said(0));
        words.extend(said(1));
        words.extend(self.hosts[host]);
        words.into_iter().flatten().next_back()
    }

    fn beside(&self, mut folder: Folder) -> Folder {
        let mut add = |name: String, said: Said| {
            if let Some(port) = said {
                folder = std::mem::replace(&mut folder, Folder::new()).with(&name, format!("ansible_port: {port}\n"));
            }
        };
        add("group_vars/all.yml".to_owned(), self.all[1]);
        for (at, group) in self.groups.iter().enumerate() {
            add(format!("group_vars/g{at}"), group.2[1]);
        }
        for (at, host) in self.hosts.iter().enumerate() {
            add(format!("host_vars/h{at}.yaml"), host[1]);
        }
        folder
    }

    fn ini(&self) -> String {
        let mut text = String::new();
        for (at, (members, _, _)) in self.groups.iter().enumerate() {
            writeln!(text, "[g{at}]").unwrap();
            for &host in members {
                match self.hosts[host][0] {
                    // Both ways of writing a port.
                    Some(port) if at % 2 == 0 => writeln!(text, "h{host}:{port}").unwrap(),
                    Some(port) => writeln!(text, "h{host} ansible_port={port}").unwrap(),
                    None => writeln!(text, "h{host}").unwrap(),
                }
            }
        }
        for (at, (_, children, said)) in self.groups.iter().enumerate() {
            writeln!(text, "[g{at}:children]").unwrap();
            children.iter().for_each(|child| writeln!(text, "g{child}").unwrap());
            writeln!(text, "[g{at}:vars]").unwrap();
            said[0].iter().for_each(|port| writeln!(text, "ansible_port = {port}").unwrap());
        }
        writeln!(text, "[all:vars]").unwrap();
        self.all[0].iter().for_each(|port| writeln!(text, "ansible_port={port}").unwrap());
        text
    }

    fn yaml(&self) -> String {
        let mut text = String::new();
        let said = |said: Said| said.map(|port| format!("ansible_port: {port}")).unwrap_or_default();
        for (at, (members, children, vars)) in self.groups.iter().enumerate() {
            let hosts: Vec<String> =
                members.iter().map(|&host| format!("h{host}: {{{}}}", said(self.hosts[host][0]))).collect();
            let children: Vec<String> = children.iter().map(|child| format!("g{child}: ")).collect();
            writeln!(
                text,
                "g{at}: {{hosts: {{{}}}, children: {{{}}}, vars: {{{}}}}}",
                hosts.join(", "),
                children.join(", "),
                said(vars[0])
            )
            .unwrap();
        }
        writeln!(text, "all: {{vars: {{{}}}}}", said(self.all[0])).unwrap();
        text
    }

    /// As `ansible-inventory --list` prints it: every host's variables put together.
    fn list(&self) -> String {
        let list = |names: Vec<String>| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let variables: Vec<String> = (0..HOSTS)
            .map(|host| {
                let said = self.port(host).map(|port| format!("\"ansible_port\": {port}")).unwrap_or_default();
                format!("\"h{host}\": {{{said}}}")
            })
            .collect();
        let mut text = format!("{{\"_meta\": {{\"hostvars\": {{{}}}}}", variables.join(", "));
        for (at, (members, children, _)) in self.groups.iter().enumerate() {
            let hosts = list(members.iter().map(|host| format!("h{host}")).collect());
            let children = list(children.iter().map(|child| format!("g{child}")).collect());
            write!(text, ", \"g{at}\": {{\"hosts\": [{hosts}], \"children\": [{children}]}}").unwrap();
        }
        text + "}"
    }
}

fn shown(hosts: Vec<usize>) -> String {
    hosts.into_iter().map(|host| format!("h{host}")).collect::<Vec<_>>().join(" ")
}

fn check(model: &Model, inventory: &Inventory, what: &str) {
    let members = |name: &str| inventory.group(&group(name)).unwrap().map(names).unwrap_or_default();
    assert_eq!(members("it"), shown(model.everybody()), "{what}: all");
    for at in 0..model.groups.len() {
        assert_eq!(members(&format!("it:g{at}")), shown(model.members(vec![at])), "{what}: g{at}");
    }
    let addresses = inventory.addresses().unwrap();
    for host in model.everybody() {
        let address = addresses.get(&HostId::new(&format!("h{host}")).unwrap());
        assert_eq!(address.and_then(|address| address.port), model.port(host), "{what}: h{host}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn inventories_mean_what_ansible_documents(model in model()) {
        let folder = model.beside(Folder::new()).with("hosts.ini", model.ini()).with("hosts.yml", model.yaml());
        check(&model, &folder.load([("it", ansible("hosts.ini"))]).unwrap(), "INI");
        check(&model, &folder.load([("it", ansible("hosts.yml"))]).unwrap(), "YAML");
        let folder = Folder::new().with("list", model.list());
        check(&model, &folder.load([("it", shell("cat list"))]).unwrap(), "list");
    }
}
