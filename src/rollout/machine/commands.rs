use std::time::Duration;

use super::schedule::after;
use super::{Machine, Task};
use crate::model::{Command, HostId, Operator, Pooling, StageIdx, StageName};
use crate::rollout::event::Event;
use crate::rollout::pause::PauseReason;
use crate::rollout::refusal::{Rejection, Underway, judge, retried};
use crate::rollout::state::Mode;

impl Machine {
    /// Accepts a command or says why not; every command is defined in every state.
    pub(super) fn command(&mut self, command: Command, by: Operator) -> Result<(), Rejection> {
        let busy = |index| self.busy.contains(index);
        let underway = Underway { ending: self.settling.is_some(), busy: &busy };
        judge(&self.state, &command, &underway)?;
        match command {
            Command::Pause => self.emit(Event::Paused { why: PauseReason::Operator { by } }),
            Command::Continue => self.go_on(by),
            Command::Abort => {
                if self.state.aborted().is_none() {
                    self.emit(Event::AbortRequested { by });
                }
            }
            Command::Rollback => {
                let hosts = self.state.switched().count();
                self.emit(Event::RollbackStarted { by: Some(by), hosts });
            }
            Command::Retry { host: Some(host) } => self.retry(vec![host], &by),
            Command::Retry { host: None } => {
                let failed = retried(&self.state, &underway).map(|host| host.id.clone()).collect();
                self.retry(failed, &by);
            }
            Command::Skip { host } => self.skip(host, &by),
            Command::Depool { host, reason } => {
                self.emit(Event::ServiceAsked { host, what: Pooling::Depool, by, reason: Some(reason) });
            }
            Command::Repool { host, reason } => {
                self.emit(Event::ServiceAsked { host, what: Pooling::Repool, by, reason });
            }
            Command::Stop => {
                if self.state.suspended().is_some() {
                    self.cancel_harmless();
                } else if self.state.aborted().is_none() {
                    self.emit(Event::Suspended { by });
                }
            }
            Command::Soak { left_s, reason } => self.change_soak(Duration::from_secs(left_s), reason, by, false),
            Command::Promote { reason } => match self.state.mode() {
                Mode::Promoting { stage } => {
                    if let Some(stage) = self.stage_name(stage) {
                        self.emit(Event::Promoted { stage, by: Some(by), reason: Some(reason) });
                    }
                }
                _ => self.change_soak(Duration::ZERO, reason, by, true),
            },
            Command::Hold { reason } => {
                if let Some(stage) = self.state.stage_at().and_then(|idx| self.stage_name(idx)) {
                    self.emit(Event::Held { stage, by, reason });
                }
            }
        }
        Ok(())
    }

    fn go_on(&mut self, by: Operator) {
        match self.state.mode() {
            Mode::Promoting { stage } if self.state.paused().is_none() => {
                if let Some(stage) = self.stage_name(stage) {
                    self.emit(Event::Promoted { stage, by: Some(by), reason: None });
                }
            }
            _ => self.emit(Event::Continued { by }),
        }
    }

    fn stage_name(&self, idx: StageIdx) -> Option<StageName> {
        self.state.stage(idx).map(|(plan, _)| plan.name.clone())
    }

    /// Gives the stage that soaks another end; its gates have the last word all the same.
    fn change_soak(&mut self, left: Duration, reason: String, by: Operator, promotes: bool) {
        if let Mode::Soaking { stage } = self.state.mode()
            && let Some(stage) = self.stage_name(stage)
        {
            self.emit(Event::SoakChanged { stage, until: after(self.now, left), by, reason, promotes });
        }
    }

    fn retry(&mut self, hosts: Vec<HostId>, by: &Operator) {
        for host in hosts {
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
    }

    fn skip(&mut self, host: HostId, by: &Operator) {
        let Some(index) = self.state.index_of(&host) else {
            return;
        };
        if matches!(self.busy.get(index), Some(Task::Lock | Task::Prime)) {
            self.cancel(index);
        }
        self.relock.remove(&index);
        self.taken.remove(&index);
        self.emit(Event::HostSkipped { host, reason: format!("skipped by {by}"), overtaken: false });
    }
}
