use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glob::glob_with;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::jump;
use super::pool::Pool;
use super::system::{MATCHING, included};
use super::throttle::{Throttle, Turn};
use crate::host::settings::SshSettings;
use crate::model::{HostId, Proxy, Squeeze};

/// How deep files may include each other: ssh itself goes no further (ssh_config(5)).
const DEPTH: usize = 16;
/// How many ssh are asked at once how they would get to a host.
const ASKED: usize = 4;
/// How many changes wait to be told; those that nobody takes are lost from there on.
const UNTOLD: usize = 64;

/// Holds what changed and is still to be told.
#[derive(Debug, Default)]
pub(super) struct Untold(Mutex<Vec<Squeeze>>);

impl Untold {
    pub(super) fn push(&self, squeeze: Squeeze) {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if untold.len() < UNTOLD {
            untold.push(squeeze);
        }
    }

    pub(super) fn take(&self) -> Vec<Squeeze> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Holds the ways on which hosts are reached, each with a throttle of its own: a jump host that turns connections away slows down
/// only what is behind it.
#[derive(Debug)]
pub(in crate::host) struct Ways {
    most: usize,
    /// How long a login may take before it is a slow one.
    slow: Duration,
    /// What is opened at once on all of them.
    turns: Semaphore,
    asked: Semaphore,
    /// Whether ssh's configuration has a word of jump hosts or proxies: where it has none nobody needs to be asked.
    has_proxies: bool,
    known: Mutex<HashMap<Option<String>, Arc<Throttle>>>,
    untold: Arc<Untold>,
}

/// Allows one connection to be opened: on its way, and on this machine.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    pub(super) turn: Turn<'a>,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Ways {
    pub(super) fn new(settings: &SshSettings) -> Self {
        let most = settings.connects.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            most,
            slow: settings.connect_timeout / 2,
            turns: Semaphore::new(most),
            asked: Semaphore::new(ASKED),
            has_proxies: has_proxies(settings),
            known: Mutex::default(),
            untold: Arc::default(),
        }
    }

    /// Takes what changed since it was asked last.
    pub(in crate::host) fn squeezes(&self) -> Vec<Squeeze> {
        self.untold.take()
    }

    /// Finds the way to a host; whoever asks keeps it.
    pub(super) async fn to(&self, pool: &Pool, host: &HostId) -> Arc<Throttle> {
        let name = match pool.settings.addresses.get(host).and_then(|address| address.proxy.as_ref()) {
            Some(Proxy::Jump(jump)) => Some(jump::by_jump(&jump.to_string())),
            Some(Proxy::Command(command)) => Some(jump::by_command(&command.to_string())),
            None if self.has_proxies => {
                let _asked = self.asked.acquire().await;
                jump::on_the_way(pool, host).await
            }
            None => None,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Throttle::new(name.clone(), self.most, self.slow, Arc::clone(&self.untold)));
        Arc::clone(known.entry(name.clone()).or_insert_with(made))
    }

    /// Waits for a turn to open a connection on a way: first for the way's, so that who waits there holds up nobody elsewhere.
    pub(super) async fn turn<'a>(&'a self, way: &'a Throttle) -> Opening<'a> {
        let turn = way.turn().await;
        // They are closed never.
        Opening { turn, _permit: self.turns.acquire().await.ok() }
    }
}

/// Tells whether the configuration that ssh reads has a word of jump hosts or proxies.
pub(in crate::host) fn has_proxies(settings: &SshSettings) -> bool {
    let home = std::env::home_dir().unwrap_or_default().join(".ssh");
    match &settings.config {
        Some(config) => speaks_of_proxies(config, &home, DEPTH),
        None => {
            speaks_of_proxies(&home.join("config"), &home, DEPTH)
                || speaks_of_proxies(Path::new("/etc/ssh/ssh_config"), Path::new("/etc/ssh"), DEPTH)
        }
    }
}

/// Looks into a file and what it includes, `base` being where relative paths begin; what cannot be read has no word of anything, for
/// ssh reads it no better.
fn speaks_of_proxies(file: &Path, base: &Path, depth: usize) -> bool {
    let Ok(text) = std::fs::read(file) else { return false };
    let text = String::from_utf8_lossy(&text);
    text.lines().any(|line| {
        let line = line.trim_start();
        let says = |word: &str| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if says("ProxyJump") || says("ProxyCommand") {
            return true;
        }
        let Some(patterns) = included(line) else { return false };
        depth == 0 || patterns.iter().any(|pattern| includes_proxies(pattern, base, depth - 1))
    })
}

fn includes_proxies(pattern: &str, base: &Path, depth: usize) -> bool {
    // What stands behind a variable, or in another user's home, only ssh knows.
    if pattern.contains(['$', '%']) {
        return true;
    }
    let path = match pattern.strip_prefix("~/") {
        Some(rest) => std::env::home_dir().unwrap_or_default().join(rest),
        None if pattern.starts_with('~') => return true,
        None => base.join(pattern),
    };
    let Ok(found) = glob_with(&path.to_string_lossy(), MATCHING) else { return true };
    found.flatten().any(|file| speaks_of_proxies(&file, base, depth))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::speaks_of_proxies;

    #[test]
    fn nobody_is_asked_for_the_way_where_no_file_has_a_word_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let look = |file: &Path, depth| speaks_of_proxies(file, folder.path(), depth);
        let included = format!("Include {}/*.conf\n", folder.path().display());
        let config = write("config", format!("Host x\n # ProxyJump in a comment\n User me\n{included}"));
        write("a.conf", "Port 2222\nInclude no*where\n".to_owned());
        assert!(!look(&config, 2), "none of them has");
        write("e.conf", "Include *.conf\n".to_owned());
        assert!(look(&config, 2), "one that includes itself is left to ssh");
        fs::remove_file(folder.path().join("e.conf")).unwrap();
        write("b.conf", "Host y\n\tproxyjump bastion\n".to_owned());
        assert!(look(&config, 2));
        assert!(look(&write("c", "ProxyCommand=nc %h %p\n".to_owned()), 0));
        assert!(look(&write("d", "Include ${X}/config\n".to_owned()), 1), "nobody knows");
        assert!(!look(&folder.path().join("none"), 1));
    }
}
