//! What may be done to an environment of simulated hosts, with a real repository, store and journals.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use tempfile::TempDir;

use super::{
    Deployment, Error, Goal, Invocation, Kind, Notice, Options, Prepared, Selection, Workspace, may_resume,
    usual_environment,
};
use crate::conductor::tests::{host as numbered, journal, plan};
use crate::conductor::{EnvironmentLock, replay};
use crate::config::{Channel, Sources};
use crate::host::Survey;
use crate::host::sim::{Disk, Fault, Operation, SimFleet};
use crate::journal::Rollouts;
use crate::model::{Environment, HostId, Phase, Pooling, RolloutId, Slot, Version};
use crate::plan::{BackTo, PlanKind, Promote};
use crate::release::fixture::Product;
use crate::release::{Mark, Wanted};
use crate::rollout::{Event, Outcome, Record};

const CONFIGURATION: &str = r#"
[product]
name = "tool"
repository = "REPOSITORY"
remote = ""
[build]
kind = "command"
commands = ["cp tool {prefix}/"]
check = "true"
[target]
root = "tool"
current = "live"
[groups]
all = { hosts = ["mw[01-04]"] }
masters = { hosts = ["deploy1"] }
[environments.production]
hosts = "@all"
masters = "@masters"
[[environments.production.stages]]
name = "fleet"
"#;

fn host(name: &str) -> HostId {
    HostId::new(name).unwrap()
}

/// Holds a workspace in a folder of its own, and what it told.
struct Here {
    folder: TempDir,
    workspace: Workspace,
    told: Arc<Mutex<Vec<Notice>>>,
}

impl Here {
    /// Makes one whose product is in this folder, which need not be there.
    fn new(repository: &str) -> Self {
        Self::with(repository, "")
    }

    /// Makes one whose environment has further keys.
    fn with(repository: &str, keys: &str) -> Self {
        let stages = "[[environments.production.stages]]";
        Self::of(&CONFIGURATION.replace("REPOSITORY", repository).replace(stages, &format!("{keys}\n{stages}")))
    }

    /// Makes one of this configuration.
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join("coalmine.toml");
        fs::write(&file, text).unwrap();
        let told: Arc<Mutex<Vec<Notice>>> = Arc::default();
        let hears = Arc::clone(&told);
        let invocation = Invocation {
            config: Some(file.clone()),
            environment: None,
            state_dir: Some(folder.path().join("state")),
            verbose: 0,
            listener: Arc::new(move |notice| hears.lock().unwrap().push(notice)),
        };
        let sources = Sources {
            folder: folder.path().to_owned(),
            named: Some(file),
            user: None,
            system: None,
            home: None,
            variables: Vec::new(),
            ..invocation.sources().unwrap()
        };
        let workspace = Workspace::open_from(&invocation, &sources).unwrap();
        Self { folder, workspace, told }
    }

    async fn deployment(&self, hosts: SimFleet) -> Deployment<'_, SimFleet> {
        Deployment::new(&self.workspace, self.workspace.fleet().await.unwrap(), Arc::new(hosts))
    }

    fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

/// Simulates the deploy server and the fleet, where hosts that are named do not answer.
fn simulated(silent: &[&str]) -> SimFleet {
    let mut fleet = SimFleet::new("2026-01-01T00:00:00Z".parse().unwrap());
    for (seed, name) in ["deploy1", "mw01", "mw02", "mw03", "mw04"].into_iter().enumerate() {
        let faults = if silent.contains(&name) { vec![Fault::Unreachable(None)] } else { Vec::new() };
        fleet.add(host(name), Disk::new(), faults, seed as u64);
    }
    fleet
}

fn tag(name: &str) -> Wanted {
    Wanted::Tag(name.to_owned())
}

fn refusal(prepared: Result<Prepared<SimFleet>, Error>) -> (Kind, String) {
    let error = prepared.unwrap_err();
    (error.kind(), error.message().to_owned())
}

