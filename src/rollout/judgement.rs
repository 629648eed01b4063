//! What a rollout that is over says about releases: counted in targets, by identity, and in nobody's name but theirs.
//!
//! | outcome | exit | words | marks |
//! |---|---|---|---|
//! | completed, no debt | 0 | runs on N hosts | good on every target that finalized it |
//! | completed, debt | 3, or 4 where all of it is unreachable | is on N hosts, and not on M | the same; nothing where N is 0 |
//! | completed rollback | as above | | beside that: bad is what at least one target went back from, for every target that was meant |
//! | stopped | 5 | stopped, and left as it stands | none |
//! | rolled back, and the release is why | 6 | rolled back | bad for every target that was switched, where at least one went back |
//! | rolled back for anything else | 6 | rolled back | none |
//! | locked | 7 | not started | none |
//!
//! The release is why where a target failed to be switched to it or a gate of a host failed there, where a gate of a stage failed, or a hook
//! that stops as one, and where a person said so who was not only clearing up behind hosts that could not be reached, a transfer, a lock or a
//! freeze. Of hosts that are away, and of what did not get there, nothing follows for those that run it well.
//!
//! Masters are told apart: they are in no count and no verdict. A test below makes the table of the types.

use super::outcome::{HostEnd, Outcome};
use super::pause::PauseReason;
use super::state::{State, WayBack};
use crate::model::{HostId, HostIdx, Installed, Phase, ReleaseId, RollBackTarget};
use crate::plan::{LeftOutReason, PlanKind};

/// Says what was found out about one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Which release.
    pub release: ReleaseId,
    /// Why it is bad; none when it is good.
    pub bad: Option<String>,
    /// For which targets that counts.
    pub hosts: Vec<HostId>,
    /// On how many targets it was so.
    pub on: usize,
}

impl State {
    /// Says what the rollout found out about releases; nothing while it is not over, and nothing about a slot.
    #[must_use]
    pub fn judgements(&self) -> Vec<Judgement> {
        let Some(plan) = self.plan().filter(|plan| plan.slot.is_none() && plan.kind != PlanKind::Prime) else {
            return Vec::new();
        };
        match (self.outcome(), plan.kind) {
            (Some(Outcome::Completed), PlanKind::Rollback) => {
                let mut found = self.good();
                found.extend(self.left());
                found
            }
            (Some(Outcome::Completed), _) => self.good(),
            (Some(Outcome::RolledBack), _) => self.refused().into_iter().collect(),
            (Some(Outcome::Stopped | Outcome::Locked) | None, _) => Vec::new(),
        }
    }

    fn targets(&self) -> impl Iterator<Item = HostIdx> {
        self.range().filter(|&index| !self.is_master(index))
    }

    /// What became good, and on which targets.
    fn good(&self) -> Vec<Judgement> {
        let mut found: Vec<Judgement> = Vec::new();
        let Some(plan) = self.plan() else { return found };
        for index in self.targets().filter(|&index| self.host_end(index) == HostEnd::Healthy) {
            let Some(host) = self.host(index) else { continue };
            let release = match &host.to {
                None => plan.release.clone(),
                Some(RollBackTarget::Release { id }) => id.clone(),
                Some(RollBackTarget::Nothing | RollBackTarget::Adopted) => continue,
            };
            match found.iter_mut().find(|known| known.release == release) {
                Some(known) => known.hosts.push(host.id.clone()),
                None => found.push(Judgement { release, bad: None, hosts: vec![host.id.clone()], on: 0 }),
            }
        }
        for known in &mut found {
            known.on = known.hosts.len();
        }
        found
    }

