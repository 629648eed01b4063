//! Judges what was played, by the journal and by what the hosts hold.

use std::collections::{BTreeMap, BTreeSet};

use coalmine::host::sim::{Change, Place};
use coalmine::model::{
    FailureClass, GateName, HostId, HostIdx, Operator, Phase, Pooling, RollBackTarget, StageIdx, StageName, Verdict,
};
use coalmine::plan::{Plan, PlanKind};
use coalmine::rollout::{Event, GateScope, HostEnd, Outcome, PauseReason, Record};

use crate::play::Played;
use crate::scenario::{Scenario, good};

/// Gives every law that was broken, in words.
pub(crate) fn judge(scenario: &Scenario, played: &Played) -> Vec<String> {
    let mut broken = played.broken.clone();
    let mut journal = JournalJudge::new(&scenario.plan);
    for record in &played.records {
        journal.judge(record);
    }
    broken.extend(std::mem::take(&mut journal.broken));
    if broken.is_empty() {
        judge_end(scenario, played, &mut broken);
        judge_hosts(scenario, played, &journal, &mut broken);
    }
    crate::relays::judge(scenario, played, &mut broken);
    broken
}

/// Follows a journal with its own eyes: nothing here asks the state that the machine keeps.
struct JournalJudge<'a> {
    plan: &'a Plan,
    stage_of: BTreeMap<HostId, StageIdx>,
    passed: BTreeSet<StageIdx>,
    width: usize,
    in_flight: BTreeSet<HostId>,
    going_back: BTreeSet<HostId>,
    sent_back: BTreeSet<HostId>,
    healthy: BTreeSet<HostId>,
    touched: BTreeSet<HostId>,
    failed: BTreeMap<HostId, FailureClass>,
    forgiven: BTreeMap<(StageIdx, FailureClass), usize>,
    fresh: BTreeMap<(StageIdx, FailureClass), usize>,
    halted: Option<&'static str>,
    paused: Option<PauseReason>,
    /// Who may not be passed before a person says so.
    held: BTreeSet<StageIdx>,
    /// What the gates of stages that soak answered last, and those that somebody went on in spite of.
    gates: BTreeMap<(StageIdx, GateName), Verdict>,
    waived: BTreeSet<(StageIdx, GateName)>,
    rolling_back: bool,
    /// What persons asked for about the service of hosts, and whom they took out.
    wished: BTreeMap<HostId, Pooling>,
    taken_out: BTreeSet<HostId>,
    seq: u64,
    at: Option<jiff::Timestamp>,
    over: bool,
    broken: Vec<String>,
}

