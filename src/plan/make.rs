use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use thiserror::Error;

use super::types::{
    Budget, HostPlan, LeftOut, LeftOutReason, Plan, PlanKind, Policy, Promote, StageGate, StageKind, StagePlan,
};
use super::way_back::{Step, way_back};
use crate::model::{
    Digest, Environment, Failure, FoundBad, HostId, NameError, Operator, Probe, ReleaseId, RollBackTarget, RolloutId,
    Site, Slot, StageName, Version,
};

/// Says how many of a number of hosts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(usize),
    /// So many of a hundred, rounded down.
    Percent(u8),
}

impl Amount {
    /// Counts how many of `all` are meant.
    #[must_use]
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => all.saturating_mul(usize::from(percent)) / 100,
        }
    }
}

/// Says how many hosts of a stage may fail, by class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetRule {
    /// How many may be unreachable.
    pub unreachable: Amount,
    /// How many may not get the release.
    pub transfer: Amount,
    /// How many may fail to switch.
    pub activate: Amount,
    /// How many may fail a gate.
    pub unhealthy: Amount,
}

impl Default for BudgetRule {
    fn default() -> Self {
        let none = Amount::Count(0);
        Self { unreachable: none, transfer: none, activate: none, unhealthy: none }
    }
}

impl BudgetRule {
    fn of(&self, hosts: usize) -> Budget {
        Budget {
            unreachable: self.unreachable.of(hosts),
            transfer: self.transfer.of(hosts),
            activate: self.activate.of(hosts),
            unhealthy: self.unhealthy.of(hosts),
        }
    }
}

/// Says which hosts a stage has, of those that no earlier stage has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageSelection {
    /// These.
    Hosts(Vec<HostId>),
    /// The first so many, at least one.
    First(Amount),
    /// The first so many of each site.
    PerSite(usize),
    /// Whatever is left.
    Rest,
}

/// Describes a stage as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRequest {
    /// Its name.
    pub name: StageName,
    /// Its hosts.
    pub selection: StageSelection,
    /// How many hosts its waves have: of the stage, at least one, and the last one repeats; none is one wave.
    pub waves: Vec<Amount>,
    /// How many of its hosts may be in flight at once.
    pub concurrency: usize,
    /// How long it must stay healthy before the next one.
    pub soak: Duration,
    /// Who lets the next one start.
    pub promote: Promote,
    /// How many of its hosts may fail.
    pub budget: BudgetRule,
    /// What is asked during its soak.
    pub gates: Vec<StageGate>,
}

/// Holds what is known of a host of the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub host: HostId,
    /// Where it stands.
    pub site: Option<Site>,
    /// Whether `--limit` and `--exclude` leave it in.
    pub selected: bool,
    /// What it answered; none when it was not asked, since it is not selected.
    pub answer: Option<Result<Probe, Failure>>,
    /// What a rollback does with it, once that is decided; see [`steps`](super::steps).
    pub step: Option<Step>,
}

/// Asks for a plan.
#[derive(Debug, Clone)]
pub struct Request {
    /// The rollout.
    pub rollout: RolloutId,
    /// Whose fleet it is.
    pub environment: Environment,
    /// What it is for.
    pub kind: PlanKind,
    /// What is installed.
    pub version: Version,
    /// The release.
    pub release: ReleaseId,
    /// Its digest.
    pub digest: Digest,
    /// The commit that it was built of.
    pub commit: String,
    /// Who wants it.
    pub operator: Operator,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Which link is switched.
    pub slot: Option<Slot>,
    /// What the rollout does where it has a choice.
    pub policy: Policy,
    /// How many hosts may be in flight at once, whatever the stage says.
    pub concurrency: Option<usize>,
    /// How long every stage soaks, whatever the stage says.
    pub soak: Option<Duration>,
    /// The deploy servers, in the inventory's order.
    pub masters: Vec<Member>,
    /// The fleet, in the inventory's order.
    pub fleet: Vec<Member>,
    /// The stages, in order; none is one stage of the whole fleet.
    pub stages: Vec<StageRequest>,
    /// The hosts that earlier rollouts took out of service and none put back.
    pub out_of_service: Vec<HostId>,
    /// The releases that the environment found bad.
    pub bad: Vec<ReleaseId>,
    /// What is known against the release itself.
    pub mark: Option<FoundBad>,
    /// What is to be known of the version.
    pub notes: Vec<String>,
}

