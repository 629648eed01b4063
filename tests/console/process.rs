//! What the kernel tells of a process, by /proc (proc_pid_stat(5)).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot look has failed")]

use std::fs;
use std::time::Duration;

/// Holds what the kernel tells of a process.
#[derive(Debug)]
pub(crate) struct Stat {
    /// `R` runs, `S` sleeps, `T` is stopped, `Z` has ended and waits for its parent.
    pub(crate) state: char,
    pub(crate) parent: i32,
    /// How long it had a processor.
    pub(crate) busy: Duration,
}

/// Looks at a process; gives none where there is no such one.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may have any character in it, the closing one included.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let second = rustix::param::clock_ticks_per_second();
    Some(Stat {
        state: fields[0].chars().next().unwrap(),
        parent: fields[1].parse().unwrap(),
        busy: Duration::from_millis(ticks * 1000 / second),
    })
}

/// Finds the only child of a process.
pub(crate) fn child_of(parent: i32) -> Option<i32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut children = pids.filter(|&pid| stat(pid).is_some_and(|stat| stat.parent == parent));
    let child = children.next()?;
    assert_eq!(children.next(), None, "process {parent} has several children");
    Some(child)
}
