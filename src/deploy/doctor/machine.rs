//! What a rollout needs of this machine: tools, keys, the product's repository, room, locks, the site's commands.

use std::path::Path;
use std::time::Duration;

use super::finding::{Finding, Health};
use super::kept;
use crate::conductor::{ConductorError, EnvironmentLock, LockError};
use crate::deploy::settings;
use crate::deploy::site::broken_programs;
use crate::deploy::waiting::waiting_note;
use crate::deploy::workspace::{Fleet, Workspace};
use crate::host::{Capacity, Resource, Shortage, Supply, Widths};
use crate::model::{Bytes, Carrier};
use crate::process::{Ending, Job, Ran, run};
use crate::release::{Interpreter, ReleaseError, Repository, VersionOrder};

/// How long a tool may take to tell its version.
const QUICK: Duration = Duration::from_secs(10);
/// How long the product's remote may take to answer.
const REMOTE: Duration = Duration::from_secs(30);
/// Below this, what is free for releases and journals is worth a look.
const LITTLE: Bytes = Bytes(1024 * 1024 * 1024);

/// Looks at everything but the hosts; the interpreter is what releases are made with here, where they need one.
pub(super) async fn examine(
    workspace: &Workspace,
    fleet: &Fleet<'_>,
    interpreter: Option<&Result<Interpreter, ReleaseError>>,
) -> Vec<Finding> {
    let mut found = vec![configuration(workspace)];
    found.extend(inventory(workspace));
    let tools = [("git", "--version", "git"), ("ssh", "-V", "openssh-client"), ("rsync", "--version", "rsync")];
    for (name, flag, package) in tools {
        found.push(tool(name, flag, package).await);
    }
    if workspace.config().transfer.carriers.has(Carrier::Torrent) {
        found.push(tool("aria2c", "--version", "aria2").await);
    }
    found.extend(interpreter.map(python));
    found.extend(repository(workspace).await);
    found.push(agent().await);
    found.extend(capacity(workspace, fleet));
    found.push(room(workspace));
    found.extend(kept::examine(workspace, fleet));
    found.extend(lock(workspace, fleet));
    found.extend(hooks(workspace));
    found
}

/// What is wrong with it would have ended the command before.
fn configuration(workspace: &Workspace) -> Finding {
    let files: Vec<String> = workspace.loaded.files.iter().map(|file| file.path.display().to_string()).collect();
    let ignored = &workspace.loaded.ignored_variables;
    if ignored.is_empty() {
        return Finding::new("configuration", Health::Ok, files.join(", "));
    }
    let message = format!("{}; these variables mean nothing to coalmine: {}", files.join(", "), ignored.join(", "));
    Finding::new("configuration", Health::Warning, message).hint("`coalmine config show` lists every key")
}

/// Says what inventories say of how hosts are reached, and nobody obeys.
fn inventory(workspace: &Workspace) -> Vec<Finding> {
    match workspace.unheeded() {
        Ok(told) => told.into_iter().map(|text| Finding::new("inventory", Health::Warning, text)).collect(),
        Err(error) => vec![Finding::new("inventory", Health::Failed, error)],
    }
}

fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn first_line(ran: &Ran) -> String {
    let text = ran.output.text() + &ran.errors.text();
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

async fn tool(name: &str, flag: &str, package: &str) -> Finding {
    match run(&Job::new(argv(&[name, flag]), QUICK)).await {
        Ok(ran) if ran.ending == Ending::Exited(0) => Finding::new(name, Health::Ok, first_line(&ran)),
        Ok(ran) => Finding::new(name, Health::Failed, format!("`{name} {flag}` failed: {}", first_line(&ran))),
        Err(error) => Finding::new(name, Health::Failed, error).hint(format!("on Debian: apt-get install {package}")),
    }
}

fn python(found: &Result<Interpreter, ReleaseError>) -> Finding {
    match found {
        Ok(found) => {
            Finding::new("python", Health::Ok, format!("{} is Python {}", found.path.display(), found.version))
        }
        Err(error) => {
            Finding::new("python", Health::Failed, error).hint("on Debian: apt-get install python3 python3-venv")
        }
    }
}

async fn repository(workspace: &Workspace) -> Vec<Finding> {
    let product = &workspace.config().product;
    let path = product.repository.as_path();
    let failed = |check, error: ReleaseError| Finding::new(check, Health::Failed, error);
    let repository = match Repository::open(path).await {
        Ok(repository) => repository,
        Err(error) => return vec![failed("repository", error)],
    };
    let order = VersionOrder::new(product.version_pattern.clone());
    let mut found = vec![match repository.tags(product.tags.as_str(), &order).await {
        Ok(tags) => match tags.last() {
            Some(newest) => {
                let message = format!("{}: {} releases, the newest is {}", path.display(), tags.len(), newest.version);
                Finding::new("repository", Health::Ok, message)
            }
            None => {
                let message = format!("{}: no tag matches {:?}", path.display(), product.tags.as_str());
                Finding::new("repository", Health::Failed, message).hint("see `product.tags`")
            }
        },
        Err(error) => failed("repository", error),
    }];
    if let Some(remote) = &product.remote {
        let remote = remote.as_str();
        found.push(match repository.reach(remote, REMOTE).await {
            Ok(()) => Finding::new("remote", Health::Ok, format!("{remote} answers")),
            Err(error) => failed("remote", error),
        });
    }
    found
}

/// Looks for keys; hosts that need none of an agent's answer all the same.
async fn agent() -> Finding {
    if std::env::var_os("SSH_AUTH_SOCK").is_none() {
        let hint = "eval \"$(ssh-agent)\" && ssh-add, unless ssh_config names a key without a passphrase";
        return Finding::new("agent", Health::Warning, "no ssh agent (SSH_AUTH_SOCK is not set)").hint(hint);
    }
    match run(&Job::new(argv(&["ssh-add", "-l"]), QUICK)).await {
        Ok(ran) if ran.ending == Ending::Exited(0) => {
            let keys = ran.output.text().lines().count();
            let message = format!("{keys} key{} in the agent", if keys == 1 { "" } else { "s" });
            Finding::new("agent", Health::Ok, message)
        }
        Ok(ran) if ran.ending == Ending::Exited(1) => {
            Finding::new("agent", Health::Warning, "the agent holds no key").hint("ssh-add")
        }
        Ok(_) => Finding::new("agent", Health::Warning, "SSH_AUTH_SOCK is set and no agent answers there")
            .hint("log in anew, or start an agent"),
        Err(error) => Finding::new("agent", Health::Failed, error).hint("on Debian: apt-get install openssh-client"),
    }
}

/// Counts what hosts take of this machine: files and sockets, processes, memory.
fn capacity(workspace: &Workspace, fleet: &Fleet<'_>) -> Vec<Finding> {
    let ssh = match settings::ssh_settings(workspace) {
        Ok(ssh) => ssh,
        Err(error) => return vec![Finding::new("descriptors", Health::Failed, error)],
    };
    let transfer = settings::transfer_settings(workspace.config());
    let hosts = fleet.masters.len() + fleet.hosts.len();
    let (capacity, wanted) = (Capacity::count(), Widths::of(&ssh, &transfer).for_hosts(hosts));
    let fitted = capacity.fit(wanted);
    let lacks: Vec<Resource> = capacity.lacks(wanted).map(|shortage| shortage.supply.resource).collect();
    let of_one = |supply: &Supply| {
        let check = match supply.resource {
            Resource::Descriptors => "descriptors",
            Resource::Processes => "processes",
            Resource::Memory => "memory",
        };
        let shortage = Shortage { supply: *supply, need: wanted.need(supply.resource) };
        if shortage.need <= supply.free {
            return Finding::new(check, Health::Ok, format!("a rollout needs {shortage}"));
        }
        let finding = if lacks.contains(&supply.resource) {
            Finding::new(check, Health::Failed, format!("a rollout needs {shortage}: none is begun"))
        } else {
            let (sessions, transfers) = (fitted.sessions, fitted.transfers);
            let less = format!("a rollout needs {shortage}: {sessions} connections and {transfers} transfers at once");
            Finding::new(check, Health::Warning, less)
        };
        finding.hint(supply.resource.hint())
    };
    capacity.0.iter().map(of_one).collect()
}

/// Looks whether releases and journals can be written.
fn room(workspace: &Workspace) -> Finding {
    let folder = &workspace.state_dir;
    // What is not there yet is made in the nearest folder above it.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let may = rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    if let Err(error) = may {
        let message = format!("{} cannot be written: {error}", there.display());
        return Finding::new("state", Health::Failed, message).hint("--state-dir DIR names another folder");
    }
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = Bytes(disk.f_bavail.saturating_mul(disk.f_frsize));
            let message = format!("{}, {free} free", folder.display());
            if free < LITTLE {
                let hint = "a full disk stops a rollout where it is: `coalmine releases prune` makes room, and `coalmine resume` goes on then";
                return Finding::new("state", Health::Warning, message).hint(hint);
            }
            Finding::new("state", Health::Ok, message)
        }
        Err(error) => Finding::new("state", Health::Warning, format!("{}: {error}", there.display())),
    }
}

/// Tells who holds the environment, and what waits to be resumed.
fn lock(workspace: &Workspace, fleet: &Fleet<'_>) -> Vec<Finding> {
    let mut found = vec![match EnvironmentLock::look(&workspace.state_dir, fleet.name, Some(&workspace.operator)) {
        Ok(()) => Finding::new("lock", Health::Ok, "free"),
        Err(ConductorError::Lock(taken)) => {
            // A rollout ends by itself; what is frozen stays so until somebody frees it.
            let health = if matches!(taken, LockError::Held { .. }) { Health::Warning } else { Health::Failed };
            Finding { hint: taken.hint(), ..Finding::new("lock", health, &taken) }
        }
        Err(error) => Finding::new("lock", Health::Failed, error),
    }];
    if let Some(note) = waiting_note(&workspace.state_dir, fleet.name) {
        found.push(Finding::new("rollouts", Health::Warning, note));
    }
    found
}

/// Looks for the programs of the site's own commands, without running any.
fn hooks(workspace: &Workspace) -> Vec<Finding> {
    let (broken, all) = broken_programs(workspace.config());
    if broken.is_empty() && all > 0 {
        return vec![Finding::new("hooks", Health::Ok, "their programs are there")];
    }
    let failed = |(name, why)| {
        let hint = "install it, make it executable, or write its whole path";
        Finding::new("hooks", Health::Failed, format!("{name}: {why}")).hint(hint)
    };
    broken.into_iter().map(failed).collect()
}
