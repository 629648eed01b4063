//! What a rollout takes of this machine, before it begins.

use super::deployment::Deployment;
use super::error::Error;
use super::notice::Notice;
use super::prepare::{Goal, Options};
use super::settings::{ssh_settings, transfer_settings};
use crate::host::{self, Capacity, LEAST, Shortage, Widths, told};
use crate::words::count;

impl<F: host::Fleet> Deployment<'_, F> {
    /// Refuses a rollout that this machine has no room for, and says where one is only slower for that.
    ///
    /// A way back is tried whatever there is: what it waits for meanwhile is better than what it leaves.
    pub(super) fn heed_capacity(&self, goal: &Goal, hosts: usize, options: &Options) -> Result<(), Error> {
        let transfer = transfer_settings(self.workspace.config());
        let wanted = Widths::of(&ssh_settings(self.workspace)?, &transfer).for_hosts(hosts);
        match (room(&Capacity::count(), wanted, hosts), goal) {
            (Ok(less), _) => less.into_iter().for_each(|text| self.notify(Notice::warning(text))),
            (Err(error), Goal::Rollback { .. }) => self.notify(Notice::warning(error)),
            (Err(error), _) if options.dry_run => self.notify(Notice::warning(error)),
            (Err(error), _) => return Err(error),
        }
        Ok(())
    }
}

/// Says how many hosts need what there is not enough of for any rollout.
fn few(hosts: usize) -> String {
    let count = count(hosts.min(LEAST), "host");
    if hosts > 1 { format!("{count} at once") } else { count }
}

/// Says in one sentence where there is less room than the widths could use; none where there is enough.
fn room(capacity: &Capacity, wanted: Widths, hosts: usize) -> Result<Option<String>, Error> {
    let lacks: Vec<Shortage> = capacity.lacks(wanted).collect();
    if !lacks.is_empty() {
        let text = format!(
            "this machine has no room for a rollout: {} need {}; nothing was changed",
            few(hosts),
            told(&lacks)
        );
        let hints = lacks.iter().map(|shortage| shortage.supply.resource.hint());
        return Err(hints.fold(Error::before(text), Error::hint));
    }
    let shortages: Vec<Shortage> = capacity.shortages(wanted).collect();
    let at_once = capacity.fit(wanted).sessions;
    let less = || {
        format!("this machine has room for {at_once} of {hosts} hosts at once: all of them need {}", told(&shortages))
    };
    Ok((!shortages.is_empty()).then(less))
}

#[cfg(test)]
mod tests {
    use super::room;
    use crate::host::{Capacity, Resource, Supply, Widths};

    #[test]
    fn a_rollout_is_slower_where_room_is_scarce_and_refused_where_there_is_none() {
        let usual = Widths { connects: 30, sessions: 256, execs: 256, transfers: 64, hops: 1 };
        let of = |free: u64, hosts: usize| {
            let supply = Supply { resource: Resource::Processes, limit: 500, free };
            room(&Capacity(vec![supply]), usual.for_hosts(hosts), hosts)
        };
        assert_eq!(of(408, 1000).unwrap(), None);
        assert_eq!(of(50, 3).unwrap(), None);
        assert_eq!(
            of(216, 1000).unwrap().unwrap(),
            "this machine has room for 128 of 1000 hosts at once: all of them need 408 processes, 216 are free of 500"
        );
        let refused = of(40, 1000).unwrap_err();
        assert_eq!(
            refused.to_string().lines().next().unwrap(),
            "this machine has no room for a rollout: 8 hosts at once need 48 processes, 40 are free of 500; nothing was changed"
        );
        assert!(refused.hints().iter().any(|hint| hint.contains("ulimit -u")), "{:?}", refused.hints());
    }
}
