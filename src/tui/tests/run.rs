//! A rollout by hand: what the machine asks for is done when the test says.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::fixture::{at, host, operator, release, rollout_id};
use crate::model::{
    Bytes, Command, Digest, Failure, FailureClass, GateReport, HostId, Installed, RollBackTarget, Verdict,
};
use crate::plan::Plan;
use crate::rollout::{Effect, Event, Input, Machine, Record, Task, TaskError, TaskOutput};

/// Runs a rollout: the machine decides, and whatever it asks for is done as the script says.
pub(super) struct Run {
    machine: Machine,
    pub(super) now: Timestamp,
    pub(super) records: Vec<Record>,
    open: Vec<Effect>,
    fail: BTreeMap<HostId, (Task, Failure)>,
    unhealthy: BTreeMap<HostId, String>,
    gate: (Verdict, f64, String),
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        let now = at("2026-11-21T13:02:00Z");
        let (machine, first) = Machine::plan(plan, now);
        let mut run = Self {
            machine,
            now,
            records: vec![first],
            open: Vec::new(),
            fail: BTreeMap::new(),
            unhealthy: BTreeMap::new(),
            gate: (Verdict::Pass, 3.1, String::new()),
        };
        run.step(Input::Begin { by: operator() });
        run
    }

    /// Makes a host's task fail.
    pub(super) fn failing(mut self, name: &str, task: Task, failure: Failure) -> Self {
        self.fail.insert(host(name), (task, failure));
        self
    }

    /// Makes a host fail its gate.
    pub(super) fn unhealthy(mut self, name: &str, message: &str) -> Self {
        self.unhealthy.insert(host(name), message.to_owned());
        self
    }

    /// Makes a host fail its gate, and again on the release that it goes back to.
    pub(super) fn sick_on_both(self, name: &str) -> Self {
        let task = Task::RollBack { to: RollBackTarget::Release { id: release("4.282.1", 7) }, blames: true };
        let failure = Failure::new(FailureClass::Unhealthy, "went back, and there too gate \"answers\" failed: exit 1");
        self.unhealthy(name, "exit 1").failing(name, task, failure)
    }

    /// Makes the gates of stages answer something.
    pub(super) fn gate(mut self, verdict: Verdict, value: f64, message: &str) -> Self {
        self.gate = (verdict, value, message.to_owned());
        self
    }

    pub(super) fn state(&self) -> &crate::rollout::State {
        self.machine.state()
    }

    pub(super) fn step(&mut self, input: Input) -> Option<Result<(), crate::rollout::Rejection>> {
        let step = self.machine.step(input, self.now);
        self.records.extend(step.records);
        self.open.extend(step.effects);
        step.reply
    }

    pub(super) fn command(&mut self, command: Command) -> Result<(), crate::rollout::Rejection> {
        self.step(Input::Command { command, by: operator() }).unwrap()
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self.step(Input::Tick);
    }

    /// Does the oldest thing that is asked for; tells whether there was one.
    pub(super) fn perform_one(&mut self) -> bool {
        self.perform_if(|_, _| true)
    }

    /// Does the oldest thing that is asked for and may be done.
    fn perform_if(&mut self, may: impl Fn(&HostId, &Task) -> bool) -> bool {
        let place = self.open.iter().position(|effect| match effect {
            Effect::Start { host, task } => may(host, task),
            Effect::Ask { .. } | Effect::Hook { .. } | Effect::Cancel { .. } | Effect::GiveUp { .. } => true,
        });
        let Some(place) = place else { return false };
        match self.open.remove(place) {
            Effect::Start { host, task } => {
                let result = self.result(&host, &task);
                self.step(Input::Done { host, task, result });
            }
            Effect::Ask { stage, gate, scope } => {
                let (verdict, value, message) = self.gate.clone();
                self.step(Input::Gate { stage, gate, scope, verdict, value: Some(value), message });
            }
            Effect::Hook { hook, stage } => {
                self.step(Input::Hook { hook, stage, error: None });
            }
            Effect::GiveUp { .. } => {}
            Effect::Cancel { host } => {
                if let Some(place) =
                    self.open.iter().position(|open| matches!(open, Effect::Start { host: busy, .. } if *busy == host))
                    && let Effect::Start { host, task } = self.open.remove(place)
                {
                    self.step(Input::Done { host, task, result: Err(TaskError::Cancelled) });
                }
            }
        }
        true
    }

    fn result(&self, host: &HostId, task: &Task) -> Result<TaskOutput, TaskError> {
        if let Some((failing, failure)) = self.fail.get(host)
            && std::mem::discriminant(failing) == std::mem::discriminant(task)
        {
            return Err(TaskError::Failed(Box::new(failure.clone())));
        }
        let good = release("4.282.1", 7);
        Ok(match task {
            Task::Lock => TaskOutput::Locked {
                installed: Installed::Release { id: good.clone(), digest: Some(Digest([7; 32])), drift: None },
                good: Some(RollBackTarget::Release { id: good }),
                latency_ms: 41,
                taken_from: None,
            },
            Task::Prime => TaskOutput::Primed { already: false, bytes: Bytes(73_085_747), carried: None },
            Task::Activate => TaskOutput::Activated { already: false },
            Task::Check => TaskOutput::Checked {
                gates: vec![GateReport {
                    gate: "answers".into(),
                    verdict: if self.unhealthy.contains_key(host) { Verdict::Fail } else { Verdict::Pass },
                    message: self.unhealthy.get(host).cloned().unwrap_or_default(),
                    output: "Traceback (most recent call last):\n  ImportError: no module named scap".to_owned(),
                    dry: false,
                }],
            },
            _ => TaskOutput::Done,
        })
    }

    /// Goes on, a second for each thing that is done, until something holds or nothing is left to do.
    pub(super) fn until(&mut self, holds: impl Fn(&crate::rollout::State) -> bool) -> &mut Self {
        for _ in 0..20_000 {
            if holds(self.state()) || !self.perform_one() {
                break;
            }
            self.pass(1);
        }
        self
    }

    /// Does everything that is asked for and is allowed, and leaves the rest open.
    pub(super) fn only(&mut self, may: impl Fn(&HostId, &Task) -> bool) -> &mut Self {
        while self.perform_if(&may) {
            self.pass(1);
        }
        self
    }

    /// Says that bytes arrived.
    pub(super) fn progress(&mut self, name: &str, percent: u64, rate: u64) {
        let total = 73_085_747;
        let bytes = total * percent / 100;
        let event = Event::HostProgress {
            host: host(name),
            bytes: Bytes(bytes),
            total: Bytes(total),
            rate: Bytes(rate),
            eta: (total - bytes).checked_div(rate),
        };
        self.live(event);
    }

    /// Says that somebody keeps everybody waiting.
    pub(super) fn awaited(&mut self, name: &str, at_most_s: u64) {
        self.live(Event::HostsAwaited { hosts: vec![host(name)], at_most_s, without: String::new() });
    }

    fn live(&mut self, event: Event) {
        let seq = self.state().seq();
        self.records.push(Record { seq, at: self.now, rollout: rollout_id(), event });
    }
}