#[tokio::test]
async fn a_slot_that_is_something_else_of_the_layout_is_refused_for_every_goal() {
    let here = Here::new("/nowhere");
    let goals = [Goal::Install(tag("1.0")), Goal::Prime(tag("1.0")), Goal::Rollback { to: BackTo::Last, each: false }];
    for slot in ["releases", "live"] {
        for goal in &goals {
            let options = Options { slot: Some(Slot::new(slot).unwrap()), ..Options::default() };
            let (kind, message) = refusal(here.deployment(simulated(&[])).await.prepare(goal.clone(), options).await);
            assert_eq!(kind, Kind::Usage, "{goal:?}");
            assert!(message.starts_with(&format!("no slot can be named {slot:?}")), "{message}");
        }
    }
}

#[tokio::test]
async fn who_holds_the_environment_is_found_before_anything_is_built() {
    let here = Here::new("/nowhere");
    let environment = here.workspace.policy().unwrap().0.clone();
    let holder = super::holder(here.workspace.operator.clone(), None, None);
    let state = &here.workspace.state_dir;
    let lock = EnvironmentLock::take(state, &environment, &holder, Duration::ZERO, |_, _| {}).unwrap();
    for goal in [Goal::Install(tag("1.0")), Goal::Prime(tag("1.0")), Goal::Rollback { to: BackTo::Last, each: false }] {
        let (kind, _) = refusal(here.deployment(simulated(&[])).await.prepare(goal, Options::default()).await);
        assert_eq!(kind, Kind::Locked);
    }
    assert_eq!(here.notices(), [], "nothing was made and nobody asked");
    // Whoever only looks is let; that there is no repository is found next.
    let looks = Options { dry_run: true, ..Options::default() };
    let (kind, message) =
        refusal(here.deployment(simulated(&[])).await.prepare(Goal::Install(tag("1.0")), looks).await);
    assert_eq!(kind, Kind::Before, "{message}");
    drop(lock);
}