impl<'a> JournalJudge<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut stage_of = BTreeMap::new();
        for (idx, (_, waves)) in plan.waves().enumerate() {
            for host in waves.into_iter().flatten() {
                stage_of.insert(host.host.clone(), StageIdx(idx));
            }
        }
        Self {
            plan,
            stage_of,
            passed: BTreeSet::new(),
            width: 0,
            in_flight: BTreeSet::new(),
            going_back: BTreeSet::new(),
            sent_back: BTreeSet::new(),
            healthy: BTreeSet::new(),
            touched: BTreeSet::new(),
            failed: BTreeMap::new(),
            forgiven: BTreeMap::new(),
            fresh: BTreeMap::new(),
            halted: None,
            paused: None,
            held: BTreeSet::new(),
            gates: BTreeMap::new(),
            waived: BTreeSet::new(),
            rolling_back: false,
            wished: BTreeMap::new(),
            taken_out: BTreeSet::new(),
            seq: 0,
            at: None,
            over: false,
            broken: Vec::new(),
        }
    }

    fn named(&self, name: &StageName) -> StageIdx {
        StageIdx(self.plan.stages.iter().position(|stage| stage.name == *name).unwrap())
    }

    fn blame(&mut self, what: String) {
        self.broken.push(format!("at record {}: {what}", self.seq));
    }

    fn judge(&mut self, record: &Record) {
        if record.seq != self.seq + 1 || self.at.is_some_and(|at| at > record.at) || self.over {
            self.blame(format!("record {} at {} does not follow", record.seq, record.at));
        }
        self.seq = record.seq;
        self.at = Some(record.at);
        match &record.event {
            Event::HostPhase { host, phase, .. } => self.phase(host, *phase),
            Event::HostFailed { host, class, .. } => self.fail(host, *class),
            Event::HostRetried { host, .. } | Event::HostSkipped { host, .. } => {
                self.in_flight.remove(host);
                if let Some(class) = self.failed.remove(host) {
                    let key = (self.stage_of[host], class);
                    for counts in [&mut self.forgiven, &mut self.fresh] {
                        counts.entry(key).and_modify(|count| *count = count.saturating_sub(1));
                    }
                }
            }
            Event::StageStarted { stage } => {
                let idx = self.named(stage);
                self.width = self.plan.stages[idx.0].concurrency;
                if let Some(before) = (0..idx.0).map(StageIdx).find(|before| !self.passed.contains(before)) {
                    self.blame(format!("law 1: {stage} starts before stage {before:?} was promoted"));
                }
            }
            Event::StageSkipped { stage } => self.pass(stage, None),
            Event::Promoted { stage, by, .. } => {
                self.pass(stage, by.as_ref());
                self.judge_gates(stage);
            }
            Event::Held { stage, .. } => {
                let idx = self.named(stage);
                self.held.insert(idx);
            }
            Event::SoakStarted { stage, .. } => {
                let idx = self.named(stage);
                self.gates.retain(|(of, _), _| *of != idx);
            }
            Event::SoakChanged { stage, promotes: true, .. } => {
                let idx = self.named(stage);
                self.held.remove(&idx);
            }
            Event::GateResult { gate, scope: GateScope::Stage, stage, verdict, .. } => {
                let idx = self.named(stage);
                self.gates.insert((idx, gate.clone()), *verdict);
            }
            Event::Paused { why } => {
                self.paused = Some(why.clone());
                self.halted = Some("it is paused");
            }
            Event::Stopping { .. } => self.halted = Some("it is stopping"),
            Event::AbortRequested { .. } => self.halted = Some("it is aborted"),
            Event::Suspended { .. } => self.halted = Some("it is suspended"),
            Event::Resumed { .. } if self.halted == Some("it is suspended") => {
                self.halted = self.paused.as_ref().map(|_| "it is paused");
            }
            Event::Continued { .. } => {
                self.halted = None;
                let paused = self.paused.take();
                if paused.is_none() {
                    self.held.clear();
                }
                if let Some(PauseReason::GateFailed { stage, gate, .. }) = &paused {
                    self.waived.insert((self.named(stage), gate.clone()));
                }
                if let Some(PauseReason::OverBudget { stage, .. }) = paused {
                    let idx = self.named(&stage);
                    for class in FailureClass::ALL {
                        let count = self.count(idx, class);
                        self.forgiven.insert((idx, class), count);
                    }
                    self.fresh.retain(|(stage, _), _| *stage != idx);
                }
            }
            Event::RollbackStarted { .. } => {
                self.rolling_back = true;
                self.halted = Some("it is rolling back");
            }
            Event::ServiceAsked { host, what, .. } => {
                self.wished.insert(host.clone(), *what);
            }
            Event::HostDepooled { host, by, error, .. } => {
                if by.is_some() {
                    self.wished.remove(host);
                }
                if by.is_some() && error.is_none() {
                    self.taken_out.insert(host.clone());
                }
            }
            Event::HostRepooled { host, by, error, .. } => {
                if by.is_some() {
                    self.wished.remove(host);
                } else if error.is_none() && self.taken_out.contains(host) {
                    self.blame(format!("law 17: {host} was put back by itself, and a person had taken it out"));
                }
                if error.is_none() {
                    self.taken_out.remove(host);
                }
            }
            Event::RolloutFinished { .. } => {
                if !self.wished.is_empty() {
                    self.blame(format!("law 17: nothing came of what persons asked for: {:?}", self.wished));
                }
                self.over = true;
            }
            _ => {}
        }
    }

    /// Law 15: what a person held is passed by a person alone.
    fn pass(&mut self, stage: &StageName, by: Option<&Operator>) {
        let idx = self.named(stage);
        if self.held.remove(&idx) && by.is_none() {
            self.blame(format!("law 15: stage {stage} was held and went on by itself"));
        }
        self.passed.insert(idx);
    }

    /// Law 16: a stage that soaked is promoted when each of its gates has passed, however early.
    fn judge_gates(&mut self, stage: &StageName) {
        let idx = self.named(stage);
        let soaked = self.gates.keys().any(|(of, _)| *of == idx);
        let gates = self.plan.stages[idx.0].gates.iter().filter(|gate| !gate.dry && soaked);
        for key in gates.map(|gate| (idx, gate.name.clone())).collect::<Vec<_>>() {
            let passed = self.gates.get(&key) == Some(&Verdict::Pass);
            if !passed && !self.waived.contains(&key) {
                self.blame(format!("law 16: stage {stage} was promoted although gate {:?} had not passed", key.1));
            }
        }
    }

    fn count(&self, idx: StageIdx, class: FailureClass) -> usize {
        self.failed.iter().filter(|(host, failed)| **failed == class && self.stage_of[*host] == idx).count()
    }

    /// Tells whether failures of a class count.
    fn counts(&self, class: FailureClass) -> bool {
        let skipped = self.plan.policy.skip_unreachable && class == FailureClass::Unreachable;
        self.plan.kind != PlanKind::Rollback && !skipped
    }

    fn phase(&mut self, host: &HostId, phase: Phase) {
        let idx = self.stage_of[host];
        match phase {
            Phase::Activating => {
                if let Some(before) = (0..idx.0).map(StageIdx).find(|before| !self.passed.contains(before)) {
                    self.blame(format!("law 1: {host} is switched before stage {before:?} was promoted"));
                }
                // After a resume, a switch that was under way may be asked for once more.
                let again = !self.in_flight.insert(host.clone());
                if !again && self.in_flight.len() > self.width {
                    self.blame(format!("law 2: {host} is switched beside {:?}, width {}", self.in_flight, self.width));
                }
                for class in FailureClass::ALL {
                    let forgiven = self.forgiven.get(&(idx, class)).copied().unwrap_or(0);
                    let failed = self.count(idx, class).saturating_sub(forgiven);
                    if !again && self.counts(class) && failed > self.plan.stages[idx.0].budget.of(class) {
                        self.blame(format!("law 2: {host} is switched although {failed} {class} are over budget"));
                    }
                }
                self.touched.insert(host.clone());
                if let Some(why) = self.halted.filter(|_| !again) {
                    self.blame(format!("law 2: {host} is switched although {why}"));
                }
            }
            Phase::RollingBack => {
                self.going_back.insert(host.clone());
                self.sent_back.insert(host.clone());
                let width = self.plan.stages.iter().map(|stage| stage.concurrency).max().unwrap();
                if self.rolling_back && self.going_back.len() > width {
                    self.blame(format!("law 2: {:?} go back at once, width {width}", self.going_back));
                }
            }
            Phase::Active | Phase::Checking => {}
            _ => {
                self.in_flight.remove(host);
                self.going_back.remove(host);
            }
        }
        if phase == Phase::Priming
            && let Some(why) = self.halted
        {
            self.blame(format!("law 2: {host} is {phase} although {why}"));
        }
        self.healthy.remove(host);
        if phase == Phase::Healthy {
            self.failed.remove(host);
            self.healthy.insert(host.clone());
        }
    }

    fn fail(&mut self, host: &HostId, class: FailureClass) {
        self.in_flight.remove(host);
        let went_back = self.going_back.remove(host);
        if self.failed.contains_key(host) {
            return;
        }
        self.failed.insert(host.clone(), class);
        if self.rolling_back || went_back || !self.counts(class) {
            return;
        }
        let idx = self.stage_of[host];
        let fresh = self.fresh.entry((idx, class)).or_default();
        *fresh += 1;
        let policy = &self.plan.policy;
        let width = self.plan.stages.iter().map(|stage| stage.concurrency).max().unwrap();
        let most = self.plan.stages[idx.0].budget.of(class) + width + policy.prime_width + policy.control_width;
        if *fresh > most {
            let fresh = *fresh;
            self.blame(format!("law 2: {fresh} {class} hosts of {idx:?}, at most {most} could be"));
        }
    }
}

