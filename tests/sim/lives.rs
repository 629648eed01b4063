//! Lives of fleets: many rollouts and rollbacks of parts of one fleet, one after the other, by two deploy servers that know
//! nothing of each other, with hosts that are down, hosts without room, and hosts that lived before coalmine.
//!
//! Laws 4, 9 and 11 over a life: where hosts go back to is judged by what was done to them, not by what they remember.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coalmine::host::sim::{Change, Content, Disk, Fault, Place};
use coalmine::model::{
    Environment, Failure, FailureClass, HostId, HostIdx, ReleaseId, RollBackTarget, RolloutId, Version,
};
use coalmine::plan::{
    self, Amount, BackTo, BudgetRule, Member, OnFailure, Plan, PlanKind, Policy, Promote, Relays, Request,
    StageRequest, StageSelection, Step,
};
use coalmine::release::{Mark, MarkRecord, Verdicts};
use coalmine::rollout::Outcome;

use crate::plans;
use crate::play::{Played, play};
use crate::scenario::{Before, Scenario, Weather, epoch, release};

/// What was done to a host, told apart from what it remembers on purpose.
#[derive(Default)]
struct Past {
    finalized: BTreeSet<ReleaseId>,
    /// What it left by a way back, and has not had finalized since.
    left: BTreeSet<ReleaseId>,
}

struct Life {
    random: fastrand::Rng,
    seed: u64,
    hosts: Vec<(HostId, Disk, Past)>,
    /// The marks of each deploy server.
    marks: [Vec<MarkRecord>; 2],
    broken: Vec<String>,
    told: Vec<String>,
    backs: usize,
}

