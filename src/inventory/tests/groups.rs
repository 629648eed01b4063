//! Groups among each other, and what expressions choose from.

use super::{Folder, any, define, file, group, listed, names, resolve, shell};
use crate::expr::{Expression, ResolveError};
use crate::model::HostId;

#[test]
fn a_command_that_nobody_asks_for_never_runs_and_others_run_once() {
    let folder = Folder::new();
    let inventory = folder
        .load([("asked", shell("echo x >> asked; echo mw01")), ("unasked", shell("touch unasked; echo mw02"))])
        .unwrap();
    for _ in 0..3 {
        assert_eq!(define(&inventory, "@asked").unwrap(), "mw01");
        assert_eq!(resolve(&inventory, "@asked").unwrap(), "mw01");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("asked")).unwrap(), "x\n");
    assert!(!folder.path().join("unasked").exists());
    assert_eq!(resolve(&inventory, "*").unwrap(), "mw01 mw02");
    assert!(folder.path().join("unasked").exists());
}

#[test]
fn a_group_that_failed_does_not_stop_those_that_are_not_needed() {
    let folder = Folder::new();
    let inventory = folder.load([("good", listed(&["a"])), ("bad", shell("exit 1"))]).unwrap();
    assert_eq!(define(&inventory, "@good").unwrap(), "a");
    for needing_all in ["*", "~a", "!a", "@*"] {
        let refusal = define(&inventory, needing_all).unwrap_err().to_string();
        assert!(refusal.contains("group bad: `sh -c 'exit 1'` failed with exit code 1"), "{refusal}");
    }
    let refusal = define(&inventory, "@bad").unwrap_err().to_string();
    assert!(refusal.starts_with("`@bad` cannot be resolved: group bad: "), "{refusal}");
    assert!(inventory.hosts().is_err());
    assert!(inventory.groups_of(&HostId::new("a").unwrap()).is_err(), "whether it is in bad is not known");
}

#[test]
fn any_is_a_union_and_its_mistakes_are_named_before_anything_is_read() {
    let folder = Folder::new();
    let inventory = folder
        .load([("both", any(&["@web", "@api"])), ("api", listed(&["c", "a"])), ("web", listed(&["a", "b"]))])
        .unwrap();
    assert_eq!(names(inventory.group(&group("both")).unwrap().unwrap()), "a b c");

    let refusal = |groups| folder.load::<3>(groups).unwrap_err().to_string();
    let plain = || listed(&["x"]);
    assert_eq!(
        refusal([("a", any(&["@b"])), ("b", any(&["@c"])), ("c", any(&["@x", "@a"]))]),
        "group c: any = [\"@x\"]: there is no such group; did you mean \"@a\"?"
    );
    assert_eq!(
        refusal([("a", any(&["@b"])), ("b", any(&["@c"])), ("c", any(&["@a"]))]),
        "groups are made of each other: @a → @b → @c → @a"
    );
    assert_eq!(
        refusal([("me", any(&["@me"])), ("b", plain()), ("c", plain())]),
        "groups are made of each other: @me → @me"
    );
    assert_eq!(refusal([("a", plain()), ("b", plain()), ("a", plain())]), "group a: it is there twice");
    assert!(refusal([("a:b", plain()), ("b", plain()), ("c", plain())]).contains("colon"));
}

#[test]
fn the_order_is_that_of_the_groups_and_then_of_their_sources() {
    let folder = Folder::new().with("all", "z\nb\na\nc\n");
    let inventory = folder.load([("canaries", listed(&["c", "b"])), ("all", file("all"))]).unwrap();
    assert_eq!(resolve(&inventory, "*").unwrap(), "c b z a");
    assert_eq!(resolve(&inventory, "@all,@canaries").unwrap(), "c b z a");
    assert_eq!(define(&inventory, "@all").unwrap(), "z b a c", "only what is needed is read, and has its own order");
    assert_eq!(define(&inventory, "a,@canaries,new").unwrap(), "c b a new");
}

