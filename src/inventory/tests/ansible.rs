//! Ansible inventories, both formats.

use super::{Folder, Inventory, ansible, any, group, names, resolve, shell};
use crate::model::{HostId, Proxy};

const INI: &str = "\
# comment
; and another
bastion ansible_host=192.0.2.1 note=\"two words\"  # the way in

[web]
web[01:03].example.org
web10.example.org:2222
[web:vars]
whatever else = it says
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
    // Breadth first: db is in no other group, web and asia are children of eu.
    assert_eq!(members(&inventory, "lab"), format!("bastion {db} {web} hk1"));
    assert_eq!(members(&inventory, "lab:all"), members(&inventory, "lab"));
    assert_eq!(members(&inventory, "lab:web"), web);
    assert_eq!(members(&inventory, "lab:db"), db);
    assert_eq!(members(&inventory, "lab:eu"), format!("{web} hk1"));
    assert_eq!(members(&inventory, "lab:asia"), "hk1 web01.example.org");
    assert_eq!(members(&inventory, "lab:ungrouped"), "bastion");
    assert!(inventory.group(&group("lab:nowhere")).unwrap().is_none());
    assert_eq!(resolve(&inventory, "@lab:asia,@lab:db!db*").unwrap(), "web01.example.org hk1");
}

/// Says how a host is reached: `user@address:port through proxy`.
fn reach(inventory: &Inventory, host: &str) -> String {
    let addresses = inventory.addresses().unwrap();
    let Some(address) = addresses.get(&HostId::new(host).unwrap()) else { return String::new() };
    let user = address.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let name = address.host.as_ref().map(ToString::to_string).unwrap_or_default();
    let port = address.port.map(|port| format!(":{port}")).unwrap_or_default();
    let proxy = match &address.proxy {
        None => String::new(),
        Some(Proxy::Jump(jump)) => format!(" through {jump}"),
        Some(Proxy::Command(command)) => format!(" by {command}"),
    };
    format!("{user}{name}{port}{proxy}{}", if address.local { " here" } else { "" })
}

#[test]
fn what_a_host_is_reached_by_is_obeyed_wherever_it_is_said() {
    let folder = Folder::new().with("hosts.ini", INI);
    let inventory = folder.load([("lab", ansible("hosts.ini"))]).unwrap();
    assert_eq!(reach(&inventory, "bastion"), "192.0.2.1");
    assert_eq!(reach(&inventory, "web10.example.org"), "deploy@:2222");
    assert_eq!(reach(&inventory, "web01.example.org"), "deploy@");
    assert_eq!(reach(&inventory, "hk1"), "");
}

#[test]
fn a_comment_ends_what_python_reads_and_belongs_to_any_other_text() {
    let folder = |variables: &str| Folder::new().with("hosts.ini", format!("[web]\nweb1\n[web:vars]\n{variables}"));
    let content =
        "ansible_host='192.0.2.1'  # behind the NAT\nansible_port=2222 # so is this\nansible_user=\"dep\"#loy\n";
    let quoted = folder(content);
    let inventory = quoted.load([("lab", ansible("hosts.ini"))]).unwrap();
    assert_eq!(reach(&inventory, "web1"), "dep@192.0.2.1:2222");
    let bare = folder("ansible_user=deploy  # the tool's own\n");
    let refused = bare.load([("lab", ansible("hosts.ini"))]).unwrap().addresses().map(drop).unwrap_err().to_string();
    assert!(refused.contains("deploy  # the tool's own"), "{refused}");
}

#[test]
fn the_stronger_variable_wins_in_ansibles_order() {
    let folder = Folder::new()
        .with(
            "hosts.ini",
            "[web]\nweb1 ansible_port=1001\nweb2\nWEB3.\n[eu:children]\nweb\n[all:vars]\nansible_user=all\nansible_port=1\n\
             [eu:vars]\nansible_user=eu\nansible_ssh_common_args='-o ProxyJump=\"bastion\"'\n[web:vars]\nansible_port=\"2\" \n",
        )
        .with("group_vars/all.yml", "ansible_user: all-file\nunknown: [1]\n")
        .with("group_vars/web/a.yml", "ansible_user: first\n")
        .with("group_vars/web/b.yml", "ansible_user: web-file\n")
        .with("group_vars/web/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n")
        .with("group_vars/nobody.yml", "ansible_user: nobody\n")
        .with("host_vars/web2", "ansible_host: 192.0.2.2\n")
        .with("host_vars/web3.json", "{\"ansible_connection\": \"local\"}");
    let inventory = folder.load([("lab", ansible("hosts.ini"))]).unwrap();
    assert_eq!(reach(&inventory, "web1"), "web-file@:1001 through bastion");
    assert_eq!(reach(&inventory, "web2"), "web-file@192.0.2.2:2 through bastion");
    assert_eq!(reach(&inventory, "web3"), "web-file@:2 through bastion here");
    let told = inventory.passed_over().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].1.ends_with("vault.yml is encrypted: what it says of how hosts are reached is not obeyed"),
        "{told:?}"
    );
}

