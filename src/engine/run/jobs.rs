use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Answer, Engine, Joined};
use crate::engine::worker::{Performed, class_of};
use crate::hooks::{GateAnswer, Site, StageQuestion};
use crate::host::Fleet;
use crate::journal::Storage;
use crate::model::{Command, Failure, GateName, HostId, Phase, PhaseHook, StageIdx, Verdict};
use crate::rollout::{Effect, Event, GateScope, Input, Task, TaskError, refusal};

/// How long nothing has come of anything until those are named who are waited for, and how often then.
const FIRST_WORD: Duration = Duration::from_secs(5);
const NEXT_WORD: Duration = Duration::from_secs(30);
/// What leaves one of them out.
const WITHOUT: &str = "coalmine skip --host HOST";
/// How many hosts are worth naming.
const MOST_NAMES: usize = 20;
/// How long a rollout that was stopped takes to free its hosts.
const LEAVING: Duration = Duration::from_secs(10);

/// Names what a task of the engine works on.
#[derive(Debug, Clone)]
pub(super) enum Job {
    Host { host: HostId, task: Task, span: Span },
    Gate { stage: StageIdx, gate: GateName, scope: GateScope },
    Hook { hook: PhaseHook, stage: Option<StageIdx> },
}

/// Holds when a task began, and by when it is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    begun: Instant,
    over: Instant,
}

impl<F: Fleet, S: Site, J: Storage> Engine<F, S, J> {
    pub(super) fn joined(&mut self, joined: Joined) {
        let (id, answer) = match joined {
            Ok((id, answer)) => (id, Ok(answer)),
            Err(error) => (error.id(), Err(error)),
        };
        self.tell_stragglers = Instant::now() + FIRST_WORD;
        let Some(job) = self.running.remove(&id) else {
            return;
        };
        match job {
            Job::Host { host, task, .. } => {
                self.by_host.remove(&host);
                let result = match answer {
                    Ok(Answer::Host(Performed { result, told })) => {
                        for (hook, error) in told {
                            self.feed(Input::HostHook { host: host.clone(), hook, error });
                        }
                        result
                    }
                    Ok(Answer::Gate(_) | Answer::Hook(_)) => return,
                    Err(error) if error.is_cancelled() => Err(TaskError::Cancelled),
                    Err(error) => {
                        tracing::error!(%host, ?task, %error, "a task of the engine panicked");
                        let failure = Failure::new(class_of(&task), format!("a bug in coalmine: {error}"))
                            .hint("the conductor's log has more; please report it");
                        Err(TaskError::Failed(Box::new(failure)))
                    }
                };
                self.feed(Input::Done { host, task, result });
            }
            Job::Gate { stage, gate, scope } => {
                let answer = match answer {
                    Ok(Answer::Gate(answer)) => answer,
                    Ok(Answer::Host(_) | Answer::Hook(_)) => return,
                    Err(error) => GateAnswer {
                        verdict: Verdict::Inconclusive,
                        value: None,
                        message: format!("a bug in coalmine: {error}"),
                    },
                };
                let GateAnswer { verdict, value, message } = answer;
                self.feed(Input::Gate { stage, gate, scope, verdict, value, message });
            }
            Job::Hook { hook, stage } => {
                let error = match answer {
                    Ok(Answer::Hook(error)) => error,
                    Ok(Answer::Host(_) | Answer::Gate(_)) => return,
                    Err(error) => Some(format!("a bug in coalmine: {error}")),
                };
                self.feed(Input::Hook { hook, stage, error });
            }
        }
    }

    /// Says who is waited for, by when at most, and what leaves them out.
    pub(super) fn name_stragglers(&mut self) {
        let now = Instant::now();
        self.tell_stragglers = now + NEXT_WORD;
        let mut late: Vec<(&HostId, &'static str, Duration)> = Vec::new();
        for job in self.running.values() {
            if let Job::Host { host, task, span } = job
                && now.saturating_duration_since(span.begun) >= FIRST_WORD
            {
                late.push((host, doing(task), span.over.saturating_duration_since(now)));
            }
        }
        late.sort_unstable();
        let Some(longest) = late.iter().map(|(_, _, left)| left.as_secs().max(1)).max() else { return };
        let mut told: Vec<String> =
            late.iter().take(MOST_NAMES).map(|(host, doing, _)| format!("{host} ({doing})")).collect();
        if late.len() > MOST_NAMES {
            told.push(format!("and {} more", late.len() - MOST_NAMES));
        }
        // Who is being switched is waited for, whoever would rather not.
        let can_go = |host: &HostId| refusal(self.machine.state(), &Command::Skip { host: host.clone() }).is_none();
        let (all, any) = (late.iter().all(|(host, ..)| can_go(host)), late.iter().any(|(host, ..)| can_go(host)));
        let advice = match (all, any) {
            (true, _) => format!("; `{WITHOUT}` goes on without it"),
            (false, true) => format!("; `{WITHOUT}` goes on without one that is not being switched"),
            (false, false) => String::new(),
        };
        tracing::warn!("waiting for {}, at most {longest} s{advice}", told.join(", "));
        let hosts = late.iter().map(|(host, ..)| (*host).clone()).collect();
        let without = if any { WITHOUT.to_owned() } else { String::new() };
        let event = Event::HostsAwaited { hosts, at_most_s: longest, without };
        self.publish_live(event);
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Start { host, task } => {
                let worker = Arc::clone(&self.worker);
                let terms = worker.terms(&host, &task);
                let begun = Instant::now();
                let span = Span { begun, over: begun + terms.deadline };
                let job = Job::Host { host: host.clone(), task: task.clone(), span };
                let target = host.clone();
                if self.by_host.is_empty() {
                    self.tell_stragglers = begun + FIRST_WORD;
                }
                let started =
                    self.jobs.spawn(async move { Answer::Host(worker.perform(&target, &task, &terms).await) });
                self.running.insert(started.id(), job);
                self.by_host.insert(host, started);
            }
            Effect::Cancel { host } => {
                if let Some(task) = self.by_host.get(&host) {
                    task.abort();
                }
            }
            Effect::Hook { hook, stage } => self.run_hook(hook, stage),
            Effect::GiveUp { relay, why } => self.worker.parts.fleet.give_up(&relay, &why),
            Effect::Ask { stage, gate, scope } => {
                let question = self.question(stage, &gate, scope);
                let worker = Arc::clone(&self.worker);
                let started = self.jobs.spawn(async move {
                    Answer::Gate(match question {
                        Some(question) => worker.ask(&question).await,
                        None => GateAnswer {
                            verdict: Verdict::Inconclusive,
                            value: None,
                            message: "a bug in coalmine: the stage has no such gate".to_owned(),
                        },
                    })
                });
                self.running.insert(started.id(), Job::Gate { stage, gate, scope });
            }
        }
    }

