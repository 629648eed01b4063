use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::carrying::Carrying;
use super::gates::{gate_calls, report};
use super::{read, refusal};
use crate::host::answer::Answer;
use crate::host::delta::Deltas;
use crate::host::parcel::Parcels;
use crate::host::script::{Phase, Script};
use crate::host::settings::{TargetSettings, TransferSettings};
use crate::host::transport::Transport;
use crate::host::{Activated, GateCheck, Host, HostError, LockRequest, Primed, Survey, Switch, WentBack};
use crate::model::{
    Failure, FailureClass, GateReport, HostId, LockHolder, Operator, Probe, Progress, ReleaseId, RollBackTarget,
    RolloutId, Slot, Verdict, Verify,
};
use crate::release::StoredRelease;

/// The lease that a phase renews where no lock was asked for by this process: one that resumed.
const LEASE: Duration = Duration::from_secs(60);
/// The longest lease that a host believes; see `longest_lease` of lease.sh, which leaves some for clocks that are set.
const LONGEST_LEASE: Duration = Duration::from_secs(80_000);

/// Holds what all hosts of a fleet share.
#[derive(Debug)]
pub(in crate::host) struct Common {
    pub(in crate::host) target: Arc<TargetSettings>,
    pub(in crate::host) transfer: Arc<TransferSettings>,
    pub(in crate::host) deltas: Deltas,
    pub(in crate::host) parcels: Parcels,
    pub(in crate::host) carrying: Carrying,
}

/// Holds what was last heard of the host; every bit of it may be out of date, and is only a guess that saves a question.
#[derive(Debug, Default)]
struct Memory {
    /// What could be linked, the best guess first.
    releases: Option<Vec<ReleaseId>>,
    /// What the host unpacks packs with, as `choose` of `parcel` takes it.
    unpacks: String,
    /// The link that was switched last, where it is not the current one.
    slot: Option<Slot>,
    lease: Option<Duration>,
    /// The fencing token of the lease that this rollout was given.
    fence: Option<(RolloutId, u64)>,
}

/// Does a host's work by scripts over a transport.
#[derive(Debug)]
pub(in crate::host) struct Remote<T> {
    pub(super) id: HostId,
    pub(super) common: Arc<Common>,
    /// What a host shares with others may outlast what is done to it.
    pub(super) transport: Arc<T>,
    memory: Mutex<Memory>,
}

impl<T: Transport> Remote<T> {
    pub(in crate::host) fn new(id: HostId, common: Arc<Common>, transport: T) -> Self {
        Self { id, common, transport: Arc::new(transport), memory: Mutex::default() }
    }

    /// Begins a script with what every phase is told.
    pub(super) fn script(&self, phase: Phase, seconds: u64, slot: Option<&Slot>) -> Script {
        let target = &self.common.target;
        let mut script = Script::new(phase, Duration::from_secs(seconds));
        script.set_path("root", &target.root);
        script.set("link", slot.map_or(target.current.as_str(), Slot::as_str));
        script.set("slot", slot.map_or("", Slot::as_str));
        script.set("version_command", target.version_command.as_deref().unwrap_or_default());
        script.set("tool", target.tool.as_deref().unwrap_or_default());
        let verify = match self.common.transfer.verify {
            Verify::Full => "full",
            Verify::Changed => "changed",
        };
        script.set("verify", verify);
        if let Some(rehash) = self.common.transfer.rehash {
            script.set("rehash", &turn(rehash, &self.id).as_secs().to_string());
        }
        // A phase must end before the lease that it renewed.
        let rest = self.remembered(|memory| memory.lease).unwrap_or(LEASE);
        let lease = rest.max(script.deadline + Duration::from_secs(30)).min(LONGEST_LEASE);
        script.set("lease", &lease.as_secs().to_string());
        script.set("rest", &rest.as_secs().to_string());
        // Deadlines are those of the slowest hosts; most take less than a tenth of them.
        script.set("usual", &script.deadline.as_secs().div_ceil(4).to_string());
        script
    }

    /// Begins a script that changes the host: it does so under the lease that the rollout was given, or not at all.
    pub(super) fn fenced(&self, phase: Phase, seconds: u64, slot: Option<&Slot>, rollout: &RolloutId) -> Script {
        let mut script = self.script(phase, seconds, slot);
        script.set("rollout", rollout.as_str());
        let fence = self.remembered(|memory| memory.fence.clone()).filter(|(of, _)| of == rollout);
        if let Some((_, token)) = fence {
            script.set("fence", &token.to_string());
        }
        script
    }

    /// As that, about a release to which a link is switched: the link of its version's name goes with it.
    fn switching(&self, phase: Phase, seconds: u64, switch: &Switch, release: Option<&ReleaseId>) -> Script {
        let mut script = self.fenced(phase, seconds, switch.slot.as_ref(), &switch.rollout);
        self.name(&mut script, switch.slot.as_ref(), release);
        script
    }