/// Tells why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Two names lead to one machine.
    #[error("{first} and {second} are one machine: take one of the names out, or leave it out with -x {second}")]
    SameMachine {
        /// The name that comes first.
        first: HostId,
        /// The other one.
        second: HostId,
    },
    /// A deploy server is a host of the fleet too.
    #[error("{host} is both a master and a target: take it out of `hosts`, or out of `masters`")]
    MasterAndTarget {
        /// The host.
        host: HostId,
    },
    /// A host is in the inventory's answer twice.
    #[error("{host} is listed twice")]
    Twice {
        /// The host.
        host: HostId,
    },
    /// Hosts are in no stage.
    #[error(
        "{count} hosts are in no stage, the first of them is {first}: give the last stage no `hosts`, and it has whatever is left"
    )]
    Unassigned {
        /// How many.
        count: usize,
        /// The first one.
        first: HostId,
    },
    /// No target is selected: whatever became of the masters would be a success of no host.
    #[error("no host of {environment} is selected: masters alone are no rollout")]
    NoTarget {
        /// Whose fleet it is.
        environment: Environment,
    },
    /// A name that is made here is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Makes a plan: every host of the fleet is in exactly one stage of it, or left out with the reason.
///
/// # Errors
///
/// When a host is a master and a target, is listed twice, or is in no stage.
pub fn make(request: Request) -> Result<Plan, PlanError> {
    check(&request)?;
    let out_of_service = request.out_of_service.iter().collect();
    let mut maker =
        Maker { request: &request, out_of_service, hosts: Vec::new(), left_out: Vec::new(), stages: Vec::new() };
    if !request.masters.is_empty() {
        let masters: Vec<&Member> = request.masters.iter().collect();
        maker.add(&masters_stage(masters.len())?, StageKind::Masters, &masters);
    }
    let assigned = assign(&request)?;
    for (stage, members) in &assigned {
        maker.add(stage, StageKind::Targets, members);
    }
    let Maker { hosts, left_out, stages, .. } = maker;
    let moved = finalized_otherwise(&request);
    let Request {
        rollout,
        environment,
        kind,
        version,
        release,
        digest,
        commit,
        operator,
        reason,
        slot,
        policy,
        out_of_service,
        bad,
        mark,
        notes,
        ..
    } = request;
    Ok(Plan {
        rollout,
        environment,
        kind,
        version,
        release,
        digest,
        commit,
        operator,
        reason,
        slot,
        policy,
        stages,
        hosts,
        left_out,
        out_of_service,
        bad,
        mark,
        notes: notes.into_iter().chain(moved).collect(),
    })
}

/// Tells that hosts finalized the version with other files: whoever asks next would be told so as well, whatever was fetched since.
///
/// A rollback names the release that it goes to, so that nothing is to be told there.
fn finalized_otherwise(request: &Request) -> Option<String> {
    let probes = request.masters.iter().chain(&request.fleet).filter_map(|member| {
        let probe = member.answer.as_ref()?.as_ref().ok()?;
        Some((&member.host, probe))
    });
    let mut others: BTreeMap<&ReleaseId, usize> = BTreeMap::new();
    for (_, probe) in probes {
        let known: HashSet<&ReleaseId> = probe.good.iter().chain(&probe.previous).collect();
        for id in known.into_iter().filter(|id| *id.version() == request.version && **id != request.release) {
            *others.entry(id).or_default() += 1;
        }
    }
    others.retain(|id, _| !request.notes.iter().any(|note| note.contains(&id.to_string())));
    if others.is_empty() || request.kind == PlanKind::Rollback {
        return None;
    }
    let others: Vec<String> = others
        .into_iter()
        .map(|(id, hosts)| format!("{id} (on {hosts} {})", if hosts == 1 { "host" } else { "hosts" }))
        .collect();
    Some(format!(
        "{} was finalized with other files before, as {}, and is {} now: its tag was moved, or it is built otherwise",
        request.version,
        others.join(" and "),
        request.release
    ))
}

