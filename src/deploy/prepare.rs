use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::carriage::relays;
use super::catch_up::one_wave;
use super::damage::unknown_rollouts;
use super::deployment::{Answers, Deployment};
use super::error::Error;
use super::notice::Notice;
use super::release::Making;
use super::sequence::new_id;
use super::service::unknown;
use super::settings;
use super::site::broken_programs;
use super::waiting::waiting_note;
use super::way_back::{Aim, Manner};
use super::when::Windows;
use super::workspace::Selection;
use crate::conductor::{ConductorError, EnvironmentLock, LockError};
use crate::host::{self, Survey};
use crate::model::{ASTRAY, Carrier, Failure, HostHook, HostId, PhaseHook, Probe, ReleaseId, Slot, Version};
use crate::plan::{self, BackTo, OnFailure, Plan, PlanKind, Policy, Relays, StageRequest};
use crate::release::{StoredRelease, Verdicts, Wanted};
use crate::rollout::{self, Record};
use crate::words::named;

/// How many hosts are primed at once where nobody says otherwise.
const PRIME_WIDTH: usize = 64;

/// Says what a rollout is to bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// This release runs everywhere.
    Install(Wanted),
    /// This release is everywhere, and nothing is switched.
    Prime(Wanted),
    /// This release runs everywhere, and is on every host already; none is what was primed last, or else the latest.
    Activate(Option<Wanted>),
    /// What the environment finalized last runs everywhere: in one wave, without a soak.
    CatchUp,
    /// What was good before runs again.
    Rollback {
        /// What is meant by that.
        to: BackTo,
        /// Whether hosts may go to different places, each to its own.
        each: bool,
    },
}

/// Says how a rollout is prepared, and what its plan is to be.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Which hosts take part.
    pub selection: Selection,
    /// Which link is switched; none is `target.current`.
    pub slot: Option<Slot>,
    /// Whether the slot is the next of the cycle.
    pub next_slot: bool,
    /// Whether the checkout is taken as it is, its remote not asked.
    pub no_fetch: bool,
    /// How long every stage soaks, whatever the configuration says.
    pub soak: Option<Duration>,
    /// What follows when the rollout must not go on.
    pub on_failure: Option<OnFailure>,
    /// Whether somebody looks on, who can say what follows a failure.
    pub is_watched: bool,
    /// Whether hosts that cannot be reached are left out.
    pub skip_unreachable: bool,
    /// Whether stages are promoted without a person.
    pub promote_all: bool,
    /// How many hosts may be in flight at once, whatever their stage says.
    pub concurrency: Option<u32>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Whether the plan is only looked at: what others hold is none of its business then.
    pub dry_run: bool,
    /// Whether somebody sees the plan and is asked before anything starts.
    pub is_asked: bool,
    /// Whether a release is installed that was found bad here.
    pub even_bad: bool,
    /// The names of freeze windows that are known and gone ahead in.
    pub override_freezes: Vec<String>,
}