    fn run_hook(&mut self, hook: PhaseHook, idx: Option<StageIdx>) {
        let state = self.machine.state();
        let stage = idx.and_then(|idx| state.stage(idx)).map(|(plan, _)| plan.name.clone());
        let hosts = idx.map_or_else(|| state.range(), |idx| state.range_of(idx));
        let takes_part = |host: &&crate::rollout::HostStatus| host.phase != Phase::Skipped;
        let hosts = hosts.filter_map(|index| state.host(index)).filter(takes_part);
        let hosts: Vec<HostId> = hosts.map(|host| host.id.clone()).collect();
        let worker = Arc::clone(&self.worker);
        let started = self.jobs.spawn(async move { Answer::Hook(worker.hook(hook, stage.as_ref(), &hosts).await) });
        self.running.insert(started.id(), Job::Hook { hook, stage: idx });
    }

    fn question(&self, idx: StageIdx, gate: &GateName, scope: GateScope) -> Option<StageQuestion> {
        let state = self.machine.state();
        let (plan, status) = state.stage(idx)?;
        let place = plan.gates.iter().position(|known| known.name == *gate)?;
        let takes_part = |host: &&crate::rollout::HostStatus| {
            !matches!(host.phase, Phase::Failed | Phase::Skipped | Phase::RolledBack)
        };
        let hosts = state.range_of(idx).filter_map(|index| state.host(index));
        Some(StageQuestion {
            stage: plan.name.clone(),
            gate: gate.clone(),
            scope,
            hosts: hosts.filter(takes_part).map(|host| host.id.clone()).collect(),
            baseline: status.gates.get(place).and_then(|gate| gate.baseline),
        })
    }

    /// Frees the hosts of a rollout that was stopped: nobody has to wait for leases of a conductor that said good-bye.
    ///
    /// What cannot be freed in time ends with its lease.
    pub(super) async fn leave(&mut self) {
        let locked = self.machine.state().hosts().iter().filter(|host| host.locked).map(|host| host.id.clone());
        let mut waiting: VecDeque<HostId> = locked.collect();
        let width = self.worker.plan.policy.control_width.max(1);
        let all = async {
            while !waiting.is_empty() || !self.jobs.is_empty() {
                while self.jobs.len() < width
                    && let Some(host) = waiting.pop_front()
                {
                    let worker = Arc::clone(&self.worker);
                    self.jobs.spawn(async move {
                        let terms = worker.terms(&host, &Task::Unlock);
                        Answer::Host(worker.perform(&host, &Task::Unlock, &terms).await)
                    });
                }
                self.jobs.join_next().await;
            }
        };
        if timeout(LEAVING, all).await.is_err() {
            tracing::warn!("some hosts stay locked until their leases end");
        }
    }

    /// Ends what can be ended without leaving a host between two releases, and waits for the rest.
    pub(super) async fn drain(&mut self) {
        let switching =
            |job: &Job| matches!(job, Job::Host { task: Task::Activate | Task::RollBack { .. } | Task::Finalize, .. });
        for job in self.running.values().filter(|job| !switching(job)) {
            if let Job::Host { host, .. } = job
                && let Some(task) = self.by_host.get(host)
            {
                task.abort();
            }
        }
        while self.running.values().any(switching) {
            match self.jobs.join_next_with_id().await {
                Some(Ok((id, _))) => self.running.remove(&id),
                Some(Err(error)) => self.running.remove(&error.id()),
                None => return,
            };
        }
    }
}

/// Says what a host is waited for.
const fn doing(task: &Task) -> &'static str {
    match task {
        Task::Lock => "its lock",
        Task::Prime => "the release",
        Task::Activate => "its switch",
        Task::Check => "its gates",
        Task::RollBack { .. } => "its way back",
        Task::Depool | Task::Repool => "the site's command",
        Task::Finalize | Task::Unlock => "its end",
    }
}
