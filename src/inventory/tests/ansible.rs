//! Ansible inventories, both formats.

use super::{Folder, Inventory, ansible, any, group, names, resolve};
use crate::model::HostId;

const INI: &str = "\
# comment
; and another
bastion ansible_host=192.0.2.1 note=\"two words\"  # the way in

[web]
web[01:03].example.org
web10.example.org:2222
[web:vars]
this is not read = at all
ansible_user=deploy

[db] # comment
db-[a:c]
db[1:9:4]

[eu:children]
web
asia # a later one
[asia:hosts]
hk1
web01.example.org
[all:vars]
x=1
";

fn members(inventory: &Inventory, name: &str) -> String {
    names(inventory.group(&group(name)).unwrap().unwrap_or_else(|| panic!("there is no {name}")))
}

#[test]
fn an_ini_inventory_gives_its_hosts_and_its_groups() {
    let folder = Folder::new().with("hosts.ini", INI);
    let inventory = folder.load([("lab", ansible("hosts.ini"))]).unwrap();
    let web = "web01.example.org web02.example.org web03.example.org web10.example.org";
    let db = "db-a db-b db-c db1 db5 db9";
    assert_eq!(members(&inventory, "lab"), format!("bastion {web} {db} hk1"));
    assert_eq!(members(&inventory, "lab:all"), members(&inventory, "lab"));
    assert_eq!(members(&inventory, "lab:web"), web);
    assert_eq!(members(&inventory, "lab:db"), db);
    assert_eq!(members(&inventory, "lab:eu"), format!("{web} hk1"));
    assert_eq!(members(&inventory, "lab:asia"), "hk1 web01.example.org");
    assert_eq!(members(&inventory, "lab:ungrouped"), "bastion");
    assert!(inventory.group(&group("lab:nowhere")).unwrap().is_none());
    assert_eq!(resolve(&inventory, "@lab:asia,@lab:db!db*").unwrap(), "web01.example.org hk1");
}

#[test]
fn what_a_host_is_reached_by_is_kept() {
    let folder = Folder::new().with("hosts.ini", INI);
    let inventory = folder.load([("lab", ansible("hosts.ini"))]).unwrap();
    inventory.hosts().unwrap();
    let reach = |name: &str| inventory.reach_of(&HostId::new(name).unwrap()).cloned();
    assert_eq!(reach("bastion").unwrap().address, Some(HostId::new("192.0.2.1").unwrap()));
    assert_eq!(reach("web10.example.org").unwrap().port, Some(2222));
    assert_eq!(reach("hk1"), None);
}

#[test]
fn an_ini_line_that_cannot_be_read_is_refused_by_line() {
    for (content, line, reason) in [
        ("[web]\nok\nweb1 web2\n", 3, "variable=value"),
        ("[web]\nuser@web1\n", 2, "target.user"),
        ("[we b]\nx\n", 1, "blanks"),
        ("[web:kids]\nx\n", 1, "[group:children]"),
        ("[]\n", 1, "does not name a group"),
        ("[web]\nx\n[all:children]\nweb\ndb\n", 5, "no group [db]"),
        ("[db:vars]\nx=1\n", 1, "no group [db]"),
        ("[web]\nx note='half\n", 2, "never closed"),
        ("[web]\nx ansible_host=\"{{ ip }}\"\n", 2, "ansible_host"),
        ("[web]\nx ansible_host=-oProxyCommand=id\n", 2, "ansible_host"),
        ("[web]\nx ansible_port=99999\n", 2, "not a port"),
        ("[web]\nx:0\n", 2, "not a port"),
        ("[web]\nweb[3:1]\n", 2, "counts down"),
        ("[web]\nweb*\n", 2, "not a host's name"),
        ("[web\nx\n", 1, "variable=value"),
    ] {
        let refusal = Folder::new().with("hosts.ini", content).refusal(ansible("hosts.ini"));
        if content.starts_with("[web\n") {
            assert!(refusal.starts_with("group it: hosts.ini:1: "), "{refusal}");
            continue;
        }
        assert!(refusal.starts_with(&format!("group it: hosts.ini:{line}: ")), "{content:?}: {refusal}");
        assert!(refusal.contains(reason), "{content:?}: {refusal}");
    }
}