#[test]
fn an_environment_may_name_hosts_that_no_group_has() {
    let folder = Folder::new().with("list", "x1\nx2\n");
    let inventory = folder.load([("web", listed(&["a", "b"]))]).unwrap();
    assert_eq!(define(&inventory, "deploy[1-2]").unwrap(), "deploy1 deploy2");
    assert_eq!(define(&inventory, "@web,c").unwrap(), "a b c");
    let expression = Expression::new("@./list,@web!b").unwrap().relative_to(folder.path());
    assert_eq!(names(&inventory.define(&expression).unwrap()), "a x1 x2");
    // To take a host away that is nobody's is a slip, here too.
    assert!(matches!(define(&inventory, "@web!c"), Err(ResolveError::Nothing { term, .. }) if term == "c"));
    assert!(matches!(define(&inventory, "@web&c"), Err(ResolveError::Nothing { term, .. }) if term == "c"));
    assert!(matches!(define(&inventory, "@wbe"), Err(ResolveError::NoSuchGroup { .. })));
    // And without any group at all.
    let bare = folder.load([]).unwrap();
    assert_eq!(define(&bare, "h[1-2]").unwrap(), "h1 h2");
    assert!(define(&bare, "*").is_err());
}

#[test]
fn a_limit_chooses_from_the_environment_in_its_order() {
    let folder = Folder::new().with("list", "b\na\n").with("strange", "a\nq\n");
    let inventory = folder
        .load([("all", listed(&["c", "b", "a"])), ("canaries", listed(&["a", "x"])), ("x", listed(&["x"]))])
        .unwrap();
    let environment = inventory.define(&Expression::new("@all").unwrap()).unwrap();
    let limit = |text: &str| {
        let expression = Expression::new(text).unwrap().relative_to(folder.path());
        inventory.resolve(&expression, Some(&environment)).map(|hosts| names(&hosts))
    };
    assert_eq!(limit("a,b").unwrap(), "b a");
    assert_eq!(limit("*").unwrap(), "c b a");
    assert_eq!(limit("!a").unwrap(), "c b");
    assert_eq!(limit("@canaries").unwrap(), "a");
    assert_eq!(limit("@./list").unwrap(), "b a");
    assert!(
        matches!(limit("x"), Err(ResolveError::Nothing { .. })),
        "it is in the inventory, and not in the environment"
    );
    assert!(matches!(limit("@x"), Err(ResolveError::Elsewhere { members: 1, hosts: 3, .. })));
    let refusal = limit("@./strange").unwrap_err().to_string();
    assert_eq!(refusal, "`@./strange` lists q, which is not among the 3 hosts to choose from");
}

#[test]
fn exclusion_is_never_silently_without_effect() {
    let folder = Folder::new();
    let inventory = folder.load([("all", listed(&["a", "b", "c"])), ("canaries", listed(&["a"]))]).unwrap();
    let environment = inventory.hosts().unwrap();
    let select = |limit: Option<&str>, exclude: Option<&str>| {
        let parse = |text: Option<&str>| text.map(|text| Expression::new(text).unwrap());
        let (limit, exclude) = (parse(limit), parse(exclude));
        inventory.select(environment, limit.as_ref(), exclude.as_ref()).map(|hosts| names(&hosts))
    };
    assert_eq!(select(None, None).unwrap(), "a b c");
    assert_eq!(select(Some("@canaries,c"), None).unwrap(), "a c");
    assert_eq!(select(None, Some("b")).unwrap(), "a c");
    assert_eq!(select(Some("@canaries"), Some("c")).unwrap(), "a", "c is a host, if not one of those selected");
    assert!(matches!(select(None, Some("zz")), Err(ResolveError::Nothing { term, .. }) if term == "zz"));
    assert!(matches!(select(Some("a"), Some("@canaries")), Err(ResolveError::NothingLeft { hosts: 1, .. })));
}

#[test]
fn a_host_tells_its_groups() {
    let folder = Folder::new().with("hosts.ini", "[web]\na\n");
    let inventory = folder
        .load([("all", listed(&["a", "b"])), ("lab", super::ansible("hosts.ini")), ("both", any(&["@all"]))])
        .unwrap();
    let groups = |host: &str| {
        let groups = inventory.groups_of(&HostId::new(host).unwrap()).unwrap();
        groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(groups("a"), "all lab lab:all lab:web both");
    assert_eq!(groups("b"), "all both");
    assert_eq!(groups("stranger"), "");
}

#[test]
fn a_hundred_thousand_hosts_come_out_of_a_file() {
    use std::fmt::Write as _;
    let mut content = String::new();
    for number in 0..100_000 {
        writeln!(content, "mw{number:06}.site{}.example.org", number % 5).unwrap();
    }
    let folder = Folder::new().with("all", content);
    let inventory = folder.load([("all", file("all"))]).unwrap();
    assert_eq!(inventory.hosts().unwrap().len(), 100_000);
    assert_eq!(
        resolve(&inventory, "*.site3.*&mw00000*").unwrap(),
        "mw000003.site3.example.org mw000008.site3.example.org"
    );
}