    /// What a rollback led away from: for every target that it was meant for, also those that could not be reached, where at
    /// least one went.
    fn left(&self) -> Vec<Judgement> {
        let Some(plan) = self.plan() else { return Vec::new() };
        let mut reason = format!("rolled back by {}", plan.operator);
        if let Some(why) = &plan.reason {
            reason.push_str(&format!(": {why}"));
        }
        let unasked = self.targets().filter_map(|index| self.host(index)).filter(|host| host.from.is_none());
        let mut silent: Vec<HostId> = unasked.map(|host| host.id.clone()).collect();
        let skipped = plan.left_out.iter().filter(|out| out.reason == LeftOutReason::Unreachable && !out.is_master);
        silent.extend(skipped.map(|out| out.host.clone()));
        let mut found: Vec<Judgement> = Vec::new();
        for index in self.targets() {
            let Some(host) = self.host(index) else { continue };
            let Some(from) = host.from.as_ref().and_then(Installed::release) else { continue };
            let to = match &host.to {
                None => Some(&plan.release),
                Some(RollBackTarget::Release { id }) => Some(id),
                Some(RollBackTarget::Nothing | RollBackTarget::Adopted) => None,
            };
            if to == Some(from) {
                continue;
            }
            let at = match found.iter().position(|known| known.release == *from) {
                Some(at) => at,
                None => {
                    let (release, bad) = (from.clone(), Some(reason.clone()));
                    found.push(Judgement { release, bad, hosts: silent.clone(), on: 0 });
                    found.len() - 1
                }
            };
            if let Some(known) = found.get_mut(at) {
                known.hosts.push(host.id.clone());
                known.on += usize::from(self.host_end(index) == HostEnd::Healthy);
            }
        }
        found.retain(|known| known.on > 0);
        found
    }

    /// What hosts were taken back from by a rollout that failed by its release, or that somebody took back.
    fn refused(&self) -> Option<Judgement> {
        let plan = self.plan()?;
        let touched: Vec<HostIdx> = self
            .targets()
            .filter(|&index| {
                self.host(index).is_some_and(|host| {
                    host.went_back || host.switched.is_some() || host.stranded || host.phase == Phase::RolledBack
                })
            })
            .collect();
        let on = touched.iter().filter(|&&index| self.host_end(index) == HostEnd::RolledBack).count();
        if on == 0 {
            return None;
        }
        let reason = format!("rolled back in rollout {}: {}", plan.rollout, self.blame()?);
        let hosts = touched.iter().filter_map(|&index| Some(self.host(index)?.id.clone())).collect();
        Some(Judgement { release: plan.release.clone(), bad: Some(reason), hosts, on })
    }

    /// Tells whether the release is why hosts go back.
    #[must_use]
    pub fn is_blamed(&self) -> bool {
        self.blame().is_some()
    }