/// Finds two names of one machine: what is done to both at once would be done twice.
///
/// # Errors
///
/// When there are two.
pub fn check_machines<'a>(answers: impl Iterator<Item = (&'a HostId, &'a Probe)>) -> Result<(), PlanError> {
    let mut known: HashMap<&str, &HostId> = HashMap::new();
    for (host, probe) in answers {
        let machine = probe.facts.iter().find(|(fact, _)| fact == "machine").map(|(_, machine)| machine.as_str());
        let Some(machine) = machine else { continue };
        if let Some(first) = known.insert(machine, host) {
            return Err(PlanError::SameMachine { first: first.clone(), second: host.clone() });
        }
    }
    Ok(())
}

fn check(request: &Request) -> Result<(), PlanError> {
    if !request.fleet.iter().any(|member| member.selected) {
        return Err(PlanError::NoTarget { environment: request.environment.clone() });
    }
    let members = request.masters.iter().chain(&request.fleet);
    check_machines(members.filter_map(|member| Some((&member.host, member.answer.as_ref()?.as_ref().ok()?))))?;
    let mut masters = HashSet::new();
    let mut targets = HashSet::new();
    for master in &request.masters {
        if !masters.insert(&master.host) {
            return Err(PlanError::Twice { host: master.host.clone() });
        }
    }
    for target in &request.fleet {
        if masters.contains(&target.host) {
            return Err(PlanError::MasterAndTarget { host: target.host.clone() });
        }
        if !targets.insert(&target.host) {
            return Err(PlanError::Twice { host: target.host.clone() });
        }
    }
    Ok(())
}

fn masters_stage(count: usize) -> Result<StageRequest, PlanError> {
    Ok(StageRequest {
        name: StageName::new("masters")?,
        selection: StageSelection::Rest,
        waves: Vec::new(),
        concurrency: count,
        soak: Duration::ZERO,
        promote: Promote::Auto,
        budget: BudgetRule::default(),
        gates: Vec::new(),
    })
}

/// A rollback is one stage: whoever goes back has been through the canaries before.
fn rollback_stage(request: &Request) -> Result<StageRequest, PlanError> {
    let all = Amount::Percent(100);
    let widest = request.stages.iter().map(|stage| stage.concurrency).max();
    Ok(StageRequest {
        name: StageName::new("rollback")?,
        concurrency: widest.unwrap_or(request.policy.control_width),
        budget: BudgetRule { unreachable: all, transfer: all, activate: all, unhealthy: all },
        ..whole_fleet(request)?
    })
}

fn whole_fleet(request: &Request) -> Result<StageRequest, PlanError> {
    Ok(StageRequest {
        name: StageName::new("fleet")?,
        concurrency: request.policy.control_width,
        ..masters_stage(request.fleet.len())?
    })
}

type Assigned<'a> = Vec<(StageRequest, Vec<&'a Member>)>;

/// Gives every host of the fleet to the first stage that selects it.
fn assign(request: &Request) -> Result<Assigned<'_>, PlanError> {
    let stages = match request.kind {
        PlanKind::Rollback => vec![rollback_stage(request)?],
        PlanKind::Install | PlanKind::Prime if request.stages.is_empty() => vec![whole_fleet(request)?],
        PlanKind::Install | PlanKind::Prime => request.stages.clone(),
    };
    let mut rest: Vec<&Member> = request.fleet.iter().collect();
    let mut assigned = Vec::new();
    for stage in stages {
        let chosen: HashSet<&HostId> = match &stage.selection {
            StageSelection::Hosts(hosts) => hosts.iter().collect(),
            StageSelection::First(amount) => {
                let count = amount.of(request.fleet.len()).max(1);
                rest.iter().take(count).map(|member| &member.host).collect()
            }
            StageSelection::PerSite(count) => per_site(&rest, *count),
            StageSelection::Rest => rest.iter().map(|member| &member.host).collect(),
        };
        let (members, others) = rest.into_iter().partition(|member| chosen.contains(&member.host));
        rest = others;
        assigned.push((stage, members));
    }
    match rest.first() {
        None => Ok(assigned),
        Some(first) => Err(PlanError::Unassigned { count: rest.len(), first: first.host.clone() }),
    }
}

