//! Drives the machine alone, without engine or time: every effect is answered at once, by a number.

use std::collections::VecDeque;

use coalmine::model::{Bytes, Failure, FailureClass, GateReport, Installed, RollBackTarget, Verdict};
use coalmine::plan::Plan;
use coalmine::rollout::{Effect, Input, Machine, Record, Rejection, State, Task, TaskError, TaskOutput};
use jiff::{Timestamp, ToSpan as _};

use crate::scenario::{epoch, operator};

/// Holds a machine and what it waits for.
pub(crate) struct Puppet {
    pub(crate) machine: Machine,
    pub(crate) shadow: State,
    waiting: VecDeque<(Effect, bool)>,
    random: fastrand::Rng,
    calm: bool,
    now: Timestamp,
}

impl Puppet {
    pub(crate) fn new(plan: &Plan, seed: u64) -> Self {
        let (machine, first) = Machine::plan(plan.clone(), epoch());
        let mut puppet = Self {
            machine,
            shadow: State::replay([&first]),
            waiting: VecDeque::new(),
            random: fastrand::Rng::with_seed(seed),
            calm: seed.is_multiple_of(3),
            now: epoch(),
        };
        puppet.feed(Input::Begin { by: operator("amy") });
        puppet
    }

    /// Gives an input, and holds the state against what the records alone give.
    pub(crate) fn feed(&mut self, input: Input) -> Option<Result<(), Rejection>> {
        let step = self.machine.step(input, self.now);
        for record in &step.records {
            let line = record.to_line().unwrap();
            self.shadow.apply(&Record::from_line(&line).unwrap());
        }
        assert!(self.shadow == *self.machine.state(), "law 6: at record {}", self.shadow.seq());
        for effect in step.effects {
            if let Effect::Cancel { host } = &effect {
                let is_its =
                    |(effect, _): &&mut (Effect, bool)| matches!(effect, Effect::Start { host: of, .. } if of == host);
                self.waiting.iter_mut().find(is_its).unwrap().1 = true;
            } else {
                self.waiting.push_back((effect, false));
            }
        }
        step.reply
    }

    /// Answers something, or lets time pass; tells whether there was anything to do.
    pub(crate) fn turn(&mut self) -> bool {
        self.now += 1.second();
        if self.waiting.is_empty() {
            let Some(deadline) = self.machine.next_deadline() else { return false };
            self.now = self.now.max(deadline);
            self.feed(Input::Tick);
            return true;
        }
        let place = self.random.usize(0..self.waiting.len());
        let (effect, cancelled) = self.waiting.remove(place).unwrap();
        let input = match effect {
            Effect::Start { host, task } => {
                let result =
                    if cancelled && self.random.bool() { Err(TaskError::Cancelled) } else { self.answer(&task) };
                Input::Done { host, task, result }
            }
            Effect::Ask { stage, gate, scope } => {
                let verdict = [Verdict::Pass, Verdict::Pass, Verdict::Fail, Verdict::Inconclusive];
                let verdict = verdict[if self.calm { 0 } else { self.random.usize(0..verdict.len()) }];
                Input::Gate { stage, gate, scope, verdict, value: None, message: "told so".to_owned() }
            }
            Effect::Hook { hook, stage } => {
                let fails = !self.calm && self.random.u8(0..8) == 0;
                Input::Hook { hook, stage, error: fails.then(|| "exit 1".to_owned()) }
            }
            Effect::Cancel { .. } | Effect::GiveUp { .. } => return true,
        };
        self.feed(input);
        true
    }

    fn answer(&mut self, task: &Task) -> Result<TaskOutput, TaskError> {
        if !self.calm && self.random.u8(0..8) == 0 {
            let class = FailureClass::ALL[self.random.usize(0..4)];
            return Err(TaskError::Failed(Box::new(Failure::new(class, "failed"))));
        }
        Ok(match task {
            Task::Lock => TaskOutput::Locked {
                installed: Installed::Missing,
                good: self.random.bool().then_some(RollBackTarget::Nothing),
                latency_ms: 1,
                taken_from: None,
            },
            Task::Prime => TaskOutput::Primed { already: false, bytes: Bytes(1), carried: None },
            Task::Activate => TaskOutput::Activated { already: false },
            Task::Check => {
                let verdict = [Verdict::Pass, Verdict::Pass, Verdict::Pass, Verdict::Fail, Verdict::Inconclusive];
                let verdict = verdict[if self.calm { 0 } else { self.random.usize(0..verdict.len()) }];
                let gate = "check".into();
                TaskOutput::Checked {
                    gates: vec![GateReport {
                        gate,
                        verdict,
                        message: String::new(),
                        output: String::new(),
                        dry: false,
                    }],
                }
            }
            _ => TaskOutput::Done,
        })
    }
}
