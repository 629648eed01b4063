use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::mpsc;
use std::time::Duration;

use clap::Parser;

use crate::cli::Globals;
use crate::deploy::{Workspace, inventory_without_commands};
use crate::inventory::Inventory;
use crate::model::HostId;

/// How long somebody who pressed Tab is kept waiting at most, as by a folder on a server that is gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// The flags that say where to look, as they may stand anywhere in the words typed so far.
const FLAGS: [(&str, &str); 4] = [("-c", "--config"), ("-e", "--environment"), ("", "--env"), ("", "--state-dir")];

/// Gives what some work comes to, unless it takes long or comes to nothing; the process ends without waiting for it.
pub(super) fn quickly<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (tx, rx) = mpsc::sync_channel(1);
    std::thread::spawn(move || tx.send(work()));
    rx.recv_timeout(PATIENCE).ok().flatten()
}

/// Holds what says where to look, without the command that it stands beside.
#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    globals: Globals,
}

/// Reads of the words that a shell hands over what says where to look.
pub(super) fn typed() -> Option<Globals> {
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(2).collect();
    let found = where_to_look(words.iter().filter_map(|word| word.to_str()));
    let typed = Typed::try_parse_from(std::iter::once("coalmine".to_owned()).chain(found)).ok()?;
    Some(typed.globals)
}

fn where_to_look<'a>(mut words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        for (short, long) in FLAGS {
            let value = if word == long || (word == short && !short.is_empty()) {
                words.next()
            } else if short.is_empty() || word.starts_with("--") {
                word.strip_prefix(long).and_then(|value| value.strip_prefix('='))
            } else {
                word.strip_prefix(short)
            };
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                // Whoever wrote a flag twice is told so when it runs.
                found.retain(|known| !known.starts_with(&format!("{long}=")));
                found.push(format!("{long}={value}"));
                break;
            }
        }
    }
    found
}

/// Holds the configuration, and the groups that can be read without running anything.
pub(super) struct Known {
    pub(super) globals: Globals,
    pub(super) workspace: Workspace,
    pub(super) inventory: Inventory,
}

impl Known {
    pub(super) fn load() -> Option<Self> {
        let globals = typed()?;
        let workspace = Workspace::open(&globals.invocation()).ok()?;
        let inventory = inventory_without_commands(&workspace.loaded).ok()?;
        Some(Self { globals, workspace, inventory })
    }

    /// Lists every host that is known of: of the environment that is meant, or of all, and of every group.
    pub(super) fn hosts(&self) -> Vec<HostId> {
        let mut seen = HashSet::new();
        let mut hosts = Vec::new();
        let mut add = |more: &[HostId]| {
            hosts.extend(more.iter().filter(|&host| seen.insert(host.clone())).cloned());
        };
        let wanted = self.globals.environment.as_ref();
        let environments = &self.workspace.config().environments;
        for (_, policy) in environments.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name)) {
            for expression in std::iter::once(&policy.hosts).chain(&policy.masters) {
                // One that names a group whose command was not run is left out.
                add(&self.inventory.define(&self.workspace.based(expression)).unwrap_or_default());
            }
        }
        for name in self.inventory.names() {
            if let Ok(Some(more)) = self.inventory.group(name) {
                add(more);
            }
        }
        hosts
    }

    /// Lists every group, also those whose hosts are not known here.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.workspace.config().groups.keys().map(|name| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::where_to_look;

    #[test]
    fn where_to_look_is_read_wherever_it_stands() {
        let found = |line: &str| where_to_look(line.split(' ')).join(" ");
        assert_eq!(found("-c a.toml plan -e beta -l @ca"), "--config=a.toml --environment=beta");
        assert_eq!(found("plan --config=a --env=b --state-dir s"), "--config=a --env=b --state-dir=s");
        assert_eq!(found("-ca plan -l x -e"), "--config=a");
        assert_eq!(found("plan -c a -c b --config-less"), "--config=b");
    }
}