/// Holds a rollout that could be started: its release is proven, its hosts are connected.
#[derive(Debug)]
pub struct Prepared<F> {
    /// What is to be done.
    pub plan: Plan,
    /// With which release; none where every host holds what it goes back to, or nothing here has it.
    pub release: Option<Arc<StoredRelease>>,
    /// To which hosts.
    pub hosts: Arc<F>,
    failures: HashMap<HostId, Failure>,
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Finds or makes the release, asks the hosts and plans; nothing is changed on any host.
    ///
    /// Dropping the future ends every process that it started.
    ///
    /// # Errors
    ///
    /// When another holds the environment, when a name or a selection is wrong, when there is no such release, or when there can
    /// be no plan.
    pub async fn prepare(&self, goal: Goal, options: Options) -> Result<Prepared<F>, Error> {
        let listed = self.workspace.rollouts().list();
        unknown_rollouts(&self.workspace.rollouts(), &listed).iter().for_each(|text| self.workspace.warn_once(text));
        if options.dry_run {
            self.tell_freeze();
        } else {
            self.heed_others()?;
        }
        self.heed_machine(&options).await?;
        let windows = self.heed_windows(&goal, &options, Timestamp::now())?;
        let Options { selection, slot, .. } = &options;
        let chosen = self.check(selection, slot.as_ref()).await?;
        self.heed_capacity(&goal, chosen.len(), &options)?;
        if !matches!(goal, Goal::Rollback { .. }) {
            relays(self.workspace, &self.fleet).await?;
            self.refuse_slip(slot.as_ref())?;
            self.refuse_broken_hooks()?;
        }
        // They let us in while the product's remote is asked, and the store looked at.
        let _reached = self.hosts.reach(&chosen);
        let emergency = options.no_fetch
            && matches!(
                goal,
                Goal::Install(Wanted::Revision(_))
                    | Goal::Prime(Wanted::Revision(_))
                    | Goal::Activate(Some(Wanted::Revision(_)))
            );
        let in_one_wave = goal == Goal::CatchUp;
        let (kind, mut aim, answers, verdicts) = match goal {
            Goal::Install(wanted) => self.release_first(PlanKind::Install, wanted, &options).await?,
            Goal::Prime(wanted) => self.release_first(PlanKind::Prime, wanted, &options).await?,
            Goal::Activate(wanted) => {
                let primed = match &wanted {
                    None => self.workspace.primed_release(self.fleet.name).await?,
                    Some(_) => None,
                };
                let found = match primed {
                    Some(release) => self.survey_for(PlanKind::Install, release, &options).await?,
                    None => {
                        let wanted = wanted.unwrap_or_else(|| self.fleet.wanted(None, None));
                        self.release_first(PlanKind::Install, wanted, &options).await?
                    }
                };
                refuse_unprimed(&found.2, &found.1.release)?;
                found
            }
            Goal::CatchUp => {
                let release = self.workspace.finalized_release(self.fleet.name).await?;
                self.survey_for(PlanKind::Install, release, &options).await?
            }
            Goal::Rollback { to, each } => {
                let mut answers = self.survey(selection, slot.as_ref(), &Survey::Deep).await?;
                refuse_astray(&answers)?;
                if let Some(slot) = slot {
                    self.refuse_absent_slot(&answers, slot)?;
                }
                let verdicts = self.verdicts(&answers, options.dry_run)?;
                let manner = Manner { each, is_seen: options.is_asked || options.dry_run };
                let mut aim = self.way_back(&mut answers, &to, &verdicts, manner, slot.as_ref()).await?;
                aim.slot.clone_from(slot);
                if selection.limit.is_none() {
                    aim.notes.extend(self.left_behind(slot.as_ref()));
                }
                (PlanKind::Rollback, aim, answers, verdicts)
            }
        };
        aim.emergency = emergency;
        let failures = answers.failures();
        let release = aim.stored.clone();
        let mut stages = settings::stages(self.workspace, &self.fleet).await?;
        if in_one_wave {
            stages = one_wave(stages)?;
        }
        let relays = relays(self.workspace, &self.fleet).await?;
        let plan = self.plan(answers, kind, aim, &verdicts, (stages, relays, windows), options)?;
        Ok(Prepared { plan, release, hosts: Arc::clone(&self.hosts), failures })
    }

    /// Has the release first, and asks the hosts as deep as that needs.
    async fn release_first(
        &self,
        kind: PlanKind,
        wanted: Wanted,
        options: &Options,
    ) -> Result<(PlanKind, Aim, Answers, Verdicts), Error> {
        if let Some(version) = tag(&wanted) {
            // Somebody's word about a version that is not built yet keeps it from being that.
            let verdicts = self.workspace.verdicts_for(self.fleet.name, options.dry_run)?;
            self.refuse_bad(&verdicts, &ReleaseId::unbuilt(&version), options)?;
            let built = self.workspace.store()?.find(&version)?.is_some();
            self.notify(Notice::Making { version, built });
        }
        let making = Making { no_fetch: options.no_fetch, rebuild: false, only_looks: options.dry_run };
        let release = self.workspace.make(wanted, making).await?;
        self.survey_for(kind, release, options).await
    }