#[tokio::test]
async fn a_preparation_holds_plan_release_and_hosts() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0");
    let here = Here::new(product.path().to_str().unwrap());
    let options = Options {
        selection: Selection { exclude: Some("mw04".to_owned()), ..Selection::default() },
        reason: Some("try it".to_owned()),
        ..Options::default()
    };
    let prepared = here.deployment(simulated(&[])).await.prepare(Goal::Prime(tag("1.0")), options).await.unwrap();
    let plan = &prepared.plan;
    assert_eq!((plan.kind, plan.version.as_str(), plan.targets()), (PlanKind::Prime, "1.0", 3));
    assert_eq!(
        (plan.release.clone(), plan.reason.as_deref()),
        (prepared.release.as_ref().unwrap().id.clone(), Some("try it"))
    );
    prepared.check_reachable().unwrap();
    let making = here.notices().into_iter().find_map(|notice| match notice {
        Notice::Making { built, .. } => Some(built),
        _ => None,
    });
    assert_eq!(making, Some(false));
    // Releases are read-only, which stops whoever is not root from removing them.
    let tree = here.folder.path().join("state");
    std::process::Command::new("chmod").arg("-R").arg("u+w").arg(tree).status().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_survey_asks_who_is_selected_and_names_who_is_silent() {
    let here = Here::new("/nowhere");
    let deployment = here.deployment(simulated(&["mw02"])).await;
    let selection =
        Selection { limit: Some("mw[01-03]".to_owned()), exclude: Some("mw03".to_owned()), masters_alone: false };
    let answers = deployment.survey(&selection, None, &Survey::Shallow).await.unwrap();
    let asked: Vec<&str> = answers.all().map(|(host, _)| host.as_str()).collect();
    assert_eq!(asked, ["mw01", "mw02"], "a master takes part when it is named");
    assert_eq!(answers.failures().into_keys().collect::<Vec<_>>(), [host("mw02")]);
    let everybody = deployment.survey(&Selection::default(), None, &Survey::Shallow).await.unwrap();
    assert_eq!(everybody.all().count(), 5);
    assert_eq!(everybody.targets().count(), 4);
    let silent = here
        .notices()
        .into_iter()
        .any(|notice| matches!(notice, Notice::Silent { hosts, asked: 2, .. } if hosts == [host("mw02")]));
    assert!(silent, "who lets everybody wait is named");
    let nobody = Selection { limit: Some("mw09".to_owned()), ..Selection::default() };
    let error = deployment.survey(&nobody, None, &Survey::Shallow).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_this_machine_could_not_ask_is_not_unreachable_and_nothing_begins() {
    let here = Here::new("/nowhere");
    let mut fleet = simulated(&[]);
    // All others answer at once, and it is not given up with the last few of a fleet.
    fleet.add(host("mw02"), Disk::new(), vec![Fault::ServerShort(Operation::Probe)], 7);
    let deployment = here.deployment(fleet).await;
    let error = deployment.survey(&Selection::default(), None, &Survey::Shallow).await.unwrap_err();
    assert_eq!(error.kind().exit().code(), 1);
    let why =
        "1 of 5 hosts could not be asked: cannot start ssh on this machine: Too many open files; nothing was changed";
    assert_eq!(error.message(), why);
}

/// A freeze window that is there whenever tests run.
const ALWAYS: &str = r#"
[[environments.production.freezes]]
name = "migration"
from = "2020-01-01"
until = "2099-01-01"
reason = "the database moves"
"#;

#[tokio::test]
async fn a_freeze_window_refuses_what_is_new_and_lets_the_rest_pass() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0");
    let here = Here::with(product.path().to_str().unwrap(), ALWAYS);
    let prepare =
        async |goal: Goal, options: Options| here.deployment(simulated(&[])).await.prepare(goal, options).await;
    for goal in [Goal::Install(tag("1.0")), Goal::Activate(Some(tag("1.0")))] {
        let error = prepare(goal, Options::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Locked);
        let message = error.message();
        assert_eq!(
            message,
            "production is frozen by its window \"migration\" until Fri 2099-01-02 00:00 UTC: the database moves; nothing was changed"
        );
        assert!(error.hints()[0].starts_with("--override-freeze migration goes"), "{:?}", error.hints());
    }
    assert_eq!(here.notices(), [], "nothing was made and nobody asked");
    // What is primed runs nowhere.
    let primed = prepare(Goal::Prime(tag("1.0")), Options::default()).await.unwrap();
    assert_eq!(primed.plan.policy.freezes, []);
    // Whoever only looks is told, and whoever names the window goes ahead; the journal has both.
    let looks = prepare(Goal::Install(tag("1.0")), Options { dry_run: true, ..Options::default() }).await.unwrap();
    assert_eq!(looks.plan.policy.freezes.len(), 1);
    let warned = here.notices().into_iter().any(|notice| format!("{notice:?}").contains("frozen by its window"));
    assert!(warned);
    let goes = Options { override_freezes: vec!["migration".to_owned()], ..Options::default() };
    let plan = prepare(Goal::Install(tag("1.0")), goes).await.unwrap().plan;
    assert_eq!((plan.policy.freezes.len(), plan.policy.overridden), (0, vec!["migration".to_owned()]));
    assert!(plan.notes.iter().any(|note| note.contains("goes ahead inside the freeze window \"migration\"")));
    // The name of a window that is none is a mistake, and not consent to whatever there is.
    let wrong = Options { override_freezes: vec!["weekend".to_owned()], ..Options::default() };
    let (kind, message) = refusal(prepare(Goal::Install(tag("1.0")), wrong).await);
    assert_eq!(kind, Kind::Usage);
    assert!(message.contains("it has migration"), "{message}");
    let tree = here.folder.path().join("state");
    std::process::Command::new("chmod").arg("-R").arg("u+w").arg(tree).status().unwrap();
}