fn per_site<'a>(members: &[&'a Member], count: usize) -> HashSet<&'a HostId> {
    let mut taken: HashMap<Option<&Site>, usize> = HashMap::new();
    let mut chosen = HashSet::new();
    for member in members {
        let taken = taken.entry(member.site.as_ref()).or_default();
        if *taken < count {
            *taken += 1;
            chosen.insert(&member.host);
        }
    }
    chosen
}

struct Maker<'a> {
    request: &'a Request,
    out_of_service: HashSet<&'a HostId>,
    hosts: Vec<HostPlan>,
    left_out: Vec<LeftOut>,
    stages: Vec<StagePlan>,
}

impl Maker<'_> {
    fn add(&mut self, stage: &StageRequest, kind: StageKind, members: &[&Member]) {
        let first = self.hosts.len();
        for member in members {
            match self.left_out(member) {
                Some((reason, message)) => {
                    let is_master = kind == StageKind::Masters;
                    self.left_out.push(LeftOut { host: member.host.clone(), reason, message, is_master });
                }
                None => self.hosts.push(self.host_plan(member)),
            }
        }
        let count = self.hosts.len() - first;
        let width = self.request.concurrency.map_or(stage.concurrency, |limit| limit.min(stage.concurrency));
        let soak = match kind {
            StageKind::Masters => Duration::ZERO,
            StageKind::Targets if self.request.kind == PlanKind::Rollback => Duration::ZERO,
            StageKind::Targets => self.request.soak.unwrap_or(stage.soak),
        };
        self.stages.push(StagePlan {
            name: stage.name.clone(),
            kind,
            waves: waves(&stage.waves, count),
            concurrency: width.max(1),
            soak,
            promote: stage.promote,
            budget: stage.budget.of(count),
            gates: stage.gates.clone(),
        });
    }

    fn left_out(&self, member: &Member) -> Option<(LeftOutReason, String)> {
        let Request { release, digest, policy, .. } = self.request;
        if !member.selected {
            return Some((LeftOutReason::Excluded, String::new()));
        }
        match &member.step {
            Some(Step::Nowhere(why)) => return Some((LeftOutReason::NoTarget, why.clone())),
            Some(Step::Stay) if !self.is_to_be_put_back(&member.host) => {
                return Some((LeftOutReason::Current, String::new()));
            }
            Some(Step::Go(_) | Step::Stay) => return None,
            None => {}
        }
        match &member.answer {
            Some(Ok(probe)) if probe.is_current(release, digest) && !self.is_to_be_put_back(&member.host) => {
                Some((LeftOutReason::Current, String::new()))
            }
            Some(Err(failure)) if policy.skip_unreachable => {
                Some((LeftOutReason::Unreachable, failure.message.clone()))
            }
            _ => None,
        }
    }

    fn host_plan(&self, member: &Member) -> HostPlan {
        let probe = member.answer.as_ref().and_then(|answer| answer.as_ref().ok());
        let running = probe.and_then(|probe| probe.installed.release());
        let to = match &member.step {
            Some(Step::Go(target)) => Some(target.clone()),
            // It takes part to be put back into service.
            Some(Step::Stay) => running.map(|id| RollBackTarget::Release { id: id.clone() }),
            Some(Step::Nowhere(_)) | None => None,
        };
        let holds = match (&to, probe) {
            (Some(RollBackTarget::Release { id }), Some(probe)) => probe.releases.contains(id) || running == Some(id),
            (Some(RollBackTarget::Adopted | RollBackTarget::Nothing), _) => true,
            (None, _) | (_, None) => false,
        };
        HostPlan {
            host: member.host.clone(),
            site: member.site.clone(),
            from: probe.map(|probe| probe.installed.clone()),
            good: probe.and_then(|probe| way_back(probe, |release| self.request.bad.contains(release))),
            to,
            holds,
            lost: member.answer.as_ref().and_then(|answer| answer.as_ref().err()).cloned(),
        }
    }

    /// Tells whether a host takes part if only to be checked, and put back into service when it is healthy.
    fn is_to_be_put_back(&self, host: &HostId) -> bool {
        let Request { kind, slot, .. } = self.request;
        *kind != PlanKind::Prime && slot.is_none() && self.out_of_service.contains(host)
    }
}