    /// Asks the hosts as deep as a release needs.
    async fn survey_for(
        &self,
        kind: PlanKind,
        release: Arc<StoredRelease>,
        options: &Options,
    ) -> Result<(PlanKind, Aim, Answers, Verdicts), Error> {
        // Known before any host is asked, so that nobody waits for the refusal.
        let known = self.workspace.verdicts_for(self.fleet.name, options.dry_run)?;
        self.refuse_bad(&known, &release.id, options)?;
        let mut aim = Aim::at(release);
        aim.slot.clone_from(&options.slot);
        if options.next_slot {
            let next = self.next_slot(&aim.release).await?;
            aim.slot = Some(next.slot);
            aim.notes.push(next.why);
        }
        let depth = Survey::For(aim.release.clone());
        let answers = self.survey(&options.selection, aim.slot.as_ref(), &depth).await?;
        refuse_astray(&answers)?;
        let verdicts = self.verdicts(&answers, options.dry_run)?;
        self.refuse_bad(&verdicts, &aim.release, options)?;
        if let Some(slot) = &aim.slot {
            let notes = self.heed_slots(&answers, slot, &aim.release)?;
            aim.notes.extend(notes);
        }
        Ok((kind, aim, answers, verdicts))
    }

    /// Refuses hooks that cannot even be started: they would stop the rollout, or fail every host of it.
    fn refuse_broken_hooks(&self) -> Result<(), Error> {
        let (broken, _) = broken_programs(self.workspace.config());
        let Some((name, why)) = broken.into_iter().find(|(name, _)| name != "hooks.announce") else { return Ok(()) };
        let error = Error::usage(format!("{name} cannot be run: {why}; nothing was changed"));
        Err(error.hint("make it executable, write its whole path, or leave it out"))
    }

    /// Refuses a release that was found bad here, unless somebody sees that before anything starts, or has said that it is known.
    fn refuse_bad(&self, verdicts: &Verdicts, release: &ReleaseId, options: &Options) -> Result<(), Error> {
        let bad = verdicts.against(release).filter(|found| found.everywhere);
        let is_known = options.even_bad || options.is_asked || options.dry_run;
        match bad {
            Some(found) if !is_known => {
                let text = format!("{} is bad in {}: {}", release.version(), self.fleet.name, found.describe());
                Err(Error::usage(format!("{text}; nothing was changed"))
                    .hint(format!(
                        "to install it all the same: coalmine install-world {} --even-bad",
                        named(release.version())
                    ))
                    .hint(format!("to take the mark back: coalmine releases unmark {}", release.version())))
            }
            _ => Ok(()),
        }
    }

    /// Tells that nobody may start what is only planned.
    fn tell_freeze(&self) {
        match self.workspace.held(self.fleet.name) {
            Some(ConductorError::Lock(LockError::Frozen { freeze, .. })) if freeze.lets(&self.workspace.operator) => {}
            Some(frozen @ (ConductorError::Lock(LockError::Frozen { .. }) | ConductorError::Unreadable { .. })) => {
                self.notify(Notice::warning(frozen));
            }
            _ => {}
        }
    }

    /// Refuses what another holds before minutes are spent on it, and tells what waits.
    pub(super) fn heed_others(&self) -> Result<(), Error> {
        let state_dir = &self.workspace.state_dir;
        self.workspace.refuse_that_of_another_product(self.fleet.name)?;
        let may_wait = !self.workspace.lock_wait().is_zero();
        match EnvironmentLock::look(state_dir, self.fleet.name, Some(&self.workspace.operator)) {
            Err(ConductorError::Lock(LockError::Held { .. })) if may_wait => {}
            looked => looked?,
        }
        if let Some(waits) = waiting_note(state_dir, self.fleet.name) {
            self.notify(Notice::Overtaking { waits });
        }
        Ok(())
    }

