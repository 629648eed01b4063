use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::lease::Leases;
use super::parts::{Known, Parts};
use super::progress::Board;
use super::settings::Settings;
use crate::hooks::{GateAnswer, Site, StageQuestion};
use crate::host::{Fleet, GateCheck, Host as _, HostError, Survey, Switch};
use crate::model::{
    Bytes, Failure, FailureClass, GateReport, HostHook, HostId, Installed, PhaseHook, ReleaseId, RollBackTarget,
    StageName, Verdict,
};
use crate::plan::{Plan, PlanKind, way_back};
use crate::release::StoredRelease;
use crate::rollout::{Task, TaskError, TaskOutput};

/// How long a lock that another rollout holds is left alone before it is asked for again.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is told for how long that goes on.
const COUNT: Duration = Duration::from_secs(10);

/// Does the tasks that the machine starts; each ends within its deadline.
///
/// Dropped, a task ends the processes of this machine that it started; what it began on a host ends by the host's deadline.
pub(super) struct Worker<F, S> {
    pub(super) plan: Arc<Plan>,
    pub(super) parts: Parts<F, S>,
    pub(super) settings: Settings,
    pub(super) leases: Arc<Leases<F>>,
    pub(super) board: Board,
    pub(super) found: Mutex<HashMap<ReleaseId, Arc<StoredRelease>>>,
    /// Where a rollback leads the hosts that do not go to the plan's release.
    pub(super) targets: HashMap<HostId, RollBackTarget>,
}

/// Holds which commands of the site failed beside a task without failing it, and why.
type Told = Vec<(HostHook, String)>;

/// Holds what came of a task.
pub(super) struct Performed {
    pub(super) result: Result<TaskOutput, TaskError>,
    pub(super) told: Told,
}

/// Holds under which terms a task is done.
pub(super) struct Terms {
    /// The gates that it runs on its host.
    gates: Vec<GateCheck>,
    /// How long it may take.
    pub(super) deadline: Duration,
}

/// Gives where a rollback leads its hosts.
pub(super) fn targets(plan: &Plan) -> HashMap<HostId, RollBackTarget> {
    plan.hosts.iter().filter_map(|host| Some((host.host.clone(), host.to.clone()?))).collect()
}

impl<F: Fleet, S: Site> Worker<F, S> {
    /// Gives which gates a task runs, and how long it may take.
    pub(super) fn terms(&self, host: &HostId, task: &Task) -> Terms {
        let gates = self.gates(host, task);
        let longest = gates.iter().map(longest).sum();
        let Settings { deadlines, lock_wait, .. } = &self.settings;
        Terms { deadline: deadlines.of(task, *lock_wait, self.plan.policy.confirm, longest), gates }
    }

    pub(super) async fn perform(&self, host: &HostId, task: &Task, terms: &Terms) -> Performed {
        let mut told = Vec::new();
        let result = match timeout(terms.deadline, self.try_to(host, task, &terms.gates, &mut told)).await {
            Ok(result) => result,
            Err(_) => Err(failed(late(task, terms.deadline))),
        };
        Performed { result, told }
    }

    pub(super) async fn ask(&self, question: &StageQuestion) -> GateAnswer {
        let deadline = self.settings.deadlines.gate;
        timeout(deadline, self.parts.site.ask(question)).await.unwrap_or_else(|_| GateAnswer {
            verdict: Verdict::Inconclusive,
            value: None,
            message: format!("did not answer within {} s", deadline.as_secs()),
        })
    }