#[tokio::test]
async fn an_environment_is_deployed_to_from_the_machines_that_it_names() {
    let elsewhere = Here::with("/nowhere", "run_from = \"deploy[1-2].invalid\"");
    for goal in [Goal::Install(tag("1.0")), Goal::Prime(tag("1.0")), Goal::Rollback { to: BackTo::Last, each: false }] {
        let (kind, message) =
            refusal(elsewhere.deployment(simulated(&[])).await.prepare(goal, Options::default()).await);
        assert_eq!(kind, Kind::Usage);
        assert!(message.starts_with("production is deployed to from deploy[1-2].invalid, and this is "), "{message}");
        assert!(!message.contains("localhost"), "every machine is that: {message}");
    }
    assert_eq!(elsewhere.notices(), [], "nothing was made and nobody asked");
    let here = Here::with("/nowhere", "run_from = \"deploy1,localhost\"");
    let (kind, message) =
        refusal(here.deployment(simulated(&[])).await.prepare(Goal::Install(tag("1.0")), Options::default()).await);
    assert_eq!(kind, Kind::Before, "only the repository is missing: {message}");
}

#[tokio::test]
async fn what_was_built_of_a_tag_is_what_was_built_of_its_commit() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0");
    let here = Here::new(product.path().to_str().unwrap());
    let making = super::Making { no_fetch: true, ..super::Making::default() };
    let make = async || here.workspace.make(tag("1.0"), making).await.unwrap().id.clone();
    let known = async || {
        let known = here.workspace.known(&here.workspace.store().unwrap()).await.unwrap();
        let wanted = here.workspace.wanted_release(&tag("1.0"), true).await.unwrap();
        (known[0].built.clone(), wanted.digest.map(|digest| digest.short()))
    };
    let first = make().await;
    assert_eq!(known().await, (Some(first.clone()), Some(first.digest8().to_owned())));
    let before = product.git_at("2024-05-06T07:08:09Z", &["rev-parse", "HEAD"]);
    product.write("tool", "two").commit("another");
    let moved = |to: &str| product.git_at("2024-05-06T07:08:09Z", &["tag", "--force", "1.0", to]);
    moved("HEAD");
    assert_eq!(known().await, (None, None), "what is there is of another commit");
    let second = make().await;
    assert_eq!(known().await, (Some(second.clone()), Some(second.digest8().to_owned())));
    moved(&before);
    assert_eq!(
        known().await,
        (Some(first.clone()), Some(first.digest8().to_owned())),
        "though that was not built last"
    );
    let tree = here.folder.path().join("state");
    std::process::Command::new("chmod").arg("-R").arg("u+w").arg(tree).status().unwrap();
}

#[tokio::test]
async fn what_is_gone_from_the_store_is_built_again_of_its_commit_where_it_has_no_tag() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0").write("tool", "two").commit("another");
    let here = Here::new(product.path().to_str().unwrap());
    let making = super::Making { no_fetch: true, ..super::Making::default() };
    let first = here.workspace.make(Wanted::Revision("HEAD".to_owned()), making).await.unwrap();
    assert!(first.version.as_str().starts_with("1.0-1-g"), "{}", first.version);
    let again = here.workspace.make(Wanted::of(&first.version), making).await.unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(
        here.workspace.find(&Wanted::of(&Version::new("1.0").unwrap()), true).await.unwrap().version.as_str(),
        "1.0"
    );
    let tree = here.folder.path().join("state");
    std::process::Command::new("chmod").arg("-R").arg("u+w").arg(tree).status().unwrap();
}