fn production() -> Environment {
    Environment::new("production").unwrap()
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x11fe);
        let hosts = (0..random.usize(2..7))
            .map(|index| {
                let disk = if random.u8(0..4) == 0 { Disk::with_folder() } else { Disk::new() };
                (HostId::new(&format!("h{index:02}")).unwrap(), disk, Past::default())
            })
            .collect();
        Self { random, seed, hosts, marks: [Vec::new(), Vec::new()], broken: Vec::new(), told: Vec::new(), backs: 0 }
    }

    fn live(mut self) -> (Vec<String>, Vec<String>, usize) {
        for turn in 0..9 {
            self.turn(turn);
            if !self.broken.is_empty() {
                break;
            }
        }
        (self.broken, self.told, self.backs)
    }

    fn turn(&mut self, turn: usize) {
        let server = self.random.usize(0..2);
        let is_back = turn > 1 && self.random.u8(0..5) < 2;
        let version = format!("1.{}.0", self.random.usize(0..5));
        let to = match self.random.u8(0..6) {
            0 => BackTo::Adopted,
            1 => BackTo::Version(Version::new(&version).unwrap()),
            _ => BackTo::Last,
        };
        let everybody = self.random.bool();
        let mut members = Vec::new();
        let mut faults: BTreeMap<HostId, Vec<Fault>> = BTreeMap::new();
        for (host, disk, _) in &self.hosts {
            let selected = everybody || self.random.bool();
            let is_down = self.random.u8(0..6) == 0;
            let mut wrong = Vec::new();
            if self.random.u8(0..5) == 0 {
                wrong.push(Fault::RoomLess);
            }
            if !is_back && self.random.u8(0..5) == 0 {
                wrong.push(Fault::GateFails { release: Some(release(&version).id.clone()), times: None });
            }
            if is_down {
                wrong.push(Fault::Unreachable(None));
            }
            let answer = selected.then(|| if is_down { Err(lost()) } else { Ok(probe(disk)) });
            members.push(Member { host: host.clone(), site: None, selected, answer, step: None });
            faults.insert(host.clone(), wrong);
        }
        if !members.iter().any(|member| member.selected) {
            return;
        }
        let mut verdicts = Verdicts::of(&self.marks[server], &production());
        for member in &members {
            if let Some(Ok(probe)) = &member.answer {
                verdicts.hear(&member.host, probe);
            }
        }
        if is_back {
            let can_be_sent = |_: &ReleaseId| server == 0;
            let mut steps = plan::steps(&members, &to, |id| verdicts.is_bad(id), can_be_sent);
            self.judge_steps(&members, &steps, &to, &verdicts);
            for member in &mut members {
                member.step = steps.remove(&member.host);
            }
        }
        let aim = release(&version);
        let rollout = RolloutId::new(&format!("20260101T000000-{turn:04}")).unwrap();
        let head = Plan {
            kind: if is_back { PlanKind::Rollback } else { PlanKind::Install },
            policy: Policy {
                on_failure: if self.random.bool() { OnFailure::Rollback } else { OnFailure::Abort },
                promote_all: true,
                skip_unreachable: self.random.bool(),
                ..plans::policy()
            },
            bad: verdicts.bad(),
            ..plans::plan(rollout, production(), aim.version.clone(), aim.digest)
        };
        let stages = vec![self.stage()];
        let request = Request {
            plan: head,
            concurrency: None,
            soak: None,
            masters: Vec::new(),
            fleet: members,
            stages,
            relays: Relays::default(),
            masters_alone: false,
        };
        let plan = plan::make(request).unwrap();
        if plan.hosts.is_empty() {
            return;
        }
        self.told.push(format!("{turn}: server {server}, {:?} {version} {to:?}: {:?}", plan.kind, plan.hosts));
        let mut scenario = Scenario::of(self.seed, Weather::Calm);
        scenario.commands.clear();
        scenario.checks = 1;
        let taking_part = plan.hosts.iter().map(|host| {
            let (_, disk, _) = self.hosts.iter().find(|(id, ..)| *id == host.host).unwrap();
            let mut disk = disk.clone();
            (disk.lock, disk.changes) = (None, Vec::new());
            Before { id: host.host.clone(), disk, faults: faults.remove(&host.host).unwrap(), seed: 7 }
        });
        scenario.hosts = taking_part.collect();
        scenario.plan = plan;
        let played = play(&scenario, None);
        self.broken.extend(played.broken.iter().cloned());
        self.judge_rollout(&scenario, &played, &to);
        self.remember(server, &played);
    }

    fn stage(&mut self) -> StageRequest {
        let generous = Amount::Percent(if self.random.bool() { 100 } else { 20 });
        let budget = BudgetRule { unreachable: generous, transfer: generous, activate: generous, unhealthy: generous };
        StageRequest {
            name: coalmine::model::StageName::new("fleet").unwrap(),
            selection: StageSelection::Rest,
            waves: Vec::new(),
            concurrency: 3,
            soak: Duration::ZERO,
            promote: Promote::Auto,
            budget,
            gates: Vec::new(),
        }
    }

    /// Equal hosts go to the same place, and none to what it never had or was found bad.
    fn judge_steps(&mut self, members: &[Member], steps: &BTreeMap<HostId, Step>, to: &BackTo, verdicts: &Verdicts) {
        for (index, (a, disk, past)) in self.hosts.iter().enumerate() {
            let Some(step) = steps.get(a) else { continue };
            for (b, other, _) in self.hosts.iter().skip(index + 1) {
                let equal = facts(disk) == facts(other);
                if equal && steps.get(b).is_some_and(|of_b| of_b != step) {
                    self.broken.push(format!("law 11: {a} and {b} are equal, and go {step:?} and {:?}", steps.get(b)));
                }
            }
            if let Step::Go(RollBackTarget::Release { id }) = step {
                if !past.finalized.contains(id) {
                    self.broken.push(format!("law 4: {a} would go back to {id}, which was never good there"));
                }
                if *to == BackTo::Last && (past.left.contains(id) || verdicts.is_bad(id)) {
                    self.broken.push(format!("law 11: {a} would go back to {id}, which was found bad"));
                }
            }
        }
        let answered = members.iter().filter(|member| matches!(member.answer, Some(Ok(_)))).count();
        if steps.len() != answered {
            self.broken.push(format!("{answered} hosts answered, and {} have a step", steps.len()));
        }
    }

    fn judge_rollout(&mut self, scenario: &Scenario, played: &Played, to: &BackTo) {
        let plan = &scenario.plan;
        for (index, host) in plan.hosts.iter().enumerate() {
            let disk = played.fleet.get(&host.host).unwrap().disk();
            let (_, before, past) = self.hosts.iter_mut().find(|(id, ..)| *id == host.host).unwrap();
            self.broken.extend(disk.broken.iter().map(|what| format!("law 3: {}: {what}", host.host)));
            for (_, change) in &disk.changes {
                match change {
                    Change::WentBack(RollBackTarget::Release { id }) => {
                        self.backs += 1;
                        if !past.finalized.contains(id) {
                            self.broken.push(format!("law 4: {} went back to {id}, never good there", host.host));
                        }
                        let ran_it = before.current == Place::Release(id.clone());
                        let by_name = plan.kind == PlanKind::Rollback && *to != BackTo::Last;
                        if past.left.contains(id) && !ran_it && !by_name {
                            self.broken.push(format!("law 11: {} went back to {id}, found bad there", host.host));
                        }
                    }
                    Change::WentBack(_) => self.backs += 1,
                    Change::Finalized(id) => {
                        let left: Vec<ReleaseId> = match &before.current {
                            Place::Release(ran) if plan.kind == PlanKind::Rollback && ran != id => vec![ran.clone()],
                            _ => Vec::new(),
                        };
                        past.left.extend(left.into_iter().filter(|ran| past.finalized.contains(ran)));
                        past.left.remove(id);
                        past.finalized.insert(id.clone());
                    }
                    _ => {}
                }
            }
            if disk.adopted.as_ref().is_some_and(|kept| disk.releases.get(kept) != Some(&Content::Whole)) {
                self.broken.push(format!("{}: what was there before coalmine was removed", host.host));
            }
            let healthy = played.state.host_end(HostIdx(index)) == coalmine::rollout::HostEnd::Healthy;
            if healthy && plan.kind == PlanKind::Rollback {
                let there = match plan.target_of(host) {
                    RollBackTarget::Release { id } => disk.current == Place::Release(id),
                    RollBackTarget::Nothing => disk.current == Place::Nothing,
                    RollBackTarget::Adopted => disk.adopted.clone().map(Place::Release) == Some(disk.current.clone()),
                };
                if !there {
                    self.broken.push(format!("law 7: {} is healthy, and on {:?}", host.host, disk.current));
                }
            }
            *before = disk;
        }
        let went = played.state.hosts().iter().any(|host| host.went_back);
        if played.state.outcome() == Some(Outcome::RolledBack) && !went {
            self.broken.push("it is called rolled back, and nobody went back".to_owned());
        }
    }

    /// Writes the marks of one deploy server, and judges that each counts hosts.
    fn remember(&mut self, server: usize, played: &Played) {
        for found in played.state.judgements() {
            if found.on == 0 || found.hosts.is_empty() {
                self.broken.push(format!("law 9: a verdict of no host: {found:?}"));
            }
            if found.bad.is_none() {
                for host in &found.hosts {
                    let (_, disk, _) = self.hosts.iter().find(|(id, ..)| id == host).unwrap();
                    if disk.good.as_ref() != Some(&found.release) {
                        self.broken.push(format!("{host} is said to have {} as good", found.release));
                    }
                }
            }
            let verdict = found.bad.map_or(Mark::Good, |reason| Mark::Bad { reason });
            let rollout = played.state.rollout().cloned();
            self.marks[server].push(MarkRecord {
                hosts: Some(coalmine::expr::fold(&found.hosts)),
                on: Some(found.on),
                of: Some(found.hosts.len()),
                ..MarkRecord::new(epoch(), found.release, production(), rollout, verdict)
            });
        }
    }
}

fn lost() -> Failure {
    Failure::new(FailureClass::Unreachable, "no route to host")
}

fn probe(disk: &Disk) -> coalmine::model::Probe {
    disk.clone().answer()
}

/// All that a host's way back may depend on.
fn facts(disk: &Disk) -> impl PartialEq + use<> {
    let Disk { current, good, was, bad, pending, adopted, releases, .. } = disk.clone();
    (current, good, was, bad, pending, adopted, releases)
}

#[test]
fn fleets_that_live_long_go_back_to_what_was_good_there() {
    let mut backs = 0;
    crate::hold(crate::seeds(400), |seed| {
        let (broken, told, went) = Life::new(seed).live();
        backs += went;
        (!broken.is_empty()).then(|| format!("==== seed {seed} ====\n{}\n{}", told.join("\n"), broken.join("\n")))
    });
    assert!(std::env::var_os("COALMINE_SIM_SEED").is_some() || backs > 400, "only {backs} ways back were tried");
}
