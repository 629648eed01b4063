//! The room as others see it: files in, a configuration or refusals out.

mod commands;
mod layers;
mod output;
mod refusals;
mod samples;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Config, ConfigErrors, Loaded, Sources};
use crate::model::HostId;
use crate::plan::{self, Amount, Promote};

/// The least that loads.
const LEAST: &str = r#"
[product]
name = "scap"
repository = "repository"
[build]
check = "bin/scap version"
[target]
root = "/var/lib/scap"
[environments.production]
hosts = "mw[01-40]"
[[environments.production.stages]]
name = "fleet"
"#;

/// A folder with a place for each layer, and nothing of this machine's own.
struct Place {
    folder: TempDir,
    sources: Sources,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["project/deep/er", "home", "etc"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let user_id = fs::metadata(&root).unwrap().uid();
        let sources = Sources {
            folder: root.join("project"),
            named: None,
            user: Some(root.join("home/coalmine.toml")),
            system: Some(root.join("etc/coalmine.toml")),
            home: Some(root.join("home")),
            variables: Vec::new(),
            flags: Vec::new(),
            user_id,
        };
        Self { folder, sources }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn write(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn project(text: &str) -> Self {
        Self::new().write("project/coalmine.toml", text)
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.variables.push((name.into(), value.into()));
        self
    }

    fn load(&self) -> Result<Loaded, ConfigErrors> {
        Config::load(&self.sources)
    }

    fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Gives the refusal, with the folder's name left out.
    fn refusal(&self) -> String {
        let text = self.load().expect_err("it was taken").to_string();
        text.replace(&format!("{}/", self.path("").display().to_string().trim_end_matches('/')), "")
    }
}

/// Puts lines into a section of the least configuration, or a section behind it.
fn with(section: &str, lines: &str) -> String {
    let header = format!("{section}\n");
    if LEAST.contains(&header) {
        LEAST.replacen(&header, &format!("{header}{lines}\n"), 1)
    } else {
        format!("{LEAST}{header}{lines}\n")
    }
}

/// Gives the line that a text stands in, counted from 1.
fn line_of(text: &str, part: &str) -> usize {
    1 + text.lines().position(|line| line.contains(part)).unwrap()
}

#[test]
fn the_least_configuration_loads_with_the_documented_defaults() {
    let place = Place::project(LEAST);
    let loaded = place.loaded();
    let config = &loaded.config;
    assert_eq!(config.product.repository.as_path(), place.path("project/repository"));
    assert_eq!(config.product.remote.as_ref().unwrap().as_str(), "origin");
    assert_eq!(config.target.current.as_str(), "current");
    assert_eq!((config.target.keep, config.target.confirm.as_secs()), (5, 0));
    assert_eq!((config.ssh.connects.get(), config.ssh.sessions.get()), (30, 256));
    assert_eq!((config.ssh.connect_timeout.as_secs(), config.ssh.alive.as_secs()), (10, 15));
    assert_eq!((config.transfer.stall.as_secs(), config.transfer.retries), (60, 2));
    assert_eq!(config.transfer.bandwidth.kib_per_second(), None);
    assert_eq!((config.lock.wait.as_secs(), config.lock.lease.as_secs()), (0, 60));
    assert_eq!(config.hooks.depool, None);
    assert_eq!(config.control.group, None);
    let (name, production) = config.environment(None).unwrap();
    assert_eq!(name.as_str(), "production");
    assert_eq!((production.masters.as_ref(), production.on_failure), (None, None));
    assert_eq!(production.channel, super::Channel::Tags);
    let [stage] = production.stages.as_slice() else { panic!("{:?}", production.stages) };
    assert_eq!(stage.selection, super::StageSelection::Rest);
    assert_eq!(stage.waves.sizes(), [Amount::Percent(100)]);
    assert_eq!(stage.budget.unhealthy.limit(40), 0);
    assert_eq!(loaded.base_dir(), place.path("project"));
}

#[test]
fn the_example_of_the_contract_loads() {
    let text = r#"
[product]
name       = "scap"
repository = "/srv/deployment/scap"
remote     = "origin"
tags       = "[0-9]*"
verify_tags = false
[build]
kind   = "python-venv"
before = ["mkdir -p web/dist/assets"]
pip    = ["."]
check  = "bin/scap version"
version_command = "bin/scap version"
[target]
user    = "scap"
root    = "/var/lib/scap"
current = "scap"
keep    = 5
become  = []
confirm = "0s"
[ssh]
config = ""
connect_timeout = "10s"
alive = "15s"
connects = 30
sessions = 256
host_keys = "strict"
kex = ""
share = true
persist = "0s"
[transfer]
bandwidth = "0"
stall = "60s"
retries = 2
compress = "auto"
verify = "full"
[groups]
all      = { file = "/etc/dsh/group/scap_targets" }
masters  = { file = "/etc/dsh/group/dsh_masters" }
canaries = { hosts = ["mw[01-02].eqiad.wmnet"] }
api      = { command = ["query-hosts", "role=api"], timeout = "10s" }
web      = { ansible = "hosts.ini" }
both     = { any = ["@api", "@web"] }
[environments.production]
hosts   = "@all"
masters = "@masters"
channel = "tags"
site    = '^[^.]+\.([^.]+)\.'
prefetch = "all"
[[environments.production.stages]]
name = "canary"
hosts = "@canaries"
soak = "1d"
promote = "manual"
[[environments.production.stages]]
name = "fleet"
waves = [1, "10%", "50%"]
concurrency = 80
soak = "10m"
budget = { unreachable = 0, transfer = "2%", activate = 1, unhealthy = "1%" }
[[gates]]
name = "answers"
on = "host"
run = "bin/scap version"
timeout = "30s"
retries = 2
[[gates]]
name = "error rate"
on = "stage"
run = "error-rate --hosts {hosts}"
max = 10.0
baseline = 2
every = "30s"
[hooks]
depool   = ["confctl", "select", "name={host}", "set/pooled=no"]
repool   = ["confctl", "select", "name={host}", "set/pooled=yes"]
announce = ["logmsg"]
irc      = "icinga.example.org:9200"
[lock]
wait = "0s"
lease = "60s"
"#;
    let place = Place::project(text);
    let config = place.loaded().config;
    let (_, production) = config.environment(Some("production")).unwrap();
    let [canary, fleet] = production.stages.as_slice() else { panic!("{:?}", production.stages) };
    assert_eq!(canary.promote, Promote::Manual);
    assert_eq!(canary.soak.as_secs(), 86_400);
    assert_eq!(fleet.waves.sizes(), [Amount::Count(1), Amount::Percent(10), Amount::Percent(50)]);
    assert_eq!(fleet.budget.transfer.limit(100), 2);
    let [answers, errors] = config.gates.as_slice() else { panic!("{:?}", config.gates) };
    assert_eq!(answers.scope, super::GateScope::Host);
    let every = std::time::Duration::from_secs(30);
    assert_eq!(errors.scope, super::GateScope::Stage { max: Some(10.0), baseline: Some(2.0), every });
    let gates = config.stage_gates();
    assert_eq!(
        gates.iter().map(|gate| (gate.name.as_str(), gate.baseline)).collect::<Vec<_>>(),
        [("error rate", true)]
    );
    let hosts = vec![HostId::new("mw01").unwrap()];
    let request = canary.request(
        |expression| if expression.as_str() == "@canaries" { Ok(hosts.clone()) } else { Err(expression.clone()) },
        gates.clone(),
    );
    let request = request.unwrap();
    assert_eq!((request.selection, request.gates), (plan::StageSelection::Hosts(hosts), gates));
    assert_eq!(fleet.budget.rule().transfer, Amount::Percent(2));
    let group = |name: &str| config.groups.iter().find(|(known, _)| known.as_str() == name).unwrap().1.clone();
    assert!(matches!(group("api"), super::GroupOrigin::Command { timeout, .. } if timeout.as_secs() == 10));
    assert!(
        matches!(group("web"), super::GroupOrigin::Ansible(path) if path.as_path() == place.path("project/hosts.ini"))
    );
}

#[test]
fn environments_are_found_by_name_or_by_being_the_only_one() {
    let both = format!("{LEAST}[environments.beta]\nhosts = \"@*\"\n[[environments.beta.stages]]\nname = \"all\"\n");
    let config = Place::project(&both).loaded().config;
    assert_eq!(config.environment(Some("beta")).unwrap().0.as_str(), "beta");
    assert_eq!(
        config.environment(None).unwrap_err().to_string(),
        "there are several environments: name one of them with -e, of production, beta"
    );
    assert_eq!(
        config.environment(Some("producton")).unwrap_err().to_string(),
        r#"there is no environment "producton"; there is production, beta (did you mean "production"?)"#
    );
}

#[test]
fn a_text_alone_is_a_configuration_too() {
    let loaded = Config::of_text(LEAST, "/srv/x".as_ref()).unwrap();
    assert_eq!(loaded.config.product.repository.as_path().to_str(), Some("/srv/x/repository"));
    assert_eq!(loaded.base_dir().to_str(), Some("/srv/x"));
    assert!(Config::of_text("x", "/srv/x".as_ref()).is_err());
}

#[test]
fn relative_paths_belong_to_the_file_and_not_to_the_current_folder() {
    let mut place = Place::project(LEAST);
    place.sources.folder = place.path("project/deep/er");
    let loaded = place.loaded();
    assert_eq!(loaded.base_dir(), place.path("project"));
    assert_eq!(loaded.config.product.repository.as_path(), place.path("project/repository"));
}
