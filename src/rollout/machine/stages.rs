use super::schedule::after;
use super::{Effect, Machine};
use crate::model::{GateName, HostIdx, Phase, PhaseHook, StageIdx, Verdict};
use crate::plan::{PlanKind, Prefetch, Promote};
use crate::rollout::event::{Event, GateScope};
use crate::rollout::outcome::Outcome;
use crate::rollout::pause::PauseReason;

impl Machine {
    /// Gives the stage whose hosts are primed by themselves; none where all are at once.
    pub(super) fn priming_of(&self, stage: StageIdx) -> Option<StageIdx> {
        let everything = self.plan.policy.prefetch == Prefetch::All || self.plan.kind == PlanKind::Prime;
        (!everything).then_some(stage)
    }

    pub(super) fn prime(&mut self, stage: StageIdx) {
        let first = stage.0 == 0;
        let end = if first && self.priming_of(stage).is_none() { self.state.end() } else { self.end_of(stage) };
        self.fill_primes(end);
        let waiting = [Phase::Pending, Phase::Priming]
            .into_iter()
            .any(|phase| self.state.in_phase(phase, ..end).next().is_some());
        if waiting || !self.busy.is_empty() || !self.hooked(PhaseHook::AfterPrime, self.priming_of(stage)) {
            return;
        }
        if self.plan.kind == PlanKind::Prime {
            self.end(Outcome::Completed);
            return;
        }
        let lost: Vec<HostIdx> = self
            .state
            .in_phase(Phase::Failed, ..end)
            .filter(|&index| self.state.host(index).is_some_and(|host| host.switched.is_none() && !host.depooled))
            .collect();
        for index in lost {
            self.depool_once(index);
        }
        if self.busy.is_empty() {
            self.open(stage);
        }
    }

    /// Takes a host out of service unless that was tried before.
    fn depool_once(&mut self, index: HostIdx) {
        if self.depooling.insert(index) {
            self.depool(index);
        }
    }

    /// Starts a stage whose hosts hold the release.
    fn open(&mut self, idx: StageIdx) {
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let stage = plan.name.clone();
        let range = self.state.range_of(idx);
        let skipped = range.clone().filter(|&index| self.is(index, Phase::Skipped)).count();
        if range.len() == skipped {
            // A held stage holds what follows it, also when nothing is left of it.
            let held = status.held.is_some();
            self.emit(if held { Event::PromotionNeeded { stage } } else { Event::StageSkipped { stage } });
            return;
        }
        let alive = range.clone().any(|index| !self.is(index, Phase::Skipped) && !self.is(index, Phase::Failed));
        if !alive && !self.tolerates_empty(idx) {
            self.stop(PauseReason::NoneHealthy { stage });
            return;
        }
        let wanted: Vec<GateName> = plan
            .gates
            .iter()
            .zip(&status.gates)
            .filter(|(gate, status)| gate.baseline && status.baseline_at.is_none() && status.asked.is_none())
            .map(|(gate, _)| gate.name.clone())
            .collect();
        if !wanted.is_empty() {
            for gate in wanted {
                self.ask(idx, gate, GateScope::Baseline);
            }
            return;
        }
        let hosts = plan.waves.first().copied().unwrap_or(0);
        if self.asked.is_empty() && self.hooked(PhaseHook::BeforeSwitch, Some(idx)) {
            self.emit(Event::StageStarted { stage: stage.clone() });
            self.emit(Event::WaveStarted { stage, wave: 1, hosts });
        }
    }

    fn tolerates_empty(&self, idx: StageIdx) -> bool {
        self.plan.kind == PlanKind::Rollback || self.state.stage(idx).is_some_and(|(_, status)| status.waived)
    }

    fn ask(&mut self, stage: StageIdx, gate: GateName, scope: GateScope) {
        if self.asked.insert((stage, gate.clone())) {
            self.step.effects.push(Effect::Ask { stage, gate, scope });
        }
    }

    pub(super) fn switch(&mut self, idx: StageIdx, wave: usize) {
        let Some((plan, _)) = self.state.stage(idx) else {
            return;
        };
        let range = self.state.range_of(idx);
        let end = range.first(plan.waves.iter().take(wave + 1).sum()).end();
        let next_wave = plan.waves.get(wave + 1).copied();
        let stage = plan.name.clone();
        self.fill(end, idx);
        if self.is_underway(end) {
            return;
        }
        if let Some(hosts) = next_wave {
            self.emit(Event::WaveStarted { stage, wave: wave + 2, hosts });
            return;
        }
        let healthy = range.clone().any(|index| self.is(index, Phase::Healthy));
        let all_skipped = range.clone().all(|index| self.is(index, Phase::Skipped));
        if !healthy && !all_skipped && !self.tolerates_empty(idx) {
            self.stop(PauseReason::NoneHealthy { stage });
            return;
        }
        if !self.hooked(PhaseHook::AfterSwitch, Some(idx)) {
            return;
        }
        let Some((plan, _)) = self.state.stage(idx) else {
            return;
        };
        let soak = plan.soak;
        if soak.is_zero() && plan.gates.is_empty() {
            self.promote(idx);
        } else if self.hooked(PhaseHook::BeforeSoak, Some(idx)) {
            let until = after(self.now, soak);
            self.emit(Event::SoakStarted { stage, until });
        }
    }

    pub(super) fn ask_gates(&mut self, idx: StageIdx) {
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let Some(soak) = status.soak else {
            return;
        };
        let due: Vec<GateName> = plan
            .gates
            .iter()
            .zip(&status.gates)
            .filter(|(gate, status)| {
                let last = status.asked.filter(|&asked| asked >= soak.since);
                !status.waived && last.is_none_or(|asked| after(asked, gate.every) <= self.now)
            })
            .map(|(gate, _)| gate.name.clone())
            .collect();
        for gate in due {
            self.ask(idx, gate, GateScope::Stage);
        }
    }

    pub(super) fn soak(&mut self, idx: StageIdx) {
        self.ask_gates(idx);
        let end = self.end_of(idx);
        self.fill(end, idx);
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let Some(soak) = status.soak else {
            return;
        };
        let vouched = plan.gates.iter().zip(&status.gates).all(|(gate, status)| {
            let answered = status.asked.is_some_and(|asked| asked >= soak.since);
            status.waived || (answered && (gate.dry || status.verdict == Some(Verdict::Pass)))
        });
        let is_over = self.now >= soak.until && vouched && self.asked.is_empty() && !self.is_underway(end);
        if is_over && self.hooked(PhaseHook::AfterSoak, Some(idx)) {
            self.promote(idx);
        }
    }

    fn promote(&mut self, idx: StageIdx) {
        let Some((plan, status)) = self.state.stage(idx) else {
            return;
        };
        let stage = plan.name.clone();
        let nothing_follows = self.end_of(idx) == self.state.end();
        if let Some(early) = status.early.clone() {
            self.emit(Event::Promoted { stage, by: Some(early.by), reason: Some(early.reason) });
        } else if status.held.is_some() {
            self.emit(Event::PromotionNeeded { stage });
        } else if nothing_follows || plan.promote == Promote::Auto || self.plan.policy.promote_all {
            self.emit(Event::Promoted { stage, by: None, reason: None });
        } else {
            self.emit(Event::PromotionNeeded { stage });
        }
    }
}