    /// Makes the plan of a rollout of what the hosts answered.
    fn plan(
        &self,
        answers: Answers,
        kind: PlanKind,
        aim: Aim,
        verdicts: &Verdicts,
        (stages, relays, windows): (Vec<StageRequest>, Relays, Windows),
        options: Options,
    ) -> Result<Plan, Error> {
        let config = self.workspace.config();
        let usual = if options.is_watched { OnFailure::Pause } else { OnFailure::Rollback };
        let on_failure = options.on_failure.or(self.fleet.policy.on_failure).unwrap_or(usual);
        let concurrency = options.concurrency.and_then(|width| usize::try_from(width).ok());
        let policy = Policy {
            on_failure,
            prefetch: self.fleet.policy.prefetch,
            promote_all: options.promote_all,
            skip_unreachable: options.skip_unreachable,
            prime_width: concurrency.unwrap_or(PRIME_WIDTH),
            control_width: config.ssh.sessions.get(),
            depool: config.hooks.depool.is_some(),
            hooks: PhaseHook::ALL.into_iter().filter(|hook| config.hooks.of_phase(*hook).is_some()).collect(),
            host_hooks: HostHook::ALL.into_iter().filter(|hook| config.hooks.of_host(*hook).is_some()).collect(),
            confirm: config.target.confirm,
            freezes: windows.heeded,
            overridden: options.override_freezes,
            carriers: match kind {
                // What a host goes back to is there, or goes there alone.
                PlanKind::Rollback => Vec::new(),
                PlanKind::Install | PlanKind::Prime => tried(config.transfer.carriers.as_slice()),
            },
            stall: config.transfer.stall,
        };
        // Each rollout carries on what it finds; where nobody knows, it does not say that it looked.
        let service = self.workspace.service_now(self.fleet.name);
        let service = service.map_err(|error| self.notify(Notice::warning(unknown(&error)))).ok();
        let service_at = service.as_ref().map(|now| now.at);
        let (out_of_service, taken_out) = service.map(|now| (now.by_rollouts, now.by_persons)).unwrap_or_default();
        let kept_out: Vec<HostId> = taken_out.iter().map(|taken| taken.host.clone()).collect();
        let kept_out: Vec<HostId> =
            kept_out.into_iter().filter(|host| answers.all().any(|(asked, _)| asked == host)).collect();
        let kept_out = (!kept_out.is_empty() && kind != PlanKind::Prime && aim.slot.is_none()).then(|| {
            let names = crate::expr::fold(&kept_out);
            format!("taken out of service by hand, switched all the same and not put back: {names}")
        });
        let plan = Plan {
            rollout: new_id()?,
            environment: self.fleet.name.clone(),
            product: Some(self.workspace.product()),
            kind,
            version: aim.release.version().clone(),
            mark: verdicts.against(&aim.release),
            release: aim.release,
            digest: aim.digest,
            commit: aim.commit,
            operator: self.workspace.operator.clone(),
            reason: options.reason,
            slot: aim.slot,
            emergency: aim.emergency,
            policy,
            stages: Vec::new(),
            hosts: Vec::new(),
            left_out: Vec::new(),
            out_of_service,
            taken_out,
            service_at,
            bad: verdicts.bad(),
            changes: Vec::new(),
            notes: aim
                .stored
                .iter()
                .flat_map(|release| release.notes.clone())
                .chain(aim.notes)
                .chain(windows.notes)
                .chain(kept_out)
                .collect(),
        };
        let (masters, fleet) = (answers.masters, answers.fleet);
        let masters_alone = options.selection.masters_alone;
        let request =
            plan::Request { plan, concurrency, soak: options.soak, masters, fleet, stages, relays, masters_alone };
        Ok(plan::make(request)?)
    }
}