    /// Does a task; what went wrong beside it and is only told goes to `told`.
    async fn try_to(
        &self,
        host: &HostId,
        task: &Task,
        gates: &[GateCheck],
        told: &mut Told,
    ) -> Result<TaskOutput, TaskError> {
        match task {
            Task::Lock => self.lock(host).await,
            Task::Prime => {
                self.beside(HostHook::BeforePrime, host, task).await?;
                let primed = self.prime(host).await?;
                self.beside(HostHook::AfterPrime, host, task).await?;
                Ok(primed)
            }
            Task::Activate if self.plan.kind == PlanKind::Rollback => {
                told.extend(self.beside_way_back(HostHook::BeforeRollback, host).await);
                let activated = self.activate(host).await?;
                told.extend(self.beside_way_back(HostHook::AfterRollback, host).await);
                Ok(activated)
            }
            Task::Activate => {
                self.beside(HostHook::BeforeSwitch, host, task).await?;
                let activated = self.activate(host).await?;
                self.beside(HostHook::AfterSwitch, host, task).await?;
                Ok(activated)
            }
            Task::Check => {
                let gates = self.parts.fleet.host(host).check(gates).await.map_err(error)?;
                Ok(TaskOutput::Checked { gates })
            }
            Task::RollBack { to, blames } => {
                told.extend(self.beside_way_back(HostHook::BeforeRollback, host).await);
                let back = self.roll_back(host, to, *blames, gates).await?;
                told.extend(self.beside_way_back(HostHook::AfterRollback, host).await);
                Ok(back)
            }
            Task::Depool => self.parts.site.depool(host).await.map(|()| TaskOutput::Done).map_err(site_error),
            Task::Repool => self.parts.site.repool(host).await.map(|()| TaskOutput::Done).map_err(site_error),
            Task::Finalize => {
                self.leases.release(host).await;
                let found = self.parts.fleet.host(host);
                let Plan { release, rollout, slot, .. } = &*self.plan;
                let back = (self.plan.kind == PlanKind::Rollback).then(|| self.target(host));
                let announce = async || match &back {
                    None => found.finalize(release, rollout, slot.as_ref()).await,
                    Some(target) => found.finalize_back(target, rollout, slot.as_ref()).await,
                };
                let mut result = announce().await;
                // It may have happened and its answer be lost; the host is debt until it has said so.
                if matches!(&result, Err(HostError::Failed(failure)) if !failure.here) {
                    result = announce().await;
                }
                let result = result.map_err(error);
                found.close().await;
                result.map(|()| TaskOutput::Done)
            }
            Task::Unlock => {
                self.leases.release(host).await;
                let found = self.parts.fleet.host(host);
                let result = found.unlock(&self.plan.rollout).await.map_err(error);
                found.close().await;
                result.map(|()| TaskOutput::Done)
            }
        }
    }

    /// Runs what the site does beside a task on a host, whose failure is that of the task.
    async fn beside(&self, hook: HostHook, host: &HostId, task: &Task) -> Result<(), TaskError> {
        if !self.plan.has_host_hook(hook) {
            return Ok(());
        }
        let ran = self.parts.site.beside(hook, host).await;
        ran.map_err(|error| failed(Failure::new(class_of(task), format!("{hook}: {error}"))))
    }

    /// Runs what the site does beside a way back, which nothing keeps a host from; gives why it failed.
    async fn beside_way_back(&self, hook: HostHook, host: &HostId) -> Option<(HostHook, String)> {
        if !self.plan.has_host_hook(hook) {
            return None;
        }
        let deadline = self.settings.deadlines.hook;
        match timeout(deadline, self.parts.site.beside(hook, host)).await {
            Ok(ran) => ran.err().map(|error| (hook, error.0)),
            Err(_) => Some((hook, format!("did not end within {} s", deadline.as_secs()))),
        }
    }

    /// Runs what the site does before or after a phase; gives why it failed.
    pub(super) async fn hook(&self, hook: PhaseHook, stage: Option<&StageName>, hosts: &[HostId]) -> Option<String> {
        let deadline = self.settings.deadlines.hook;
        match timeout(deadline, self.parts.site.phase(hook, stage, hosts)).await {
            Ok(ran) => ran.err().map(|error| error.0),
            Err(_) => Some(format!("did not end within {} s", deadline.as_secs())),
        }
    }

    async fn lock(&self, host: &HostId) -> Result<TaskOutput, TaskError> {
        let found = self.parts.fleet.host(host);
        let until = Instant::now() + self.settings.lock_wait;
        let mut request = Cow::Borrowed(self.leases.request());
        let mut next_word = Instant::now();
        let (probe, taken_from) = loop {
            let mut holder = match found.lock(&request, self.plan.slot.as_ref()).await {
                Ok(answer) => break answer,
                Err(HostError::Locked(holder)) => holder,
                Err(other) => return Err(error(other)),
            };
            match (self.parts.knows)(&holder.rollout) {
                // What this deploy server knows to be over holds nobody up.
                Known::Over if request.over.as_ref() != Some(&holder.rollout) => {
                    request.to_mut().over = Some(holder.rollout);
                    continue;
                }
                known => holder.waits = known == Known::Waits,
            }
            let now = Instant::now();
            let left = until.saturating_duration_since(now);
            if left.is_zero() {
                return Err(TaskError::Locked(holder));
            }
            if now >= next_word {
                next_word = now + COUNT;
                tracing::warn!(
                    "waiting for {host}, locked by {} for rollout {}: {} s are left",
                    holder.owner,
                    holder.rollout,
                    left.as_secs()
                );
            }
            sleep(LOCK_PATIENCE.min(left)).await;
        };
        self.leases.hold(host);
        let latency_ms = u64::try_from(probe.latency.as_millis()).unwrap_or(u64::MAX);
        let good = way_back(&probe, |release| self.plan.bad.contains(release));
        Ok(TaskOutput::Locked { installed: probe.installed, good, latency_ms, taken_from: taken_from.map(Box::new) })
    }

