use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::{LEAST, Place, line_of, with};
use crate::config::{Channel, Layer, Origin};
use crate::plan::{Amount, Prefetch};

#[test]
fn the_stronger_layer_wins_key_by_key() {
    let mut place = Place::project(&with("[ssh]", "sessions = 3"))
        .write("home/coalmine.toml", "[ssh]\nsessions = 2\nconnects = 2\n")
        .write("etc/coalmine.toml", "[ssh]\nsessions = 1\nconnects = 1\nalive = \"1s\"\n")
        .variable("COALMINE_LOCK_WAIT", "4s")
        .variable("COALMINE_LOCK_LEASE", "4s");
    place.sources.flag("--wait-lock", &["lock", "wait"], "5s");
    let loaded = place.loaded();
    let config = &loaded.config;
    assert_eq!((config.ssh.sessions.get(), config.ssh.connects.get(), config.ssh.alive.as_secs()), (3, 2, 1));
    assert_eq!((config.lock.wait.as_secs(), config.lock.lease.as_secs()), (5, 4));
    let files: Vec<Layer> = loaded.files.iter().map(|file| file.layer).collect();
    assert_eq!(files, [Layer::System, Layer::User, Layer::Project]);
    for (key, origin) in [
        (
            "ssh.sessions",
            format!(
                "project {}:{}",
                place.path("project/coalmine.toml").display(),
                line_of(&with("[ssh]", "sessions = 3"), "sessions")
            ),
        ),
        ("ssh.connects", format!("user {}:3", place.path("home/coalmine.toml").display())),
        ("ssh.alive", format!("system {}:4", place.path("etc/coalmine.toml").display())),
        ("lock.wait", "flag --wait-lock".to_owned()),
        ("lock.lease", "variable COALMINE_LOCK_LEASE".to_owned()),
        ("ssh.kex", "default".to_owned()),
    ] {
        assert_eq!(loaded.origin(key).unwrap().to_string(), origin, "{key}");
    }
    assert_eq!(loaded.origin("ssh.nothing"), None);
}

#[test]
fn lists_of_tables_and_groups_are_replaced_as_a_whole() {
    let weaker = r#"
[groups]
web = { hosts = ["old"] }
api = { hosts = ["api"] }
[[gates]]
name = "old"
run = "true"
[[environments.production.stages]]
name = "canary"
count = 1
[[environments.production.stages]]
name = "rest"
"#;
    let project = format!("{LEAST}[groups]\nweb = {{ file = \"web\" }}\n[[gates]]\nname = \"new\"\nrun = \"true\"\n");
    let place = Place::project(&project).write("etc/coalmine.toml", weaker);
    let config = place.loaded().config;
    let names: Vec<&str> = config.gates.iter().map(|gate| gate.name.as_str()).collect();
    assert_eq!(names, ["new"]);
    let (_, production) = config.environment(None).unwrap();
    let stages: Vec<&str> = production.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["fleet"]);
    let groups: Vec<&str> = config.groups.keys().map(crate::expr::GroupName::as_str).collect();
    assert_eq!(groups, ["web", "api"], "the order is the stronger file's, and what only the weaker one has follows");
}

#[test]
fn an_empty_text_takes_a_weaker_value_away() {
    let place = Place::project(&with("[target]", "user = \"\""))
        .write("etc/coalmine.toml", "[target]\nuser = \"scap\"\n[hooks]\ndepool = [\"x\"]\n")
        .variable("COALMINE_HOOKS_DEPOOL", "");
    let config = place.loaded().config;
    assert_eq!(config.target.user, None);
    assert_eq!(config.hooks.depool, None);
}