fn judge_end(scenario: &Scenario, played: &Played, broken: &mut Vec<String>) {
    let Some(Event::RolloutFinished { outcome, exit_code, counts, debt }) =
        played.records.last().map(|record| &record.event)
    else {
        broken.push("law 7: the journal has no end".to_owned());
        return;
    };
    let last = played.site.lines.lock().unwrap().last().cloned().unwrap_or_default();
    let word = match (outcome, exit_code) {
        (Outcome::Completed, _) => ": done on ",
        (Outcome::Stopped, _) => ": STOPPED, ",
        (Outcome::RolledBack, 0) => ": done, ",
        (Outcome::RolledBack, _) => ": ROLLED BACK",
        (Outcome::Locked, _) => ": not started, ",
    };
    if !last.contains(word) {
        broken.push(format!("the last that people heard is {last:?}"));
    }
    let masters: usize = scenario
        .plan
        .stages
        .iter()
        .filter(|stage| stage.kind == coalmine::plan::StageKind::Masters)
        .map(coalmine::plan::StagePlan::hosts)
        .sum();
    let counted: usize = counts.values().sum();
    if counted + masters != scenario.plan.hosts.len() {
        broken.push(format!("law 7: {counted} targets ended, of {}", scenario.plan.hosts.len() - masters));
    }
    if *outcome == Outcome::Completed && counts.contains_key(&HostEnd::Unknown) {
        broken.push("law 7: it is complete and does not know of a host".to_owned());
    }
    let all_well = counts.keys().all(|end| matches!(end, HostEnd::Healthy | HostEnd::Primed));
    let went_back = scenario.plan.kind == PlanKind::Rollback && *outcome == Outcome::RolledBack;
    if *exit_code == 0 && !(all_well && debt.is_empty()) && !went_back {
        broken.push(format!("exit 0 with {counts:?} and debt {debt:?}"));
    }
    if *outcome == Outcome::Completed && all_well && debt.is_empty() && *exit_code != 0 {
        broken.push(format!("exit {exit_code} although all is well"));
    }
}

