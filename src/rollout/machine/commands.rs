use super::{Machine, Rejection, Task};
use crate::model::{Command, HostId, Operator, Phase};
use crate::plan::PlanKind;
use crate::rollout::event::{Event, PauseReason};
use crate::rollout::state::{HostStatus, Mode};

impl Machine {
    /// Accepts a command or says why not; every command is defined in every state.
    pub(super) fn command(&mut self, command: Command, by: Operator) -> Result<(), Rejection> {
        if self.state.mode() == Mode::Finished {
            return Err(refuse("the rollout is over"));
        }
        if let (Some(who), false) = (self.state.suspended(), matches!(command, Command::Stop | Command::Abort)) {
            return Err(refuse(format!("its conductor was stopped by {who}: resume it first")));
        }
        if let (Some(who), false) = (self.state.aborted(), matches!(command, Command::Stop | Command::Abort)) {
            return Err(refuse(format!("{who} is aborting it")));
        }
        match command {
            Command::Pause => self.pause(by),
            Command::Continue => self.go_on(by),
            Command::Abort => {
                if self.state.aborted().is_none() {
                    self.emit(Event::AbortRequested { by });
                }
                Ok(())
            }
            Command::Rollback => self.roll_all_back(by),
            Command::Retry { host } => self.retry(host.as_ref(), &by),
            Command::Skip { host } => self.skip(&host, &by),
            Command::Stop => {
                if self.state.suspended().is_some() {
                    self.cancel_harmless();
                } else if self.state.aborted().is_none() {
                    self.emit(Event::Suspended { by });
                }
                Ok(())
            }
        }
    }

    fn pause(&mut self, by: Operator) -> Result<(), Rejection> {
        self.refuse_while_ending("paused")?;
        if self.state.mode() == Mode::RollingBack {
            return Err(refuse("it is rolling back, which does not pause; `abort` ends it"));
        }
        if self.state.stopping().is_some() {
            return Err(refuse("it is stopping already; `abort` leaves every host as it stands"));
        }
        if self.state.paused().is_some() {
            return Err(refuse("it is paused already"));
        }
        self.emit(Event::Paused { why: PauseReason::Operator { by } });
        Ok(())
    }

    fn go_on(&mut self, by: Operator) -> Result<(), Rejection> {
        if self.state.paused().is_some() {
            self.emit(Event::Continued { by });
            return Ok(());
        }
        if self.state.stopping().is_some() {
            return Err(refuse("it is stopping already; `abort` leaves every host as it stands"));
        }
        if let Mode::Promoting { stage } = self.state.mode()
            && let Some((plan, _)) = self.state.stage(stage)
        {
            let stage = plan.name.clone();
            self.emit(Event::Promoted { stage, by: Some(by) });
            return Ok(());
        }
        Err(refuse("it is neither paused nor waiting for promotion"))
    }

    fn roll_all_back(&mut self, by: Operator) -> Result<(), Rejection> {
        self.refuse_while_ending("rolled back")?;
        if self.state.mode() == Mode::RollingBack {
            return Err(refuse("it is rolling back already"));
        }
        if self.plan.kind == PlanKind::Rollback {
            return Err(refuse("it is a rollback itself; `abort` ends it"));
        }
        let hosts = self.state.switched().count();
        self.emit(Event::RollbackStarted { by: Some(by), hosts });
        Ok(())
    }

    fn retry(&mut self, host: Option<&HostId>, by: &Operator) -> Result<(), Rejection> {
        self.refuse_while_ending("retried")?;
        let rolling_back = self.state.mode() == Mode::RollingBack;
        let can = |host: &HostStatus| if rolling_back { host.stranded } else { has_failed(host) };
        let chosen: Vec<HostId> = match host {
            None => {
                let failed = self.state.hosts().iter().filter(|host| can(host) && host.phase != Phase::Skipped);
                failed.map(|host| host.id.clone()).collect()
            }
            Some(id) => {
                let index = self.state.index_of(id).ok_or_else(|| refuse(format!("{id} takes no part in it")))?;
                match self.state.host(index) {
                    Some(status) if self.busy.contains_key(&index) => {
                        return Err(refuse(format!("{id} is {} right now", status.phase)));
                    }
                    Some(status) if !can(status) => {
                        return Err(refuse(format!("{id} is {}, it did not fail", status.phase)));
                    }
                    _ => vec![id.clone()],
                }
            }
        };
        let free: Vec<HostId> = chosen
            .into_iter()
            .filter(|id| self.state.index_of(id).is_some_and(|index| !self.busy.contains_key(&index)))
            .collect();
        if free.is_empty() {
            return Err(refuse("no host has failed"));
        }
        for host in free {
            if let Some(index) = self.state.index_of(&host) {
                self.depooling.remove(&index);
            }
            self.emit(Event::HostRetried { host, by: by.clone() });
        }
        // What it waited for is being tried again, so there is nothing left to wait for.
        let mended = match self.state.paused() {
            Some(PauseReason::OverBudget { stage, .. }) => {
                self.state.stage_named(stage).is_none_or(|idx| self.state.over_budget(idx).is_none())
            }
            Some(PauseReason::NoneHealthy { .. }) => true,
            _ => false,
        };
        if mended {
            self.emit(Event::Continued { by: by.clone() });
        }
        Ok(())
    }

    fn skip(&mut self, id: &HostId, by: &Operator) -> Result<(), Rejection> {
        self.refuse_while_ending("changed")?;
        let index = self.state.index_of(id).ok_or_else(|| refuse(format!("{id} takes no part in it")))?;
        let Some(status) = self.state.host(index) else {
            return Err(refuse(format!("{id} takes no part in it")));
        };
        match status.phase {
            Phase::Skipped => return Err(refuse(format!("{id} is skipped already"))),
            Phase::Healthy => return Err(refuse(format!("{id} has the release already; `rollback` takes it back"))),
            Phase::Activating | Phase::Active | Phase::Checking | Phase::RollingBack => {
                return Err(refuse(format!("{id} is being switched; wait until it is healthy or has failed")));
            }
            Phase::Pending | Phase::Priming | Phase::Primed | Phase::RolledBack | Phase::Failed => {}
        }
        if matches!(self.busy.get(&index), Some(Task::Lock | Task::Prime)) {
            self.cancel(index);
        }
        self.relock.remove(&index);
        self.taken.remove(&index);
        self.emit(Event::HostSkipped { host: id.clone(), reason: format!("skipped by {by}") });
        Ok(())
    }

    fn refuse_while_ending(&self, what: &str) -> Result<(), Rejection> {
        if self.state.mode() == Mode::Finalizing || self.settling.is_some() {
            return Err(refuse(format!("it is ending and cannot be {what} any more")));
        }
        Ok(())
    }
}

/// Tells whether a host is one to be tried again.
fn has_failed(host: &HostStatus) -> bool {
    match host.phase {
        Phase::Failed | Phase::Skipped => true,
        Phase::RolledBack => host.failure.is_some(),
        _ => false,
    }
}

fn refuse(why: impl Into<String>) -> Rejection {
    Rejection(why.into())
}