#[test]
fn groups_that_are_their_own_children_are_named() {
    let content = "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n";
    let refusal = Folder::new().with("hosts.ini", content).refusal(ansible("hosts.ini"));
    assert_eq!(refusal, "group it: hosts.ini: groups are children of each other: a → b → c → a");
}

#[test]
fn a_namesake_inside_the_file_is_refused() {
    let content = "bastion\n[web]\nweb1\n";
    let folder = Folder::new().with("hosts.ini", content);
    let inventory = folder.load([("web", ansible("hosts.ini"))]).unwrap();
    let refusal = inventory.group(&group("web")).unwrap_err().to_string();
    assert!(refusal.contains("@inventory:web"), "{refusal}");
    // What the refusal proposes works.
    let inventory = folder.load([("inventory", ansible("hosts.ini")), ("web", any(&["@inventory:web"]))]).unwrap();
    assert_eq!(resolve(&inventory, "@web").unwrap(), "web1");
    let inventory = folder.load([("all", ansible("hosts.ini"))]).unwrap();
    assert_eq!(resolve(&inventory, "@all").unwrap(), "bastion web1");
}

const YAML: &str = "\
---
all:
  hosts:
    bastion:
      ansible_host: 192.0.2.1
      ansible_port: 2222
  children:
    web:
      hosts:
        web[01:02].example.org:
        \"2001:db8::1\": {}
      vars:
        secret: !vault |
          $ANSIBLE_VAULT;1.1;AES256
    db:
      hosts: db1
    eu:
      children:
        web:
        asia:
          hosts: {hk1: , web01.example.org: }
";

#[test]
fn a_yaml_inventory_gives_its_hosts_and_its_groups() {
    for name in ["hosts.yml", "hosts.yaml", "hosts"] {
        let folder = Folder::new().with(name, YAML);
        let inventory = folder.load([("lab", ansible(name))]).unwrap();
        assert_eq!(members(&inventory, "lab"), "bastion web01.example.org web02.example.org 2001:db8::1 db1 hk1");
        assert_eq!(members(&inventory, "lab:web"), "web01.example.org web02.example.org 2001:db8::1");
        assert_eq!(members(&inventory, "lab:db"), "db1");
        assert_eq!(members(&inventory, "lab:eu"), "web01.example.org web02.example.org 2001:db8::1 hk1");
        assert_eq!(members(&inventory, "lab:ungrouped"), "bastion");
        let reach = inventory.reach_of(&HostId::new("bastion").unwrap()).unwrap();
        assert_eq!((reach.address.as_ref().unwrap().as_str(), reach.port), ("192.0.2.1", Some(2222)));
    }
}

#[test]
fn yaml_that_would_lose_hosts_is_refused() {
    for (content, reason) in [
        ("", "it is empty"),
        ("- web1\n", "expected groups"),
        ("plugin: aws_ec2\n", "plugin"),
        ("web:\n  host:\n    web1:\n", "web.host: a group has `hosts`, `children` and `vars`; did you mean `hosts`?"),
        ("web:\n  hosts:\n    - web1\n", "web.hosts: expected a mapping"),
        ("web:\n  hosts:\n    10: {}\n", "quotes"),
        ("web:\n  hosts:\n    user@web1: {}\n", "web.hosts.user@web1: "),
        ("web:\n  hosts:\n    web1: {}\n    web1: {}\n", "duplicate"),
        ("web:\n hosts:\n\t- x\n", "hosts.yml:3"),
        ("web:\n  children:\n    db:\n      hosts:\n        x y: {}\n", "web.children.db.hosts.x y: "),
        ("a: {children: {b: {children: {a: }}}}\n", "a → b → a"),
    ] {
        let refusal = Folder::new().with("hosts.yml", content).refusal(ansible("hosts.yml"));
        assert!(refusal.starts_with("group it: hosts.yml:"), "{content:?}: {refusal}");
        assert!(refusal.contains(reason), "{content:?}: {refusal}");
    }
    let refusal = Folder::new().with("hosts.yml", b"web:\n  hosts:\n    \xff: {}\n").refusal(ansible("hosts.yml"));
    assert_eq!(refusal, "group it: hosts.yml:3: not UTF-8");
}