fn judge_hosts(scenario: &Scenario, played: &Played, journal: &JournalJudge<'_>, broken: &mut Vec<String>) {
    let plan = &scenario.plan;
    let touched = &journal.touched;
    let outcome = played.state.outcome();
    for (index, before) in scenario.hosts.iter().enumerate() {
        let id = &before.id;
        let disk = played.fleet.get(id).unwrap().disk();
        broken.extend(disk.broken.iter().map(|what| format!("law 3: {id}: {what}")));
        let home = good(&before.disk);
        for (at, change) in &disk.changes {
            if let Change::WentBack(target) = change
                && Some(target) != home.as_ref()
            {
                broken.push(format!("law 4: {id} went back to {target:?} at {at}, good was {home:?}"));
            }
        }
        let end = played.state.host_end(HostIdx(index));
        let is_on = |place: &Place| disk.current == *place;
        let on_release = is_on(&Place::Release(plan.release.clone()));
        let unchanged = is_on(&before.disk.current);
        let switched = disk.changes.iter().any(|(_, change)| matches!(change, Change::Switched(_)));
        let is_home = match &home {
            Some(RollBackTarget::Release { id }) => is_on(&Place::Release(id.clone())),
            Some(RollBackTarget::Nothing) => is_on(&Place::Nothing),
            Some(RollBackTarget::Adopted) => !on_release,
            None => false,
        };
        let right = match end {
            HostEnd::Healthy => {
                let good = disk.good.as_ref() == Some(&plan.release) && disk.lock.is_none();
                on_release && (outcome != Some(Outcome::Completed) || good)
            }
            HostEnd::Primed => unchanged && disk.has(&plan.release) && !switched,
            HostEnd::RolledBack => is_home,
            HostEnd::Untried => unchanged && !switched,
            HostEnd::Skipped | HostEnd::Failed | HostEnd::Unreachable => touched.contains(id) || unchanged,
            HostEnd::Unknown | HostEnd::Current => true,
        };
        if !right {
            broken
                .push(format!("law 7: {id} ended {end}, and is at {:?} (was {:?})", disk.current, before.disk.current));
        }
        // A healthy host that could not be told that the release is good has failed too, and stays where it is.
        let has_failed = matches!(end, HostEnd::Failed | HostEnd::Unreachable) && !journal.healthy.contains(id);
        let left = has_failed && on_release && touched.contains(id) && !journal.sent_back.contains(id);
        if left && plan.kind == PlanKind::Install {
            broken.push(format!("{id} failed and was left on the release"));
        }
        if switched && !touched.contains(id) {
            broken.push(format!("law 5: {id} was switched and the journal does not say so"));
        }
        let free = disk.lock.as_ref().is_none_or(|holder| holder.rollout != plan.rollout);
        if before.faults.is_empty() && !free {
            broken.push(format!("{id} answers and is still locked"));
        }
    }
}