    async fn prime(&self, host: &HostId) -> Result<TaskOutput, TaskError> {
        let RollBackTarget::Release { id } = self.target(host) else {
            return Ok(TaskOutput::Primed { already: true, bytes: Bytes(0), carried: None });
        };
        let Some(release) = self.find(&id) else {
            return Err(failed(
                Failure::new(FailureClass::Transfer, format!("the store has no whole {id}"))
                    .hint(format!("build it again: coalmine build {}", id.version())),
            ));
        };
        let found = self.parts.fleet.host(host);
        let progress = |progress| self.board.put(host, progress);
        let primed = found.prime(&release, &self.plan.rollout, &progress).await;
        self.board.forget(host);
        let primed = primed.map_err(error)?;
        Ok(TaskOutput::Primed { already: primed.already, bytes: primed.bytes, carried: primed.carried })
    }

    async fn activate(&self, host: &HostId) -> Result<TaskOutput, TaskError> {
        let confirm = self.plan.policy.confirm;
        let found = self.parts.fleet.host(host);
        if self.plan.kind == PlanKind::Rollback {
            // Whoever asks for a rollback by name says that what is left is bad.
            let unproven = self.switch_back(host, &self.target(host), true).await?;
            return Ok(TaskOutput::WentBack { unproven });
        }
        let switch = self.switch(confirm);
        let activated = found.activate(&self.plan.release, &switch).await.map_err(error)?;
        if confirm.is_zero() {
            return Ok(TaskOutput::Activated { already: activated.already });
        }
        match found.confirm(&self.plan.rollout).await {
            Ok(()) => {}
            // A conductor that died had switched it, and its time ran out just now: it went back, and is switched anew.
            Err(HostError::Failed(failure))
                if activated.already && !failure.here && failure.class != FailureClass::Unreachable =>
            {
                tracing::debug!(%host, %failure, "switching a host again that went back by itself");
                found.activate(&self.plan.release, &switch).await.map_err(error)?;
                found.confirm(&self.plan.rollout).await.map_err(error)?;
            }
            Err(other) => return Err(error(other)),
        }
        Ok(TaskOutput::Activated { already: activated.already })
    }

    async fn roll_back(
        &self,
        host: &HostId,
        target: &RollBackTarget,
        blames: bool,
        gates: &[GateCheck],
    ) -> Result<TaskOutput, TaskError> {
        let unproven = self.switch_back(host, target, blames).await?;
        if gates.is_empty() {
            return Ok(TaskOutput::WentBack { unproven });
        }
        let unwell = |failure: Box<Failure>| match failure.class {
            FailureClass::Unhealthy => {
                Box::new(Failure { message: format!("went back, and there too {}", failure.message), ..*failure })
            }
            _ => failure,
        };
        let reports = self.parts.fleet.host(host).check(gates).await.map_err(|failed| match error(failed) {
            TaskError::Failed(failure) => TaskError::Failed(unwell(failure)),
            other => other,
        })?;
        match reports.into_iter().find(|report| report.verdict == Verdict::Fail && !report.dry) {
            None => Ok(TaskOutput::WentBack { unproven }),
            Some(GateReport { gate, message, output, .. }) => Err(failed(
                Failure::new(
                    FailureClass::Unhealthy,
                    format!("went back, and there too gate {gate:?} failed: {message}"),
                )
                .output(output),
            )),
        }
    }

    /// Switches a host back, and tells whether what it went back to could not be proven.
    async fn switch_back(&self, host: &HostId, target: &RollBackTarget, blames: bool) -> Result<bool, TaskError> {
        let repair = match target {
            RollBackTarget::Release { id } => self.find(id),
            RollBackTarget::Nothing | RollBackTarget::Adopted => None,
        };
        let found = self.parts.fleet.host(host);
        // Nobody is locked out by what worked before: going back needs no confirmation.
        match found.roll_back(target, repair.as_ref(), &Switch { blames, ..self.switch(Duration::ZERO) }).await {
            Ok(went) => Ok(went.unproven),
            Err(HostError::Failed(failure)) if failure.class != FailureClass::Unreachable && !failure.here => {
                // It may never have left, as on a disk that takes nothing any more, or have gone back by itself.
                let there = self.is_there(host, target).await;
                if there { Ok(true) } else { Err(TaskError::Failed(failure)) }
            }
            Err(other) => Err(error(other)),
        }
    }