#[test]
fn what_is_not_obeyed_is_told_with_the_hosts_that_it_is_said_of() {
    let content = "[web]\nweb1\nweb2 ansible_become=yes\n[web:vars]\nansible_password=x\n";
    let folder = Folder::new().with("hosts.ini", content);
    let inventory = folder.load([("lab", ansible("hosts.ini"))]).unwrap();
    let told = inventory.passed_over().unwrap();
    let shown: Vec<String> =
        told.iter().map(|(group, text, hosts)| format!("{group}: {text}: {}", names(hosts))).collect();
    assert_eq!(
        shown,
        [
            "lab: ansible_password is not obeyed: ssh logs in with keys: web1 web2",
            "lab: ansible_become is not obeyed: target.become says whom commands run as: web2",
        ]
    );
}

#[test]
fn what_ansible_inventory_prints_is_read_with_its_sections_and_addresses() {
    let json = r#"{"_meta": {"hostvars": {"MW01": {"ansible_host": {"__ansible_unsafe": "192.0.2.1"}, "ansible_port": 2222, "x": {"y": 1}},
        "stranger": {"ansible_host": "192.0.2.9"}}}, "all": {"children": ["ungrouped", "eu"]}, "eu": {"children": ["web"]},
        "web": {"hosts": ["mw01", "mw02"], "vars": {"ansible_user": "deploy"}}, "old": ["db1"]}"#;
    let folder = Folder::new().with("list", json);
    let inventory = folder.load([("lab", shell("cat list")), ("kept", ansible("list.json"))]).unwrap();
    assert_eq!(members(&inventory, "lab"), "db1 mw01 mw02");
    assert_eq!(members(&inventory, "lab:eu"), "mw01 mw02");
    std::fs::copy(folder.path().join("list"), folder.path().join("list.json")).unwrap();
    assert_eq!(members(&inventory, "kept:web"), "mw01 mw02");
    assert_eq!(reach(&inventory, "mw01"), "deploy@192.0.2.1:2222");
    assert_eq!(reach(&inventory, "mw02"), "deploy@");
    assert_eq!(reach(&inventory, "stranger"), "");
    let refusal = Folder::new().refusal(shell(r#"echo '{"web": {"hosts": "x"}}'"#));
    assert!(refusal.contains("web: expected a list of names"), "{refusal}");
}

#[test]
fn two_inventories_that_contradict_each_other_are_refused() {
    let folder =
        Folder::new().with("a.ini", "mw01 ansible_host=192.0.2.1\n").with("b.ini", "mw01 ansible_host=192.0.2.2\n");
    let inventory = folder.load([("a", ansible("a.ini")), ("b", ansible("b.ini"))]).unwrap();
    let refusal = inventory.addresses().unwrap_err().to_string();
    assert_eq!(
        refusal,
        "mw01 is reached in one way by group a and in another by group b: let them agree, or leave it out of one"
    );
}

#[test]
fn names_have_no_case_and_no_final_dot() {
    let folder =
        Folder::new().with("hosts.ini", "[web]\nMW01.example.org.\nmw01.EXAMPLE.org\n").with("dsh", "MW01\nmw01.\n");
    let inventory = folder.load([("lab", ansible("hosts.ini"))]).unwrap();
    assert_eq!(members(&inventory, "lab"), "mw01.example.org");
    assert_eq!(resolve(&inventory, "MW01*").unwrap(), "mw01.example.org");
    assert_eq!(resolve(&inventory, "~MW\\d+").unwrap(), "mw01.example.org");
    assert_eq!(resolve(&inventory, "Mw[01-02].example.ORG.").unwrap(), "mw01.example.org");
    let refusal = folder.refusal(super::file("dsh"));
    assert!(refusal.contains("mw01 is already on line 1"), "{refusal}");
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
        assert_eq!(reach(&inventory, "bastion"), "192.0.2.1:2222");
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
