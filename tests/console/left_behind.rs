//! What a console leaves on this machine: nothing by itself, and nothing for long where it is killed.

#![expect(clippy::unwrap_used, reason = "a test that cannot look has failed")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use crate::fleet::{Fleet, kill, until};
use crate::terminal::{Opening, Terminal};

/// Names the folders with the sockets of connections that are there.
fn folders(runtime: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(runtime).unwrap().map(|entry| entry.unwrap());
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("coalmine-"));
    ours.map(|entry| entry.path()).collect()
}

/// Counts the processes that have a path in what they were started with.
fn processes_with(path: &Path) -> usize {
    let path = path.to_str().unwrap();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let said = pids.filter_map(|pid| fs::read(format!("/proc/{pid}/cmdline")).ok());
    said.filter(|said| String::from_utf8_lossy(said).contains(path)).count()
}

#[test]
fn a_console_that_is_killed_is_cleared_up_after_by_the_next_and_one_that_is_told_to_end_does_so_itself() {
    let fleet = Fleet::up(2);
    // A path that sockets fit into.
    let runtime = tempfile::Builder::new().prefix("run").tempdir_in("/tmp").unwrap();
    let environment = [("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap())];
    let open = || {
        let console = Terminal::open(&fleet, &Opening { environment: &environment, ..Opening::BARE });
        console.shows("2 hosts surveyed");
        console
    };
    for signal in [Signal::INT, Signal::QUIT, Signal::TERM] {
        let console = open();
        assert_eq!(folders(runtime.path()).len(), 1);
        kill(console.pid(), signal);
        console.ends();
        assert_eq!(folders(runtime.path()), [] as [PathBuf; 0], "{signal:?}");
    }

    let console = open();
    let pid = console.pid();
    let [left] = folders(runtime.path()).try_into().unwrap();
    assert!(processes_with(&left) > 0, "it has connections");
    kill(pid, Signal::KILL);
    console.ends();
    assert!(left.is_dir() && processes_with(&left) > 0, "nobody was there to clear up");
    // What is so young may be of a console that is only about to own it.
    for path in [left.join("owner"), left.clone()] {
        File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(300)).unwrap();
    }
    let mut next = open();
    let there = folders(runtime.path());
    assert!(!there.contains(&left) && there.len() == 1, "{there:?}");
    until("the end of its connections", || (processes_with(&left) == 0).then_some(()));
    next.press("q");
    assert_eq!(next.ends(), 0);
    assert_eq!(folders(runtime.path()), [] as [PathBuf; 0]);
}