/// Cuts a stage into waves: each amount in turn, at least one host, and the last amount repeats.
fn waves(amounts: &[Amount], hosts: usize) -> Vec<usize> {
    let mut waves = Vec::new();
    let mut left = hosts;
    let mut amounts = amounts.iter();
    let mut size = hosts;
    while left > 0 {
        if let Some(amount) = amounts.next() {
            size = amount.of(hosts).max(1);
        }
        let wave = size.min(left);
        waves.push(wave);
        left -= wave;
    }
    waves
}

impl Plan {
    /// Counts the hosts that could not be asked, by the stage whose budget they would break.
    ///
    /// A rollout that would stop at its first step is better not begun.
    #[must_use]
    pub fn unreachable_over_budget(&self) -> BTreeMap<StageName, Vec<HostId>> {
        let mut over = BTreeMap::new();
        for (stage, waves) in self.waves() {
            let lost: Vec<HostId> =
                waves.into_iter().flatten().filter(|host| host.from.is_none()).map(|host| host.host.clone()).collect();
            if lost.len() > stage.budget.unreachable {
                over.insert(stage.name.clone(), lost);
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Installed;
    use crate::plan::{OnFailure, Prefetch};

    fn policy() -> Policy {
        Policy {
            on_failure: OnFailure::Rollback,
            prefetch: Prefetch::All,
            promote_all: true,
            skip_unreachable: false,
            prime_width: 8,
            control_width: 16,
            depool: false,
            confirm: Duration::ZERO,
            freezes: Vec::new(),
            overridden: Vec::new(),
        }
    }

    fn member(name: &str) -> Member {
        let site = name.split('.').nth(1).map(|site| Site(site.into()));
        Member {
            host: HostId::new(name).unwrap(),
            site,
            selected: true,
            answer: Some(Ok(Probe::default())),
            step: None,
        }
    }

    fn stage(name: &str, selection: StageSelection) -> StageRequest {
        StageRequest { name: StageName::new(name).unwrap(), selection, ..masters_stage(4).unwrap() }
    }

    fn request(hosts: &[&str], stages: Vec<StageRequest>) -> Request {
        let digest = Digest([1; 32]);
        let version = Version::new("1.0").unwrap();
        Request {
            rollout: RolloutId::new("r1").unwrap(),
            environment: Environment::new("production").unwrap(),
            kind: PlanKind::Install,
            release: ReleaseId::new(&version, &digest),
            version,
            digest,
            commit: "c".to_owned(),
            operator: Operator("me@here".into()),
            reason: None,
            slot: None,
            policy: policy(),
            concurrency: None,
            soak: None,
            masters: Vec::new(),
            out_of_service: Vec::new(),
            bad: Vec::new(),
            mark: None,
            notes: Vec::new(),
            fleet: hosts.iter().map(|host| member(host)).collect(),
            stages,
        }
    }

    fn names(plan: &Plan) -> Vec<(String, Vec<Vec<String>>)> {
        plan.waves()
            .map(|(stage, waves)| {
                let waves = waves.iter().map(|wave| wave.iter().map(|host| host.host.to_string()).collect()).collect();
                (stage.name.to_string(), waves)
            })
            .collect()
    }

    #[test]
    fn a_host_in_two_stages_belongs_to_the_first() {
        let canary = vec![HostId::new("b").unwrap()];
        let stages = vec![
            stage("canary", StageSelection::Hosts(canary.clone())),
            stage("again", StageSelection::Hosts(canary)),
            stage("fleet", StageSelection::Rest),
        ];
        let plan = make(request(&["a", "b", "c"], stages)).unwrap();
        let wave = |hosts: &[&str]| vec![hosts.iter().map(ToString::to_string).collect::<Vec<_>>()];
        assert_eq!(
            names(&plan),
            [
                ("canary".to_owned(), wave(&["b"])),
                ("again".to_owned(), vec![]),
                ("fleet".to_owned(), wave(&["a", "c"]))
            ]
        );
    }

    #[test]
    fn waves_take_their_amount_of_the_stage_and_the_last_one_repeats() {
        let amounts = [Amount::Count(1), Amount::Percent(10), Amount::Percent(50)];
        assert_eq!(waves(&amounts, 40), [1, 4, 20, 15]);
        assert_eq!(waves(&amounts, 3), [1, 1, 1]);
        assert_eq!(waves(&amounts, 0), Vec::<usize>::new());
        assert_eq!(waves(&[], 7), [7]);
        assert_eq!(waves(&[Amount::Count(0)], 2), [1, 1]);
    }

    #[test]
    fn a_master_that_is_a_target_and_a_host_that_comes_twice_are_refused() {
        let mut both = request(&["a"], vec![]);
        both.masters = vec![member("a")];
        assert!(matches!(make(both), Err(PlanError::MasterAndTarget { .. })));
        assert!(matches!(make(request(&["a", "a"], vec![])), Err(PlanError::Twice { .. })));
    }

    #[test]
    fn a_host_in_no_stage_is_refused_and_named() {
        let stages = vec![stage("canary", StageSelection::First(Amount::Count(1)))];
        let error = make(request(&["a", "b", "c"], stages)).unwrap_err();
        assert!(error.to_string().contains("2 hosts are in no stage, the first of them is b"), "{error}");
    }

    #[test]
    fn a_canary_of_each_site_is_the_first_of_each_site() {
        let stages = vec![stage("canary", StageSelection::PerSite(1)), stage("fleet", StageSelection::Rest)];
        let plan = make(request(&["a.x", "b.x", "c.y", "d.y"], stages)).unwrap();
        assert_eq!(names(&plan)[0].1, [["a.x", "c.y"]]);
    }

    #[test]
    fn canaries_are_chosen_before_the_limit_cuts_them_down() {
        let stages =
            vec![stage("canary", StageSelection::First(Amount::Count(1))), stage("fleet", StageSelection::Rest)];
        let mut request = request(&["a", "b", "c"], stages);
        request.fleet[0].selected = false;
        let plan = make(request).unwrap();
        assert_eq!(plan.stages[0].hosts(), 0);
        assert_eq!(plan.targets(), 2);
        assert_eq!(plan.left_out[0].reason, LeftOutReason::Excluded);
    }

    #[test]
    fn a_host_that_has_the_release_and_has_it_finalized_takes_no_part() {
        let mut request = request(&["a", "b", "c"], vec![]);
        let installed = |drift: Option<&str>| Installed::Release {
            id: request.release.clone(),
            digest: Some(request.digest),
            drift: drift.map(str::to_owned),
        };
        let current = Probe { installed: installed(None), good: Some(request.release.clone()), ..Probe::default() };
        let drifted = Probe { installed: installed(Some("bin/tool differs")), ..current.clone() };
        let unfinished = Probe { good: None, ..current.clone() };
        request.fleet[0].answer = Some(Ok(current));
        request.fleet[1].answer = Some(Ok(drifted));
        request.fleet[2].answer = Some(Ok(unfinished));
        let plan = make(request).unwrap();
        let hosts: Vec<_> = plan.hosts.iter().map(|host| host.host.as_str()).collect();
        assert_eq!(hosts, ["b", "c"]);
        assert_eq!(plan.left_out.len(), 1);
    }

    #[test]
    fn two_names_of_one_machine_are_refused() {
        let mut request = request(&["a", "b", "c"], vec![]);
        let on = |machine: &str| Probe { facts: vec![("machine".to_owned(), machine.to_owned())], ..Probe::default() };
        for (host, machine) in request.fleet.iter_mut().zip(["1:2", "1:3", "1:2"]) {
            host.answer = Some(Ok(on(machine)));
        }
        let error = make(request.clone()).unwrap_err().to_string();
        assert!(error.starts_with("a and c are one machine"), "{error}");
        request.fleet[2].answer = None;
        assert!(make(request).is_ok());
    }

    #[test]
    fn a_version_that_was_finalized_with_other_files_is_told_by_the_plan() {
        let mut request = request(&["a", "b"], vec![]);
        let before = ReleaseId::new(&request.version, &Digest([2; 32]));
        let probe = Probe { good: Some(before.clone()), ..Probe::default() };
        request.fleet[0].answer = Some(Ok(probe.clone()));
        let notes = make(request.clone()).unwrap().notes;
        assert!(
            notes[0].contains(&format!("{before} (on 1 host)")) && notes[0].contains("its tag was moved"),
            "{notes:?}"
        );
        // Once is enough.
        request.notes = vec![format!("moved, as {before}")];
        assert_eq!(make(request.clone()).unwrap().notes, request.notes);
        request.notes = Vec::new();
        request.fleet[0].answer = Some(Ok(Probe { good: Some(request.release.clone()), ..probe }));
        assert_eq!(make(request).unwrap().notes, [""; 0]);
    }

    #[test]
    fn a_host_that_is_out_of_service_takes_part_until_it_is_found_healthy() {
        let mut request = request(&["a", "b", "c"], vec![]);
        let installed = Installed::Release { id: request.release.clone(), digest: Some(request.digest), drift: None };
        let current = Probe { installed, good: Some(request.release.clone()), ..Probe::default() };
        for host in &mut request.fleet {
            host.answer = Some(Ok(current.clone()));
        }
        request.masters = vec![Member { answer: Some(Ok(current)), ..member("deploy") }];
        request.out_of_service = vec![HostId::new("b").unwrap(), HostId::new("gone").unwrap()];
        let plan = make(request.clone()).unwrap();
        let hosts: Vec<_> = plan.hosts.iter().map(|host| host.host.as_str()).collect();
        assert_eq!(hosts, ["b"]);
        assert_eq!(plan.out_of_service, request.out_of_service);
        // The master is left out too, and counted nowhere.
        assert_eq!((plan.left_out.len(), plan.left_out_for(LeftOutReason::Current)), (3, 2));
        request.slot = Some(Slot::new("next").unwrap());
        assert_eq!(make(request.clone()).unwrap().hosts, []);
        request.slot = None;
        request.kind = PlanKind::Prime;
        assert_eq!(make(request).unwrap().hosts, []);
    }

    #[test]
    fn a_rollback_is_one_stage_without_soak() {
        let mut request = request(&["a", "b"], vec![stage("canary", StageSelection::First(Amount::Count(1)))]);
        request.kind = PlanKind::Rollback;
        request.soak = Some(Duration::from_secs(9));
        let plan = make(request).unwrap();
        assert_eq!(plan.stages.len(), 1);
        assert_eq!(plan.stages[0].soak, Duration::ZERO);
        assert_eq!(plan.stages[0].waves, [2]);
    }

    #[test]
    fn budgets_in_percent_are_of_the_stage_and_rounded_down() {
        let mut fleet = stage("fleet", StageSelection::Rest);
        fleet.budget.transfer = Amount::Percent(50);
        let plan = make(request(&["a", "b", "c"], vec![fleet])).unwrap();
        assert_eq!(plan.stages[0].budget.transfer, 1);
    }

    #[test]
    fn unreachable_hosts_over_budget_are_named_by_stage() {
        let mut request = request(&["a", "b"], vec![]);
        let failure = Failure::new(crate::model::FailureClass::Unreachable, "refused");
        request.fleet[1].answer = Some(Err(failure));
        let plan = make(request.clone()).unwrap();
        let over = plan.unreachable_over_budget();
        assert_eq!(over.values().flatten().map(HostId::as_str).collect::<Vec<_>>(), ["b"]);
        request.policy.skip_unreachable = true;
        let plan = make(request).unwrap();
        assert!(plan.unreachable_over_budget().is_empty());
        assert_eq!(plan.left_out[0].reason, LeftOutReason::Unreachable);
    }
}