    /// Says by what the release is why hosts go back; none where it is not.
    fn blame(&self) -> Option<String> {
        let failed = self.targets().filter_map(|index| self.host(index)).find(|host| host.blames);
        if let Some(failure) = failed.and_then(|host| host.failure.as_ref()) {
            return Some(failure.message.clone());
        }
        let WayBack { by, why, .. } = self.way_back()?;
        match why {
            Some(PauseReason::GateFailed { gate, message, .. }) => Some(format!("gate {:?}: {message}", gate.as_str())),
            Some(PauseReason::HookFailed { hook, message, .. }) if why.as_ref()?.is_of_release()? => {
                Some(format!("{hook}: {message}"))
            }
            Some(why) if why.is_of_release().is_some() => None,
            _ => by.as_ref().map(|by| format!("by {by}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::model::{Failure, FailureClass, Operator, PhaseHook};
    use crate::plan::StageKind;
    use crate::rollout::machine::table;
    use crate::rollout::{Debt, Event, Record};

    /// Plays events after the plan of the command table: two targets, and a master before them.
    fn play(kind: PlanKind, events: &[Event]) -> State {
        let mut plan = table::plan();
        plan.kind = kind;
        plan.reason = Some("loses data".to_owned());
        if let Some(stage) = plan.stages.first_mut() {
            stage.kind = StageKind::Masters;
        }
        for host in &mut plan.hosts {
            host.from = Some(Installed::Release { id: "0.9.0-00000000".parse().unwrap(), digest: None, drift: None });
        }
        let rollout = plan.rollout.clone();
        let planned = Event::RolloutPlanned { number: None, plan: Arc::new(plan) };
        let records: Vec<Record> = std::iter::once(&planned)
            .chain(events)
            .zip(1..)
            .map(|(event, seq)| Record {
                seq,
                at: Timestamp::UNIX_EPOCH,
                rollout: rollout.clone(),
                event: event.clone(),
            })
            .collect();
        State::replay(&records)
    }

    fn phases(state: &State, phase: &[Phase]) -> Vec<Event> {
        let hosts = state.hosts().iter().map(|host| host.id.clone());
        hosts.flat_map(|host| phase.iter().map(move |&phase| Event::host_phase(host.clone(), phase))).collect()
    }

    fn finished(outcome: Outcome, kind: PlanKind, debt: Vec<Debt>) -> Event {
        let exit_code = outcome.exit_code(kind, &debt);
        Event::RolloutFinished { outcome, exit_code, counts: [].into(), debt }
    }

    fn told(state: &State) -> Vec<(String, bool, usize, usize)> {
        let found = state.judgements().into_iter();
        found.map(|it| (it.release.version().to_string(), it.bad.is_none(), it.on, it.hosts.len())).collect()
    }

    /// The table of this module's docs, made of what the types say.
    #[test]
    fn every_outcome_has_its_exit_code_its_words_and_its_marks() {
        let empty = play(PlanKind::Install, &[]);
        let targets = empty.targets().count();
        let version = empty.plan().unwrap().version.to_string();
        let healthy = phases(&empty, &[Phase::Activating, Phase::Active, Phase::Healthy]);
        let mut back = phases(&empty, &[Phase::Activating]);
        back.push(Event::RollbackStarted { by: Some(table::eve()), hosts: targets });
        back.extend(phases(&empty, &[Phase::RollingBack, Phase::RolledBack]));
        let with = |events: &[Event], outcome, kind| {
            let mut events = events.to_vec();
            events.push(finished(outcome, kind, Vec::new()));
            let state = play(kind, &events);
            (told(&state), state.exit_code())
        };
        for outcome in Outcome::ALL {
            for kind in [PlanKind::Install, PlanKind::Rollback, PlanKind::Prime] {
                let (marks, code) = match outcome {
                    Outcome::Completed | Outcome::Stopped | Outcome::Locked => with(&healthy, outcome, kind),
                    Outcome::RolledBack => with(&back, outcome, kind),
                };
                let good = (version.clone(), true, targets, targets);
                let expected = match (outcome, kind) {
                    (_, PlanKind::Prime) | (Outcome::Stopped | Outcome::Locked, _) => Vec::new(),
                    (Outcome::Completed, PlanKind::Install) => vec![good],
                    (Outcome::Completed, PlanKind::Rollback) => {
                        vec![good, ("0.9.0".to_owned(), false, targets, targets)]
                    }
                    (Outcome::RolledBack, _) => vec![(version.clone(), false, targets, targets)],
                };
                assert_eq!(marks, expected, "{outcome} {kind:?}");
                let expected = match (outcome, kind) {
                    (Outcome::Completed, _) | (Outcome::RolledBack, PlanKind::Rollback) => 0,
                    (Outcome::Stopped, _) => 5,
                    (Outcome::RolledBack, _) => 6,
                    (Outcome::Locked, _) => 7,
                };
                assert_eq!(code, Some(expected), "{outcome} {kind:?}");
            }
        }
    }

    /// Plays a rollout in which a target fails so, that stops for this, and that goes back by a person's word or by the policy.
    fn goes_back(failure: Option<FailureClass>, why: Option<PauseReason>, by: Option<Operator>) -> Option<String> {
        let empty = play(PlanKind::Install, &[]);
        let mut events = phases(&empty, &[Phase::Activating, Phase::Active, Phase::Checking]);
        let last = empty.targets().last().unwrap();
        for index in empty.targets().filter(|&index| failure.is_none() || index != last) {
            events.push(Event::host_phase(empty.host(index).unwrap().id.clone(), Phase::Healthy));
        }
        let last = empty.host(last).unwrap().id.clone();
        events.extend(failure.map(|class| Event::host_failed(last.clone(), Failure::new(class, "lost"))));
        events.extend(why.map(|why| if by.is_some() { Event::Paused { why } } else { Event::Stopping { why } }));
        events.push(Event::RollbackStarted { by, hosts: 2 });
        events.extend(phases(&empty, &[Phase::RollingBack, Phase::RolledBack]));
        // On the way back nothing speaks of what was left.
        events.push(Event::host_phase(last.clone(), Phase::RollingBack));
        events.push(Event::host_failed(last, Failure::new(FailureClass::Activate, "read-only")));
        events.push(finished(Outcome::RolledBack, PlanKind::Install, Vec::new()));
        play(PlanKind::Install, &events).judgements().into_iter().find_map(|found| found.bad)
    }

    #[test]
    fn what_goes_back_for_hosts_and_not_for_the_release_says_nothing_of_the_release() {
        let stage = || crate::model::StageName::new("canary").unwrap();
        let over = |class| PauseReason::OverBudget { stage: stage(), class, failed: 1, allowed: 0 };
        for class in FailureClass::ALL {
            let is_bad = matches!(class, FailureClass::Activate | FailureClass::Unhealthy);
            for by in [None, Some(table::eve())] {
                let found = goes_back(Some(class), Some(over(class)), by);
                assert_eq!(found.is_some(), is_bad, "{class}: {found:?}");
                assert!(found.is_none_or(|found| found.contains(": lost")), "{class}");
            }
        }
        let hook = |hook| PauseReason::HookFailed { hook, stage: Some(stage()), message: "exit code 1".to_owned() };
        let (gate, message) = (crate::model::GateName::from("error rate"), "12 is more than 10".to_owned());
        let failed = PauseReason::GateFailed { stage: stage(), gate: gate.clone(), message: message.clone() };
        let unsure = PauseReason::GateInconclusive { stage: stage(), gate, message };
        let eve = Some(table::eve());
        for (why, by, bad) in [
            (Some(failed.clone()), None, Some("gate \"error rate\": 12 is more than 10")),
            (Some(failed), eve.clone(), Some("gate \"error rate\": 12 is more than 10")),
            (Some(hook(PhaseHook::AfterSoak)), None, Some("hooks.after.soak: exit code 1")),
            (Some(hook(PhaseHook::BeforeSwitch)), None, None),
            (Some(hook(PhaseHook::BeforeSwitch)), eve.clone(), None),
            (Some(PauseReason::NoneHealthy { stage: stage() }), None, None),
            // Whoever looked at what a gate could not tell, or stopped it herself, has judged.
            (Some(unsure.clone()), None, None),
            (Some(unsure), eve.clone(), Some("by ")),
            (Some(PauseReason::Operator { by: table::eve() }), eve.clone(), Some("by ")),
            (None, eve, Some("by ")),
        ] {
            let found = goes_back(None, why.clone(), by);
            assert_eq!(found.is_some(), bad.is_some(), "{why:?}: {found:?}");
            assert!(bad.is_none_or(|bad| found.as_ref().unwrap().contains(bad)), "{why:?}: {found:?}");
        }
    }

    #[test]
    fn a_rollback_that_fails_on_every_target_says_nothing_about_any_release() {
        let empty = play(PlanKind::Rollback, &[]);
        let mut events = phases(&empty, &[Phase::Activating]);
        for index in empty.targets() {
            let host = empty.host(index).unwrap().id.clone();
            events.push(Event::host_failed(host, Failure::new(FailureClass::Unhealthy, "gate \"answers\" failed")));
        }
        events.push(finished(Outcome::Completed, PlanKind::Rollback, Vec::new()));
        assert_eq!(told(&play(PlanKind::Rollback, &events)), []);
    }

    #[test]
    fn a_verdict_has_the_reason_that_was_given_and_why_hosts_failed() {
        let empty = play(PlanKind::Rollback, &[]);
        let mut events = phases(&empty, &[Phase::Activating, Phase::Active, Phase::Healthy]);
        events.push(finished(Outcome::Completed, PlanKind::Rollback, Vec::new()));
        let found = play(PlanKind::Rollback, &events).judgements();
        let reason = found.iter().find_map(|found| found.bad.clone()).unwrap();
        assert!(reason.starts_with("rolled back by ") && reason.ends_with(": loses data"), "{reason}");
    }
}