/// Refuses hosts that do not hold what they are only to be switched to, masters too; who did not answer is not known to lack it.
fn refuse_unprimed(answers: &Answers, release: &ReleaseId) -> Result<(), Error> {
    let lacks = |probe: &Probe| !probe.releases.contains(release) && probe.installed.release() != Some(release);
    let without = answers.all().filter(|(_, answer)| answer.as_ref().is_ok_and(lacks));
    let without: Vec<HostId> = without.map(|(host, _)| host.clone()).collect();
    if without.is_empty() {
        return Ok(());
    }
    let (hosts, version) = (crate::expr::fold(&without), named(release.version()));
    Err(Error::before(format!("{release} was not primed on {hosts}; nothing was changed"))
        .hint(format!("to prime it there: coalmine install-world {version} --prime -l '{hosts}'"))
        .hint(format!("-x '{hosts}' leaves them out")))
}

/// Refuses hosts whose root is another link's, masters too: each of them would refuse the rollout, after all others were locked.
fn refuse_astray(answers: &Answers) -> Result<(), Error> {
    let (astray, why): (Vec<HostId>, Vec<String>) =
        answers.all().filter_map(|(host, answer)| Some((host.clone(), answer.as_ref().ok()?.astray.clone()?))).unzip();
    let Some(why) = why.first() else { return Ok(()) };
    let hosts = crate::expr::fold(&astray);
    let error = Error::usage(format!("{hosts}: {why}; nothing was changed")).hint(ASTRAY);
    Err(if astray.len() < answers.all().count() { error.hint(format!("-x '{hosts}' leaves them out")) } else { error })
}

/// Gives the carriers that a plan names: none where there is nothing but what is always so.
fn tried(carriers: &[Carrier]) -> Vec<Carrier> {
    if carriers == [Carrier::Direct] { Vec::new() } else { carriers.to_vec() }
}

fn tag(wanted: &Wanted) -> Option<Version> {
    match wanted {
        Wanted::Tag(tag) => Version::new(tag).ok(),
        _ => None,
    }
}

impl<F> Prepared<F> {
    /// Gives the records of a rollout that has nothing to do: it ends as others do, and is nobody's journal.
    #[must_use]
    pub fn nothing_done(&self) -> [Record; 2] {
        rollout::nothing_done(&self.plan, Timestamp::now())
    }

    /// Refuses a rollout that would stop at its first step, with what is wrong with the hosts that would stop it.
    ///
    /// # Errors
    ///
    /// When more hosts of a stage are unreachable than its budget allows.
    pub fn check_reachable(&self) -> Result<(), Error> {
        let over = self.plan.unreachable_over_budget();
        if over.is_empty() || self.plan.kind == PlanKind::Rollback {
            return Ok(());
        }
        let mut text = "more hosts are unreachable than the budget allows; nothing was changed".to_owned();
        for (stage, hosts) in over {
            let plural = if hosts.len() == 1 { "" } else { "s" };
            text.push_str(&format!("\n  {} host{plural} of stage {stage}: {}", hosts.len(), crate::expr::fold(&hosts)));
            let mut causes: BTreeMap<(&str, Option<&str>), Vec<HostId>> = BTreeMap::new();
            for host in hosts {
                if let Some(failure) = self.failures.get(&host) {
                    causes.entry((&failure.message, failure.hint.as_deref())).or_default().push(host);
                }
            }
            for ((message, hint), hosts) in causes {
                text.push_str(&format!("\n    {}: {message}", crate::expr::fold(&hosts)));
                if let Some(hint) = hint {
                    text.push_str(&format!("\n      try: {hint}"));
                }
            }
        }
        Err(Error::before(text).hint("--skip-unreachable leaves them out, -x HOSTS goes ahead without them"))
    }
}