#[tokio::test]
async fn a_version_can_be_marked_before_it_is_built_and_whatever_is_built_of_it_is_that() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0").write("tool", "two").tag("1.1");
    let here = Here::new(product.path().to_str().unwrap());
    let say = async |name: &str, verdict: Mark| here.workspace.say(&Version::new(name).unwrap(), &verdict).await;
    let bad = Mark::Bad { reason: "CVE 1".to_owned() };
    assert!(say("1.1", bad.clone()).await.unwrap()[0].is_unbuilt());
    let none = say("7.7", bad).await.unwrap_err();
    assert!(none.message().starts_with("nothing is known of 7.7 in production"), "{none}");
    let latest = Wanted::Latest(Channel::Tags);
    assert_eq!(here.workspace.find(&latest, true).await.unwrap().version.as_str(), "1.0", "it is passed over");
    let known = here.workspace.known(&here.workspace.store().unwrap()).await.unwrap();
    assert!(matches!(&known[0].mark, Some(Mark::Bad { reason }) if reason.contains("CVE 1")), "{known:?}");
    let wanted = here.workspace.wanted_release(&tag("1.1"), true).await.unwrap();
    let (environment, _) = here.workspace.policy().unwrap();
    assert_eq!(here.workspace.standing(environment, &wanted).await.mark.unwrap().verdict, "bad");
    let deployment = here.deployment(simulated(&[])).await;
    let (kind, message) = refusal(deployment.prepare(Goal::Prime(tag("1.1")), Options::default()).await);
    assert_eq!(kind, Kind::Usage, "{message}");
    assert!(message.starts_with("1.1 is bad in production: CVE 1"), "{message}");
    assert_eq!(here.workspace.store().unwrap().ids().unwrap(), [], "it is not built for that");
    let making = super::Making { no_fetch: true, ..super::Making::default() };
    let built = here.workspace.make(tag("1.1"), making).await.unwrap().id.clone();
    assert!(here.workspace.verdicts(environment).unwrap().is_bad(&built), "whatever is built of it");
    let taken_back = say("1.1", Mark::Unmarked).await.unwrap();
    assert_eq!(taken_back.len(), 2, "what is built of it by now, and whatever will be: {taken_back:?}");
    assert_eq!(here.workspace.find(&latest, true).await.unwrap().version.as_str(), "1.1");
    deployment.prepare(Goal::Prime(tag("1.1")), Options::default()).await.unwrap();
    let tree = here.folder.path().join("state");
    std::process::Command::new("chmod").arg("-R").arg("u+w").arg(tree).status().unwrap();
}

#[tokio::test]
async fn a_plan_is_shown_also_where_nobody_can_tell_what_was_found_bad_and_nothing_begins_by_it() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0");
    let here = Here::new(product.path().to_str().unwrap());
    fs::create_dir_all(here.workspace.state_dir.join("marks.jsonl")).unwrap();
    let latest = Goal::Install(Wanted::Latest(Channel::Tags));
    let looks = Options { dry_run: true, ..Options::default() };
    let prepare = async |options| here.deployment(simulated(&[])).await.prepare(latest.clone(), options).await;
    assert_eq!(prepare(looks).await.unwrap().plan.version.as_str(), "1.0");
    let told: Vec<String> = here.notices().iter().map(ToString::to_string).collect();
    let unknown = told.iter().filter(|text| text.contains("what was found bad is not known")).count();
    assert_eq!(unknown, 1, "{told:?}");
    for options in [Options::default(), Options { is_asked: true, ..Options::default() }] {
        let (kind, message) = refusal(prepare(options).await);
        assert_eq!(kind, Kind::Before);
        assert!(message.starts_with("what was found bad is not known"), "{message}");
    }
    let tree = here.folder.path().join("state");
    std::process::Command::new("chmod").arg("-R").arg("u+w").arg(tree).status().unwrap();
}

/// Leaves a rollout whose conductor is gone, with what happened in it.
fn left(rollouts: &Rollouts, name: &str, minutes: i64, events: Vec<Event>) -> RolloutId {
    let plan = plan(name, 3, Promote::Auto);
    let at = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + minutes.minutes();
    journal(rollouts, &plan, at);
    let (mut journal, _) = rollouts.reopen(&plan.rollout).unwrap();
    let records = events.into_iter().zip(2..).map(|(event, seq)| {
        let rollout = plan.rollout.clone();
        Record { seq, at, rollout, event }
    });
    journal.append(&records.collect::<Vec<_>>()).unwrap();
    plan.rollout
}

