use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::deployment::{Answers, Deployment};
use super::error::Error;
use super::release::Making;
use crate::expr::fold;
use crate::host;
use crate::model::{Commit, Digest, HostId, ReleaseId, RollBackTarget, Slot, Version};
use crate::plan::{BackTo, LeftOutReason, Step, answers, steps};
use crate::release::{StoredRelease, Verdicts, Wanted};
use crate::rollout::State;
use crate::words::beside;

/// The word for what was there before coalmine.
pub const ADOPTED: &str = "adopted";

/// Says what a rollback by this name asks for: what was there before coalmine has one as a version has.
#[must_use]
pub fn back_to(version: Version) -> BackTo {
    if version.as_str() == ADOPTED { BackTo::Adopted } else { BackTo::Version(version) }
}
/// The word for no release at all.
const NOTHING: &str = "nothing";

/// Names what a plan installs, or leads back to.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    pub(super) release: ReleaseId,
    pub(super) digest: Digest,
    pub(super) commit: Option<Commit>,
    /// The release, where the store has it and somebody may need it.
    pub(super) stored: Option<Arc<StoredRelease>>,
    /// Which link is switched; none is the usual one.
    pub(super) slot: Option<Slot>,
    /// Whether it is what only this machine's checkout has.
    pub(super) emergency: bool,
    /// What is to be known of that, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Aim {
    pub(super) fn at(release: Arc<StoredRelease>) -> Self {
        let (id, digest, commit) = (release.id.clone(), release.digest, Some(release.commit.clone()));
        Self { release: id, digest, commit, stored: Some(release), slot: None, emergency: false, notes: Vec::new() }
    }
}

/// Says how a rollback asks where that is not clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// Whether hosts may go to different places.
    pub(super) each: bool,
    /// Whether somebody sees the plan before anything starts.
    pub(super) is_seen: bool,
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Reads what is known of releases here: from the marks, and from what hosts remember of other deploy servers' rollouts.
    pub(super) fn verdicts(&self, answers: &Answers, only_looks: bool) -> Result<Verdicts, Error> {
        let mut verdicts = self.workspace.verdicts_for(self.fleet.name, only_looks)?;
        for (host, answer) in answers.targets() {
            if let Ok(probe) = answer {
                verdicts.hear(host, probe);
            }
        }
        Ok(verdicts)
    }

    /// Decides where every host goes back to, and what the plan is named after: where most of the targets go.
    ///
    /// Hosts that hold what they go to need neither tag nor build nor store; the store is asked only for those that do not.
    pub(super) async fn way_back(
        &self,
        found: &mut Answers,
        to: &BackTo,
        verdicts: &Verdicts,
        manner: Manner,
        slot: Option<&Slot>,
    ) -> Result<Aim, Error> {
        let to = meant(found, to);
        let store = self.workspace.store()?;
        let mut steps = self.decide(found, &to, verdicts)?;
        if let Some(version) = gone(found, &steps, &to) {
            // What hosts hold no more can be built again, if that gives the same.
            if self.workspace.make(Wanted::of(&version), Making::default()).await.is_ok() {
                steps = self.decide(found, &to, verdicts)?;
            }
        }
        let is_target = |host: &HostId| self.fleet.hosts.contains(host);
        let groups = answers(&steps, is_target);
        refuse_nowhere(&groups, &to, slot)?;
        if groups.len() > 1 && !manner.each && !manner.is_seen {
            return Err(mixed(&groups));
        }
        let wanted = groups.iter().filter_map(|(step, hosts)| match step {
            Step::Go(target) => Some((hosts.len(), target.clone())),
            Step::Stay | Step::Nowhere(_) => None,
        });
        let target = wanted.max_by_key(|(count, _)| *count).map(|(_, target)| target);
        let running = || found.probes().find_map(|probe| probe.installed.release().cloned());
        let target = match target.or_else(|| running().map(|id| RollBackTarget::Release { id })) {
            Some(target) => target,
            None => RollBackTarget::Nothing,
        };
        let aim = match target {
            RollBackTarget::Release { id } => {
                let stored = store.get(&id).ok().flatten().map(Arc::new);
                let told = found.probes().find_map(|probe| probe.digest_of(&id));
                let digest = stored.as_ref().map(|stored| stored.digest).or(told).unwrap_or(Digest([0; 32]));
                let commit = stored.as_ref().map(|stored| stored.commit.clone());
                Aim { release: id, digest, commit, stored, slot: None, emergency: false, notes: Vec::new() }
            }
            RollBackTarget::Adopted => nameless(ADOPTED)?,
            RollBackTarget::Nothing => nameless(NOTHING)?,
        };
        for member in found.masters.iter_mut().chain(&mut found.fleet) {
            member.step = steps.remove(&member.host);
        }
        Ok(aim)
    }

    /// Names the hosts that have what the last rollout of this link switched to and are no hosts of the environment any more: nothing leads
    /// them back.
    pub(super) fn left_behind(&self, slot: Option<&Slot>) -> Option<String> {
        let name = self.fleet.name;
        let everybody: HashSet<HostId> = self.fleet.everybody().into_iter().collect();
        // That nothing is known of rollouts is told by itself, and keeps nobody from going back.
        let entries = self.workspace.rollouts().list().ok()?.entries.into_iter().rev();
        let of_link = entries.filter(|entry| entry.environment == *name && entry.slot.as_ref() == slot);
        let mut states = of_link.filter_map(|entry| self.workspace.replayed(&entry));
        let last = states.find(State::anything_switched)?;
        let plan = last.plan()?;
        let had_it = plan.left_out.iter().filter(|out| out.reason == LeftOutReason::Current).map(|out| &out.host);
        let switched = last.switched().filter_map(|index| last.host(index));
        let have_it: Vec<HostId> = switched.map(|host| &host.id).chain(had_it).cloned().collect();
        let gone: Vec<HostId> = have_it.into_iter().filter(|host| !everybody.contains(host)).collect();
        let text =
            |hosts| format!("in {name} when {} ran, no host of it any more, and not led back: {hosts}", plan.rollout);
        (!gone.is_empty()).then(|| text(fold(&gone)))
    }

    fn decide(&self, found: &Answers, to: &BackTo, verdicts: &Verdicts) -> Result<BTreeMap<HostId, Step>, Error> {
        let stored = self.workspace.store()?.ids()?;
        let members = found.masters.iter().chain(&found.fleet);
        Ok(steps(members, to, |release| verdicts.is_bad(release), |release| stored.contains(release)))
    }
}

