//! The example configurations that are handed out: each is one that coalmine takes, and does what its first line says.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::project::Project;

/// Gives a project whose configuration is an example's, with the lists of hosts that it names.
fn of(name: &str) -> Project {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/examples").join(name);
    let project = Project::new();
    let lists = project.path("dsh").display().to_string();
    project.write("coalmine.toml", &fs::read_to_string(path).unwrap().replace("/etc/dsh/group", &lists));
    project.write("dsh/scap_targets", "mw[1414-1420].eqiad.wmnet\nmw[2271-2280].codfw.wmnet\n");
    project.write("dsh/dsh_masters", "deploy1003.eqiad.wmnet\ndeploy2002.codfw.wmnet\n");
    project
}

#[test]
fn every_example_is_a_configuration_that_is_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/examples");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["shop.toml", "wikimedia.toml", "workstation.toml"]);
    for (name, hosts) in names.iter().zip([3, 17, 3]) {
        let project = of(name);
        let checked = project.coalmine(&["config", "check", "--output", "json"]).exits(0);
        let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
        assert_eq!(checked["schema"], 1, "{name}");
        let listed = project.coalmine(&["hosts", "@all"]).exits(0);
        assert_eq!(listed.stdout.lines().count(), hosts, "{name}: {listed:?}");
    }
}

#[test]
fn the_shop_drains_each_host_around_its_switch_and_not_only_when_it_failed() {
    let shown = of("shop.toml").coalmine(&["config", "show"]).exits(0).stdout;
    let command = |key: &str| {
        let line = shown.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap();
        line.split(" = ").nth(1).unwrap().split("    #").next().unwrap().trim().to_owned()
    };
    let (drain, add) = (command("hooks.depool"), command("hooks.repool"));
    assert!(drain.contains("drain") && add.contains("add"), "{drain}, {add}");
    for hook in ["host_switch", "host_rollback"] {
        assert_eq!(command(&format!("hooks.before.{hook}")), drain, "{hook}");
        assert_eq!(command(&format!("hooks.after.{hook}")), add, "{hook}");
    }
}

#[test]
fn an_environment_that_names_its_deploy_servers_is_not_deployed_to_from_here() {
    let project = of("wikimedia.toml");
    let refused = project.coalmine(&["install-world", "--yes", "--override-freeze", "weekend"]).exits(2);
    refused.complains("production is deployed to from deploy1003.eqiad.wmnet,deploy2002.codfw.wmnet, and this is");
}
