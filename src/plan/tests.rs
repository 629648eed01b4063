use std::time::Duration;

use super::assign::masters_stage;
use super::make::waves;
use super::{
    Amount, LeftOutReason, Member, Plan, PlanError, PlanKind, Relays, Request, StageRequest, StageSelection, make,
};
use crate::model::{
    Digest, Environment, Failure, FailureClass, HostId, Installed, Probe, ReleaseId, RolloutId, Site, Slot, StageName,
    Version,
};
use crate::plans;

fn member(name: &str) -> Member {
    let site = name.split('.').nth(1).map(|site| Site(site.into()));
    Member { host: HostId::new(name).unwrap(), site, selected: true, answer: Some(Ok(Probe::default())), step: None }
}

fn stage(name: &str, selection: StageSelection) -> StageRequest {
    StageRequest { name: StageName::new(name).unwrap(), selection, ..masters_stage(4).unwrap() }
}

fn request(hosts: &[&str], stages: Vec<StageRequest>) -> Request {
    let environment = Environment::new("production").unwrap();
    let version = Version::new("1.0").unwrap();
    Request {
        plan: plans::plan(RolloutId::new("r1").unwrap(), environment, version, Digest([1; 32])),
        concurrency: None,
        soak: None,
        masters: Vec::new(),
        fleet: hosts.iter().map(|host| member(host)).collect(),
        stages,
        relays: Relays::default(),
        masters_alone: false,
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
        [("canary".to_owned(), wave(&["b"])), ("again".to_owned(), vec![]), ("fleet".to_owned(), wave(&["a", "c"]))]
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
    let stages = vec![stage("canary", StageSelection::First(Amount::Count(1))), stage("fleet", StageSelection::Rest)];
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
        id: request.plan.release.clone(),
        digest: Some(request.plan.digest),
        drift: drift.map(str::to_owned),
    };
    let current = Probe { installed: installed(None), good: Some(request.plan.release.clone()), ..Probe::default() };
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
    let before = ReleaseId::new(&request.plan.version, &Digest([2; 32]));
    let probe = Probe { good: Some(before.clone()), ..Probe::default() };
    request.fleet[0].answer = Some(Ok(probe.clone()));
    let notes = make(request.clone()).unwrap().notes;
    assert!(notes[0].contains(&format!("{before} (on 1 host)")) && notes[0].contains("its tag was moved"), "{notes:?}");
    // Once is enough.
    request.plan.notes = vec![format!("moved, as {before}")];
    assert_eq!(make(request.clone()).unwrap().notes, request.plan.notes);
    request.plan.notes = Vec::new();
    request.fleet[0].answer = Some(Ok(Probe { good: Some(request.plan.release.clone()), ..probe }));
    assert_eq!(make(request).unwrap().notes, [""; 0]);
}

#[test]
fn a_host_that_is_out_of_service_takes_part_until_it_is_found_healthy() {
    let mut request = request(&["a", "b", "c"], vec![]);
    let installed =
        Installed::Release { id: request.plan.release.clone(), digest: Some(request.plan.digest), drift: None };
    let current = Probe { installed, good: Some(request.plan.release.clone()), ..Probe::default() };
    for host in &mut request.fleet {
        host.answer = Some(Ok(current.clone()));
    }
    request.masters = vec![Member { answer: Some(Ok(current)), ..member("deploy") }];
    request.plan.out_of_service = vec![HostId::new("b").unwrap(), HostId::new("gone").unwrap()];
    let plan = make(request.clone()).unwrap();
    let hosts: Vec<_> = plan.hosts.iter().map(|host| host.host.as_str()).collect();
    assert_eq!(hosts, ["b"]);
    assert_eq!(plan.out_of_service, request.plan.out_of_service);
    // The master is left out too, and counted nowhere.
    assert_eq!((plan.left_out.len(), plan.left_out_for(LeftOutReason::Current)), (3, 2));
    request.plan.slot = Some(Slot::new("next").unwrap());
    assert_eq!(make(request.clone()).unwrap().hosts, []);
    request.plan.slot = None;
    request.plan.kind = PlanKind::Prime;
    assert_eq!(make(request).unwrap().hosts, []);
}

#[test]
fn a_rollback_is_one_stage_without_soak() {
    let mut request = request(&["a", "b"], vec![stage("canary", StageSelection::First(Amount::Count(1)))]);
    request.plan.kind = PlanKind::Rollback;
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
    let failure = Failure::new(FailureClass::Unreachable, "refused");
    request.fleet[1].answer = Some(Err(failure));
    let plan = make(request.clone()).unwrap();
    let over = plan.unreachable_over_budget();
    assert_eq!(over.values().flatten().map(HostId::as_str).collect::<Vec<_>>(), ["b"]);
    request.plan.policy.skip_unreachable = true;
    let plan = make(request).unwrap();
    assert!(plan.unreachable_over_budget().is_empty());
    assert_eq!(plan.left_out[0].reason, LeftOutReason::Unreachable);
}