#[test]
fn what_was_overtaken_is_over_or_runs_is_not_gone_on_with() {
    let state = tempfile::tempdir().unwrap();
    let rollouts = Rollouts::new(state.path());
    let over = Event::RolloutFinished {
        outcome: Outcome::Completed,
        exit_code: 0,
        counts: Default::default(),
        debt: Vec::new(),
    };
    let ended = left(&rollouts, "ended", 0, vec![over]);
    let overtaken = left(&rollouts, "overtaken", 1, vec![Event::Locked { hosts: 3 }]);
    let waits = left(&rollouts, "waits", 2, vec![Event::host_phase(numbered(0), Phase::Activating)]);
    assert_eq!(may_resume(&rollouts, &waits).unwrap().rollout, waits);
    let why = |rollout| may_resume(&rollouts, rollout).unwrap_err().to_string();
    assert!(why(&ended).starts_with("rollout ended is over"), "{}", why(&ended));
    assert!(why(&overtaken).starts_with("rollout overtaken was overtaken by waits"), "{}", why(&overtaken));
    let conducted = rollouts.reopen(&waits).unwrap();
    assert!(why(&waits).starts_with("a conductor runs rollout waits already"), "{}", why(&waits));
    drop(conducted);
}

#[test]
fn a_rollout_whose_start_is_not_to_be_read_is_gone_on_with_by_a_configuration_that_is_named() {
    let here = Here::new("/nowhere");
    let rollouts = here.workspace.rollouts();
    let waits = left(&rollouts, "waits", 0, vec![Event::Locked { hosts: 3 }]);
    fs::write(rollouts.folder(&waits).join("launch.json"), "{\"v\":").unwrap();
    let named = here.workspace.invocation.clone();
    Workspace::of_rollout(&named, &rollouts, &waits).unwrap();
    let error = Workspace::of_rollout(&Invocation { config: None, ..named }, &rollouts, &waits).unwrap_err();
    assert!(error.message().contains("launch.json"), "{error}");
    assert!(error.hints()[0].contains("coalmine -c FILE resume waits"), "{error}");
}

#[test]
fn no_earlier_rollout_is_asked_who_is_out_of_service_where_a_later_one_cannot_be_read() {
    let here = Here::new("/nowhere");
    let rollouts = here.workspace.rollouts();
    let (environment, _) = here.workspace.policy().unwrap();
    left(&rollouts, "20260101-000000-0000", 0, vec![Event::Locked { hosts: 3 }]);
    let later = left(&rollouts, "20260102-000000-0000", 1, vec![Event::Locked { hosts: 3 }]);
    here.workspace.out_of_service(environment).unwrap();
    fs::write(rollouts.journal(&later), "garbage\n").unwrap();
    let why = here.workspace.out_of_service(environment).unwrap_err().to_string();
    assert!(why.contains("20260102-000000-0000"), "{why}");
    // One that is older has nothing to say of it.
    let newest = left(&rollouts, "20260103-000000-0000", 2, vec![Event::Locked { hosts: 3 }]);
    here.workspace.out_of_service(environment).unwrap();
    fs::remove_file(rollouts.journal(&newest)).unwrap();
    assert!(here.workspace.out_of_service(environment).is_err());
}

const HOOKS: &str = "[hooks]\ndepool = [\"true\"]\nrepool = [\"true\"]";

#[tokio::test]
async fn what_persons_do_to_the_service_of_hosts_between_plan_and_start_is_told_and_heeded() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0");
    let here = Here::with(product.path().to_str().unwrap(), HOOKS);
    let production = Environment::new("production").unwrap();
    let pool = async |name: &str, which: Pooling| {
        let reason = Some("its disk fails".to_owned());
        here.workspace.pool(&production, &host(name), which, reason).await.unwrap();
    };
    pool("mw01", Pooling::Depool).await;
    let prepared = here.deployment(simulated(&[])).await.prepare(Goal::Install(tag("1.0")), Options::default()).await;
    let plan = prepared.unwrap().plan;
    assert_eq!(plan.taken_out.iter().map(|taken| taken.host.as_str()).collect::<Vec<_>>(), ["mw01"]);
    // Somebody still reads it.
    pool("mw01", Pooling::Repool).await;
    pool("mw02", Pooling::Depool).await;
    here.notices();
    let rollout = here.workspace.begin(plan, None).unwrap();
    let told: Vec<String> = here.notices().iter().map(ToString::to_string).collect();
    let since = [
        "taken out of service by hand since this was planned, switched all the same and not put back: mw02",
        "put back into service by hand since this was planned: mw01",
    ];
    assert_eq!(told, since.map(|told| format!("warning: {told}")));
    let state = replay(&here.workspace.rollouts(), &rollout).unwrap();
    let is_kept_out = |name: &str| state.is_kept_out(state.index_of(&host(name)).unwrap());
    assert_eq!((is_kept_out("mw01"), is_kept_out("mw02")), (false, true), "whatever is found there, it stays out");
    let notes = &state.plan().unwrap().notes;
    assert!(since.iter().all(|note| notes.iter().any(|known| known == note)), "{notes:?}");
}