    fn name(&self, script: &mut Script, slot: Option<&Slot>, release: Option<&ReleaseId>) {
        if let Some(name) = release.and_then(|release| self.common.target.name_of(slot, release)) {
            script.set("name", &name);
        }
    }

    /// Opens the connection before anything is asked.
    pub(in crate::host) async fn reach(&self) {
        self.transport.reach().await;
    }

    /// Runs a script, and turns its refusal into an error.
    pub(super) async fn run(&self, script: &Script) -> Result<Answer, HostError> {
        let answer = self.transport.run(script).await?;
        refusal::check(script.phase, answer)
    }

    fn remembered<R>(&self, look: impl FnOnce(&mut Memory) -> R) -> R {
        look(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn known_releases(&self) -> Option<Vec<ReleaseId>> {
        self.remembered(|memory| memory.releases.clone())
    }

    pub(super) fn forget_releases(&self) {
        self.remembered(|memory| memory.releases = None);
    }

    fn remember(&self, probe: &Probe) {
        let mut releases: Vec<ReleaseId> = probe.installed.release().into_iter().chain(&probe.good).cloned().collect();
        releases.extend(probe.releases.iter().cloned());
        // What the link names may be gone.
        releases.retain(|id| probe.releases.contains(id));
        let address =
            probe.facts.iter().find(|(fact, _)| fact == "address").and_then(|(_, address)| address.parse().ok());
        self.common.carrying.is_at(&self.id, address);
        let unpacks = probe.facts.iter().find(|(fact, _)| fact == "unpacks").map(|(_, tools)| tools.clone());
        self.remembered(|memory| {
            memory.releases = Some(releases);
            memory.unpacks = unpacks.unwrap_or_default();
        });
    }

    /// Tells whether the host said that it has a release, whole or broken.
    pub(super) fn holds(&self, id: &ReleaseId) -> bool {
        self.remembered(|memory| memory.releases.as_ref().is_some_and(|releases| releases.contains(id)))
    }

    /// Gives what the host said that it unpacks packs with; nothing where it was not asked yet.
    pub(super) fn unpacks(&self) -> String {
        self.remembered(|memory| memory.unpacks.clone())
    }

    async fn survey(&self, script: &Script) -> Result<(Probe, Answer), HostError> {
        let begun = Instant::now();
        let answer = self.run(script).await?;
        if !answer.has("link") {
            return Err(refusal::not_understood(script.phase, &answer));
        }
        let mut probe = read::probe(&answer);
        probe.latency = begun.elapsed();
        self.remember(&probe);
        Ok((probe, answer))
    }

    /// Writes what is good now: a release, or with none what was there before coalmine.
    async fn finalize_state(
        &self,
        release: Option<&ReleaseId>,
        back: &str,
        rollout: &RolloutId,
        slot: Option<&Slot>,
    ) -> Result<(), HostError> {
        let mut script = self.fenced(Phase::Finalize, 300, slot, rollout);
        self.name(&mut script, slot, release);
        let id = release.map(ToString::to_string).unwrap_or_default();
        script.set("id", &id).set("back", back).set("keep", &self.common.target.keep.max(1).to_string());
        let answer = self.run(&script).await?;
        self.forget_releases();
        if answer.has("finalized") { Ok(()) } else { Err(refusal::not_understood(script.phase, &answer)) }
    }

    /// Tries to switch back; gives why the target is not whole where that is so.
    async fn try_roll_back(
        &self,
        target: &RollBackTarget,
        switch: &Switch,
    ) -> Result<Result<WentBack, String>, HostError> {
        let release = match target {
            RollBackTarget::Release { id } => Some(id),
            RollBackTarget::Nothing | RollBackTarget::Adopted => None,
        };
        let mut script = self.switching(Phase::RollBack, 300, switch, release);
        match target {
            RollBackTarget::Release { id } => script.set("to", "release").set("id", &id.to_string()),
            RollBackTarget::Nothing => script.set("to", "nothing"),
            RollBackTarget::Adopted => script.set("to", "adopted"),
        };
        script.set("blames", if switch.blames { "yes" } else { "no" });
        let answer = self.run(&script).await?;
        if answer.has("rolled_back") {
            return Ok(Ok(WentBack { unproven: answer.has("unproven") }));
        }
        if !answer.has("broken") {
            return Err(refusal::not_understood(script.phase, &answer));
        }
        let drift = answer.first("drift").map(read::describe_drift).unwrap_or_default();
        Ok(Err(if answer.has("gone") { "it is not there any more".to_owned() } else { drift }))
    }
}

/// Gives after how long a host hashes again what was proven there: never later than was said, and the hosts of a fleet that were all
/// proven in one rollout not all on one day.
fn turn(rehash: Duration, host: &HostId) -> Duration {
    let sum = host.as_str().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    // Names that differ by little are far apart then (Knuth, TAOCP 3, 6.4: multiplicative hashing).
    rehash.saturating_mul(512 + (sum.wrapping_mul(0x9e37_79b9) >> 23)) / 1024
}

/// Gives a text as it stands in a lease, which has a line for each thing.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Gives the lease that is asked for, in whole seconds.
fn lease_of(request: &LockRequest) -> Duration {
    Duration::from_secs(request.lease.as_secs().max(1)).min(LONGEST_LEASE)
}

impl<T: Transport> Host for Remote<T> {
    async fn probe(&self, survey: &Survey, slot: Option<&Slot>) -> Result<Probe, HostError> {
        let (seconds, deep) = match survey {
            Survey::Shallow => (30, "no".to_owned()),
            Survey::For(release) => (self.common.deltas.time_to_prove(release), release.to_string()),
            Survey::Files => (300, "files".to_owned()),
            Survey::Deep => (300, "yes".to_owned()),
            Survey::Page => (300, "page".to_owned()),
            Survey::Log => (30, "log".to_owned()),
            Survey::Tools => (60, "tools".to_owned()),
        };
        let mut script = self.script(Phase::Probe, seconds, slot);
        script.set("deep", &deep);
        // A plan is made by these, and what goes by it does so in the same shell.
        script.alone = !matches!(survey, Survey::For(_) | Survey::Deep);
        let (mut probe, _) = self.survey(&script).await?;
        if *survey == Survey::Tools && !self.transport.is_wide_enough().await? {
            probe.facts.push(("narrow".to_owned(), "yes".to_owned()));
        }
        Ok(probe)
    }

    async fn lock(&self, request: &LockRequest, slot: Option<&Slot>) -> Result<(Probe, Option<LockHolder>), HostError> {
        let mut script = self.script(Phase::Lock, 30, slot);
        script
            .set("deep", "lock")
            .set("rollout", request.rollout.as_str())
            .set("owner", &one_line(&request.owner.0))
            .set("reason", &one_line(request.reason.as_deref().unwrap_or_default()))
            .set("term", &request.term.to_string())
            .set("over", request.over.as_ref().map_or("", RolloutId::as_str))
            .set("lease", &lease_of(request).as_secs().to_string());
        let (probe, answer) = self.survey(&script).await?;
        let token = answer.first("lease").and_then(|lease| lease.text().parse().ok());
        let Some(token) = token.filter(|_| answer.has("locked")) else {
            return Err(refusal::not_understood(script.phase, &answer));
        };
        self.remembered(|memory| {
            memory.lease = Some(lease_of(request));
            memory.fence = Some((request.rollout.clone(), token));
        });
        Ok((probe, answer.first("before").and_then(read::holder)))
    }

    async fn renew(&self, request: &LockRequest) -> Result<(), HostError> {
        let mut script = self.fenced(Phase::Renew, 30, None, &request.rollout);
        script.set("lease", &lease_of(request).as_secs().to_string());
        let answer = self.run(&script).await?;
        if answer.has("renewed") { Ok(()) } else { Err(refusal::not_understood(script.phase, &answer)) }
    }

    async fn prime(
        &self,
        release: &Arc<StoredRelease>,
        rollout: &RolloutId,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Primed, HostError> {
        self.transfer(release, rollout, progress).await
    }

    async fn activate(&self, release: &ReleaseId, switch: &Switch) -> Result<Activated, HostError> {
        let mut script = self.switching(Phase::Activate, 120, switch, Some(release));
        let confirm = switch.confirm.as_secs() + u64::from(switch.confirm.subsec_nanos() > 0);
        script.set("id", &release.to_string()).set("confirm", &confirm.to_string());
        let answer = self.run(&script).await?;
        let Some(activated) = answer.first("activated") else {
            return Err(refusal::not_understood(script.phase, &answer));
        };
        self.remembered(|memory| memory.slot.clone_from(&switch.slot));
        match activated.text().as_str() {
            "already" => Ok(Activated { already: true, adopted: None }),
            "-" => Ok(Activated { already: false, adopted: None }),
            adopted => match adopted.parse() {
                Ok(adopted) => Ok(Activated { already: false, adopted: Some(adopted) }),
                Err(_) => Err(refusal::not_understood(script.phase, &answer)),
            },
        }
    }

    async fn confirm(&self, rollout: &RolloutId) -> Result<(), HostError> {
        let script = self.fenced(Phase::Confirm, 30, None, rollout);
        let answer = self.transport.run_anew(&script).await?;
        let answer = refusal::check(script.phase, answer)?;
        if answer.has("confirmed") { Ok(()) } else { Err(refusal::not_understood(script.phase, &answer)) }
    }

    async fn roll_back(
        &self,
        target: &RollBackTarget,
        repair: Option<&Arc<StoredRelease>>,
        switch: &Switch,
    ) -> Result<WentBack, HostError> {
        self.remembered(|memory| memory.slot.clone_from(&switch.slot));
        let broken = match self.try_roll_back(target, switch).await? {
            Ok(went) => return Ok(went),
            Err(broken) => broken,
        };
        let RollBackTarget::Release { id } = target else {
            return Err(Failure::new(FailureClass::Activate, broken).into());
        };
        let failure = |why: &str| {
            let message = format!("the release to go back to, {id}, is not whole: {why}");
            HostError::from(Failure::new(FailureClass::Activate, message).hint("build that version again, then retry"))
        };
        let Some(release) = repair.filter(|release| release.id == *id) else {
            return Err(failure(&broken));
        };
        self.transfer(release, &switch.rollout, &|_| {}).await?;
        self.try_roll_back(target, switch).await?.map_err(|broken| failure(&broken))
    }

    async fn remove_slot(&self, slot: &Slot, rollout: &RolloutId) -> Result<(), HostError> {
        let script = self.fenced(Phase::RemoveSlot, 60, Some(slot), rollout);
        let answer = self.run(&script).await?;
        if answer.has("removed") { Ok(()) } else { Err(refusal::not_understood(script.phase, &answer)) }
    }

    async fn check(&self, gates: &[GateCheck]) -> Result<Vec<GateReport>, HostError> {
        if gates.is_empty() {
            return Ok(Vec::new());
        }
        let longest: u64 = gates
            .iter()
            // A second between two attempts, and some for their ends.
            .map(|gate| (gate.timeout.as_secs().max(1) + 4).saturating_mul(u64::from(gate.retries) + 1))
            .fold(30, u64::saturating_add);
        let slot = self.remembered(|memory| memory.slot.clone());
        let mut script = self.script(Phase::Check, longest, slot.as_ref());
        script.set("gates", &gate_calls(gates));
        let answer = self.run(&script).await?;
        let mut reports = Vec::new();
        for record in answer.all("gate") {
            let text = record.text();
            let words: Vec<&str> = text.splitn(4, ' ').collect();
            let [index, code, retries, said] = *words.as_slice() else { continue };
            if let Some(gate) = index.parse::<usize>().ok().and_then(|index| gates.get(index)) {
                reports.push(report(gate, code, retries, said));
            }
        }
        let decided = reports.len() == gates.len()
            || reports.last().is_some_and(|last| last.verdict != Verdict::Pass && !last.dry);
        if decided { Ok(reports) } else { Err(refusal::not_understood(script.phase, &answer)) }
    }

    async fn finalize(&self, release: &ReleaseId, rollout: &RolloutId, slot: Option<&Slot>) -> Result<(), HostError> {
        self.finalize_state(Some(release), "", rollout, slot).await
    }

    async fn finalize_back(
        &self,
        target: &RollBackTarget,
        rollout: &RolloutId,
        slot: Option<&Slot>,
    ) -> Result<(), HostError> {
        match target {
            RollBackTarget::Release { id } => self.finalize_state(Some(id), "yes", rollout, slot).await,
            RollBackTarget::Adopted => self.finalize_state(None, "yes", rollout, slot).await,
            // Where nothing runs there is nothing to call good.
            RollBackTarget::Nothing => self.unlock(rollout).await,
        }
    }

    async fn unlock(&self, rollout: &RolloutId) -> Result<(), HostError> {
        let script = self.fenced(Phase::Unlock, 120, None, rollout);
        self.run(&script).await.map(drop)
    }

    async fn break_lock(
        &self,
        rollout: &RolloutId,
        by: &Operator,
        reason: Option<&str>,
    ) -> Result<Option<LockHolder>, HostError> {
        let mut script = self.script(Phase::Break, 30, None);
        script
            .set("rollout", rollout.as_str())
            .set("owner", &one_line(&by.0))
            .set("reason", &one_line(reason.unwrap_or_default()));
        let answer = self.run(&script).await?;
        Ok(answer.first("broken").and_then(read::holder))
    }

    async fn close(&self) {
        self.transport.close().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::turn;
    use crate::model::HostId;

    #[test]
    fn hosts_hash_again_by_turns_within_the_time_that_was_said() {
        let month = Duration::from_secs(30 * 24 * 3600);
        let host = |name: &str| HostId::new(name).unwrap();
        let days: std::collections::BTreeSet<u64> =
            (0..200).map(|n| turn(month, &host(&format!("mw{n:03}"))).as_secs() / 86_400).collect();
        assert!(days.len() >= 14 && days.iter().all(|day| (15..30).contains(day)), "{days:?}");
        assert_eq!(turn(Duration::ZERO, &host("mw01")), Duration::ZERO);
    }
}
