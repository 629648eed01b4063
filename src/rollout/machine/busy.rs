use std::collections::BTreeMap;

use super::Task;
use crate::model::HostIdx;
use crate::rollout::hosts::HostSet;

/// Holds what was asked of hosts and has no answer yet: of each one thing at most.
///
/// With hundreds of hosts under way, every turn looks past them for the next one: what it asks of each takes no search.
#[derive(Debug, Default)]
pub(super) struct Busy {
    tasks: BTreeMap<HostIdx, Task>,
    hosts: HostSet,
    switches: usize,
}

impl Busy {
    pub(super) fn contains(&self, index: HostIdx) -> bool {
        self.hosts.contains(index)
    }

    /// Gives the hosts alone.
    pub(super) const fn hosts(&self) -> &HostSet {
        &self.hosts
    }

    pub(super) fn get(&self, index: HostIdx) -> Option<&Task> {
        self.tasks.get(&index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (HostIdx, &Task)> {
        self.tasks.iter().map(|(&index, task)| (index, task))
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Counts the hosts that are being switched.
    pub(super) const fn switches(&self) -> usize {
        self.switches
    }

    pub(super) fn insert(&mut self, index: HostIdx, task: Task) {
        self.remove(index);
        self.hosts.insert(index);
        self.switches += usize::from(task == Task::Activate);
        self.tasks.insert(index, task);
    }

    pub(super) fn remove(&mut self, index: HostIdx) -> Option<Task> {
        let task = self.tasks.remove(&index)?;
        self.switches -= usize::from(task == Task::Activate);
        self.hosts.remove(index);
        Some(task)
    }

    #[cfg(test)]
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