    /// Asks a host whether it is where it was to go back to, as whole as can be found out.
    async fn is_there(&self, host: &HostId, target: &RollBackTarget) -> bool {
        let found = self.parts.fleet.host(host);
        let depths = match target {
            // Where there is no room to prove it in, its manifest has to do, as for going back itself.
            RollBackTarget::Release { id } => vec![Survey::For(id.clone()), Survey::Shallow],
            RollBackTarget::Nothing => vec![Survey::Shallow],
            RollBackTarget::Adopted => return false,
        };
        for depth in depths {
            match found.probe(&depth, self.plan.slot.as_ref()).await {
                Ok(probe) => {
                    return match (probe.installed, target) {
                        (Installed::Release { id, drift: None, .. }, RollBackTarget::Release { id: to }) => id == *to,
                        (Installed::Missing, RollBackTarget::Nothing) => true,
                        _ => false,
                    };
                }
                Err(HostError::Failed(failure)) if failure.class != FailureClass::Unreachable => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Says what a host is to run when all goes well.
    fn target(&self, host: &HostId) -> RollBackTarget {
        self.targets.get(host).cloned().unwrap_or_else(|| RollBackTarget::Release { id: self.plan.release.clone() })
    }

    fn switch(&self, confirm: Duration) -> Switch {
        Switch { rollout: self.plan.rollout.clone(), slot: self.plan.slot.clone(), confirm, blames: false }
    }

    /// Gives the gates that a task runs on its host.
    fn gates(&self, host: &HostId, task: &Task) -> Vec<GateCheck> {
        match task {
            Task::Check => match self.target(host) {
                RollBackTarget::Release { id } => self.parts.checks.of(host, Some(&id)),
                RollBackTarget::Adopted => self.parts.checks.of(host, None),
                RollBackTarget::Nothing => Vec::new(),
            },
            Task::RollBack { to: RollBackTarget::Release { id }, .. } => self.parts.checks.of(host, Some(id)),
            Task::RollBack { to: RollBackTarget::Adopted, .. } => self.parts.checks.of(host, None),
            // Where nothing is installed, nothing can answer.
            Task::RollBack { to: RollBackTarget::Nothing, .. }
            | Task::Lock
            | Task::Prime
            | Task::Activate
            | Task::Depool
            | Task::Repool
            | Task::Finalize
            | Task::Unlock => Vec::new(),
        }
    }

    /// Finds a release, and asks the store for it only the first time: the whole fleet wants the same one at once.
    fn find(&self, id: &ReleaseId) -> Option<Arc<StoredRelease>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(release) = found.get(id) {
            return Some(Arc::clone(release));
        }
        let release = self.parts.releases.find(id)?;
        found.insert(id.clone(), Arc::clone(&release));
        Some(release)
    }
}

fn longest(gate: &GateCheck) -> Duration {
    gate.timeout.saturating_mul(gate.retries.saturating_add(1))
}

fn error(error: HostError) -> TaskError {
    match error {
        HostError::Locked(holder) => TaskError::Locked(holder),
        HostError::Lost(holder) => TaskError::Lost(holder),
        HostError::Failed(failure) => TaskError::Failed(failure),
    }
}

fn site_error(error: crate::hooks::SiteError) -> TaskError {
    failed(Failure::new(FailureClass::Activate, error.0))
}

fn failed(failure: Failure) -> TaskError {
    TaskError::Failed(Box::new(failure))
}

/// Says which budget a task counts against that did not end as a task should.
pub(super) const fn class_of(task: &Task) -> FailureClass {
    match task {
        Task::Lock | Task::Finalize | Task::Unlock => FailureClass::Unreachable,
        Task::Prime => FailureClass::Transfer,
        Task::Activate | Task::RollBack { .. } | Task::Depool | Task::Repool => FailureClass::Activate,
        Task::Check => FailureClass::Unhealthy,
    }
}

fn late(task: &Task, deadline: Duration) -> Failure {
    let what = match task {
        Task::Lock => "did not give its lock",
        Task::Prime => "did not get the release",
        Task::Activate => "did not say that it was switched",
        Task::Check => "did not answer its gates",
        Task::RollBack { .. } => "did not say that it went back",
        Task::Depool | Task::Repool => "the site's command did not end",
        Task::Finalize => "did not say that it was finalized",
        Task::Unlock => "did not free its lock",
    };
    Failure::new(class_of(task), format!("{what} within {} s", deadline.as_secs()))
}