#[test]
fn variables_are_read_as_the_key_wants_them() {
    let place = Place::project(LEAST)
        .variable("COALMINE_TARGET_ROOT", "other")
        .variable("COALMINE_TARGET_KEEP", "7")
        .variable("COALMINE_PRODUCT_NAME", "123")
        .variable("COALMINE_PRODUCT_TAGS", "[0-9]")
        .variable("COALMINE_PRODUCT_VERIFY_TAGS", "true")
        .variable("COALMINE_BUILD_CHECK", "true")
        .variable("COALMINE_TARGET_BECOME", r#"["sudo", "-n"]"#)
        .variable("COALMINE_SSH_CONNECT_TIMEOUT", "3s")
        .variable("COALMINE_HOOKS_DEPOOL", r#"["a", "{host}"]"#)
        .variable("COALMINE_ENVIRONMENTS_PRODUCTION_PREFETCH", "stage")
        .variable("COALMINE_ENVIRONMENTS_PRODUCTION_CHANNEL", "branch:next");
    let config = place.loaded().config;
    assert_eq!(config.target.root.as_str(), "other");
    assert_eq!(config.target.keep, 7);
    assert_eq!(config.product.name.as_str(), "123");
    assert_eq!(config.product.tags.as_str(), "[0-9]");
    assert!(config.product.verify_tags);
    assert_eq!(config.build.check.to_string(), "true");
    assert_eq!(config.target.r#become.as_slice(), ["sudo", "-n"]);
    assert_eq!(config.ssh.connect_timeout.as_secs(), 3);
    assert_eq!(config.hooks.depool.unwrap().to_string(), "a {host}");
    let (_, production) = config.environments.iter().next().unwrap();
    assert_eq!((production.prefetch, &production.channel), (Prefetch::Stage, &Channel::Branch("next".to_owned())));
}

#[test]
fn environments_with_odd_names_have_variables_too() {
    let project = LEAST.replace("environments.production", "environments.beta-2");
    let place = Place::project(&project).variable("COALMINE_ENVIRONMENTS_BETA_2_HOSTS", "mw01");
    assert_eq!(place.loaded().config.environment(None).unwrap().1.hosts.as_str(), "mw01");
}

#[test]
fn variables_that_are_no_configuration_are_left_alone() {
    let mut place = Place::project(LEAST);
    for name in [
        "HOST",
        "HOSTS",
        "VERSION",
        "PREFIX",
        "PREVIOUS",
        "STAGE",
        "ROLLOUT",
        "ENVIRONMENT",
        "ENV",
        "CONFIG",
        "STATE_DIR",
    ] {
        place = place.variable(&format!("COALMINE_{name}"), "x");
    }
    assert_eq!(place.loaded().ignored_variables, Vec::<String>::new());
    let place = place.variable("COALMINE_TARGE_ROOT", "x").variable("COALMINER", "x");
    assert_eq!(place.loaded().ignored_variables, ["COALMINE_TARGE_ROOT"]);
}

#[test]
fn relative_paths_start_where_they_are_written() {
    let place = Place::project(LEAST)
        .write("etc/coalmine.toml", "[ssh]\nconfig = \"~/ssh_config\"\n[groups]\nweb = { file = \"web\" }\n")
        .variable("COALMINE_PRODUCT_REPOSITORY", "here");
    let config = place.loaded().config;
    assert_eq!(config.product.repository.as_path(), place.path("project/here"));
    assert_eq!(config.ssh.config.unwrap().as_path(), place.path("home/ssh_config"));
    let web = config.groups.values().next().unwrap();
    assert!(
        matches!(web, crate::config::GroupOrigin::File(file) if file.as_path() == place.path("etc/web")),
        "{web:?}"
    );
}

#[test]
fn a_file_that_is_named_takes_the_projects_place() {
    let mut place = Place::project("nonsense").write("other.toml", LEAST);
    place.sources.named = Some(place.path("other.toml"));
    let loaded = place.loaded();
    assert_eq!(&*loaded.files[0].path, place.path("other.toml"));
    place.sources.named = Some("absent.toml".into());
    let refusal = place.refusal();
    assert!(refusal.starts_with("project/absent.toml: it cannot be read: No such file"), "{refusal}");
}

#[test]
fn a_file_that_is_two_layers_counts_once() {
    let mut place = Place::new().write("etc/coalmine.toml", LEAST);
    place.sources.folder = place.path("etc");
    let files = place.loaded().files;
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].layer, Layer::Project);
}

#[test]
fn no_file_at_all_is_told_with_where_it_was_looked_for() {
    let refusal = Place::new().refusal();
    assert_eq!(
        refusal,
        "configuration: there is no coalmine.toml\n    looked for in project and every folder above it, \
         home/coalmine.toml, etc/coalmine.toml; name one with -c FILE\n    \
         `coalmine init` writes one from a checkout and a list of hosts, `coalmine config sample` prints every key,\n    \
         `coalmine sandbox up` brings up a fleet to try things on"
    );
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_anybody_may_write_is_refused_even_when_it_is_named() {
    let mut place = Place::project(LEAST);
    chmod(&place.path("project/coalmine.toml"), 0o666);
    let refusal = place.refusal();
    assert!(refusal.starts_with("project/coalmine.toml: anybody may write this file (mode 0666)"), "{refusal}");
    place.sources.named = Some(place.path("project/coalmine.toml"));
    assert_eq!(place.refusal(), refusal);
    chmod(&place.path("project/coalmine.toml"), 0o664);
    place.loaded();
}

#[test]
fn a_file_that_anybody_may_replace_is_refused() {
    let place = Place::project(LEAST);
    chmod(&place.path("project"), 0o777);
    assert!(place.refusal().contains("anybody may put another file in its place: the folder "));
    chmod(&place.path("project"), 0o1777);
    place.loaded();
    // The link is in a good folder, what it leads to is not.
    let place = Place::new().write("home/real.toml", LEAST);
    symlink(place.path("home/real.toml"), place.path("project/coalmine.toml")).unwrap();
    place.loaded();
    chmod(&place.path("home"), 0o777);
    assert!(place.refusal().contains("anybody may put another file in its place"));
}

#[test]
fn what_is_no_file_or_no_text_is_told() {
    let place = Place::new();
    fs::create_dir(place.path("project/coalmine.toml")).unwrap();
    assert_eq!(place.refusal(), "project/coalmine.toml: it is not a file");
    let place = Place::new();
    fs::write(place.path("project/coalmine.toml"), b"[product]\nname = \"\xff\"\n").unwrap();
    assert!(place.refusal().starts_with("project/coalmine.toml: line 2 is not UTF-8"));
    let place = Place::project(&"#".repeat(2 << 20));
    assert!(place.refusal().starts_with("project/coalmine.toml: it is larger than 1 MiB"));
}

#[test]
fn origins_tell_files_from_defaults() {
    let loaded = Place::project(&with("[[environments.production.stages]]", "budget = { unhealthy = 3 }")).loaded();
    let key = |name: &str| format!("environments.production.stages[0].budget.{name}");
    assert_eq!(loaded.origin(&key("transfer")), Some(&Origin::Default));
    assert!(matches!(loaded.origin(&key("unhealthy")), Some(Origin::File { layer: Layer::Project, .. })));
    let (_, production) = loaded.config.environment(None).unwrap();
    assert_eq!(production.stages[0].budget.unhealthy.amount(), Amount::Count(3));
}

#[test]
fn groups_and_environments_stand_in_the_order_of_the_file() {
    let groups = "[groups]\nz = { hosts = [\"z1\"] }\nb = { any = [\"@z\"] }\na = { hosts = [\"a1\"] }\n";
    let more = "[groups.m]\nhosts = [\"m1\"]\n";
    let config = Place::project(&format!("{LEAST}{groups}{more}")).loaded().config;
    let names: Vec<&str> = config.groups.keys().map(crate::expr::GroupName::as_str).collect();
    assert_eq!(names, ["z", "b", "a", "m"]);
}