#[tokio::test]
async fn an_environment_of_a_state_folder_is_of_one_product() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0");
    let repository = product.path().to_str().unwrap();
    let here = Here::new(repository);
    let begin = async |here: &Here| {
        let deployment = here.deployment(simulated(&[])).await;
        let prepared = deployment.prepare(Goal::Install(tag("1.0")), Options::default()).await.unwrap();
        here.workspace.begin(prepared.plan, None).unwrap()
    };
    let beside = |changes: &[(&str, &str)]| {
        let text = CONFIGURATION.replace("REPOSITORY", repository);
        let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
        let mut beside = Here::of(&text);
        beside.workspace.state_dir.clone_from(&here.workspace.state_dir);
        beside
    };
    let (name, root) = (("name = \"tool\"", "name = \"shop\""), ("root = \"tool\"", "root = \"shop\""));
    let shop = beside(&[name, root]);
    // Whoever planned before the first rollout of the other finds it when it is to begin.
    let environment = shop.workspace.policy().unwrap().0.clone();
    let rollout = begin(&here).await;

    let refused = |error: Error| {
        let told = (error.kind(), error.to_string());
        assert_eq!(told.0, Kind::Usage, "{}", told.1);
        assert!(told.1.contains("is the environment of tool, another product than shop"), "{}", told.1);
        assert!(told.1.contains(rollout.as_str()) && told.1.contains("environments.shop-production"), "{}", told.1);
    };
    refused(shop.workspace.fleet().await.unwrap_err());
    refused(shop.workspace.fleet_of("production").await.unwrap_err());
    refused(shop.workspace.freeze(None, false).unwrap_err());
    refused(shop.workspace.lock(&environment, &rollout, None).await.map(drop).unwrap_err());

    // Nor does a configuration that is begun take its name.
    let begun = |product: &str| usual_environment(&here.workspace.invocation, product).unwrap();
    assert_eq!((begun("tool").as_str(), begun("shop").as_str()), ("production", "shop-production"));
    here.workspace.policy().unwrap();
    beside(&[name]).workspace.policy().unwrap();
    // One that moved on its hosts is the same, and does not go on there with what it began elsewhere.
    let moved = beside(&[root]);
    let lock = moved.workspace.lock(&environment, &rollout, None).await.unwrap();
    let told = moved.workspace.reopen(&rollout, lock).map(drop).unwrap_err();
    assert_eq!(told.kind(), Kind::Usage);
    assert!(
        told.to_string().contains("switches tool/live on its hosts, and the configuration says shop/live"),
        "{told}"
    );
    // Nor below the login folder of somebody else.
    let other = beside(&[("root = \"tool\"", "root = \"tool\"\nuser = \"amy\"\nbecome = [\"sudo\", \"-n\"]")]);
    let lock = other.workspace.lock(&environment, &rollout, None).await.unwrap();
    let told = other.workspace.reopen(&rollout, lock).map(drop).unwrap_err().to_string();
    let said =
        "switches tool/live of ssh's own choice on its hosts, and the configuration says tool/live of amy sudo -n now";
    assert!(told.contains(said) && told.contains("put target.user and target.become back"), "{told}");
    let apart = beside(&[name, root, ("environments.production", "environments.shop-production")]);
    begin(&apart).await;
    here.workspace.policy().unwrap();
}