/// Takes a name for a release's id where a host knows it as that.
fn meant(found: &Answers, to: &BackTo) -> BackTo {
    let BackTo::Version(version) = to else {
        return to.clone();
    };
    match version.as_str().parse::<ReleaseId>() {
        Ok(id) if found.probes().any(|probe| probe.ever_good().any(|good| *good == id)) => BackTo::Release(id),
        _ => to.clone(),
    }
}

/// Names the version that is meant, that a host finalized, and that it holds no more.
fn gone(found: &Answers, steps: &BTreeMap<HostId, Step>, to: &BackTo) -> Option<Version> {
    let version = match to {
        BackTo::Version(version) => version,
        BackTo::Release(id) => id.version(),
        BackTo::Last | BackTo::Adopted => return None,
    };
    let is_nowhere = |host: &HostId| matches!(steps.get(host), Some(Step::Nowhere(_)));
    let mut answered = found.all().filter_map(|(host, answer)| Some((host, answer.as_ref().ok()?)));
    answered
        .any(|(host, probe)| is_nowhere(host) && probe.ever_good().any(|good| good.version() == version))
        .then(|| version.clone())
}

/// Names what is no release, so that a plan has a name for it: no folder is called so, and no store has it.
fn nameless(word: &str) -> Result<Aim, Error> {
    let version = Version::new(word).map_err(Error::before)?;
    let (digest, release) = (Digest([0; 32]), ReleaseId::unbuilt(&version));
    Ok(Aim { release, digest, commit: None, stored: None, slot: None, emergency: false, notes: Vec::new() })
}

/// Refuses a rollback for which hosts have nowhere to go, before anything: each by name, and why.
fn refuse_nowhere(groups: &BTreeMap<Step, Vec<HostId>>, to: &BackTo, slot: Option<&Slot>) -> Result<(), Error> {
    let nowhere: Vec<(&String, &Vec<HostId>)> = groups
        .iter()
        .filter_map(|(step, hosts)| match step {
            Step::Nowhere(why) => Some((why, hosts)),
            Step::Go(_) | Step::Stay => None,
        })
        .collect();
    let nobody_goes = !groups.keys().any(|step| matches!(step, Step::Go(_)));
    if nowhere.is_empty() && (*to != BackTo::Last || !nobody_goes) {
        return Ok(());
    }
    let told: String = nowhere.iter().map(|(why, hosts)| format!("\n  {} {why}", fold(hosts))).collect();
    match to {
        BackTo::Last if nobody_goes => {
            let text = format!("no release is known to be good besides what the hosts run; nothing was changed{told}");
            let hint = format!("name the one to go back to: coalmine rollback --to VERSION{}", beside(slot));
            Err(Error::before(text).hint(hint))
        }
        // Part of a mixed answer.
        BackTo::Last => Ok(()),
        BackTo::Version(_) | BackTo::Release(_) | BackTo::Adopted => {
            let hosts: Vec<HostId> = nowhere.iter().flat_map(|(_, hosts)| hosts.iter().cloned()).collect();
            let name = match to {
                BackTo::Version(version) => version.to_string(),
                BackTo::Release(id) => id.to_string(),
                BackTo::Adopted | BackTo::Last => "what was there before".to_owned(),
            };
            let text = format!("not every host can go back to {name}; nothing was changed{told}");
            Err(Error::before(text).hint(format!("-x '{}' leaves them out", fold(&hosts))))
        }
    }
}

/// Refuses to choose for somebody who does not look.
fn mixed(groups: &BTreeMap<Step, Vec<HostId>>) -> Error {
    let lines: String = groups
        .iter()
        .map(|(step, hosts)| {
            let hosts = fold(hosts);
            match step {
                Step::Go(RollBackTarget::Release { id }) => format!("\n  {hosts}: to {id}"),
                Step::Go(RollBackTarget::Adopted) => format!("\n  {hosts}: to what was there before coalmine"),
                Step::Go(RollBackTarget::Nothing) => format!("\n  {hosts}: to none, as before"),
                Step::Nowhere(why) => format!("\n  {hosts}: nowhere, it {why}"),
                Step::Stay => String::new(),
            }
        })
        .collect();
    Error::usage(format!("the hosts would not all go back to the same; nothing was changed{lines}"))
        .hint("--each takes every host to its own, --to VERSION all of them to one, -l HOSTS only some")
}
