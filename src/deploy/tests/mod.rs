//! What may be done to an environment of simulated hosts, with a real repository, store and journals.

mod refusals;
mod rollouts;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::{Deployment, Error, Goal, Invocation, Kind, Notice, Options, Prepared, Selection, Workspace};
use crate::conductor::EnvironmentLock;
use crate::config::{Channel, Sources};
use crate::host::Survey;
use crate::host::sim::{Disk, Fault, Operation, SimFleet};
use crate::model::{HostId, Slot, Version};
use crate::plan::{BackTo, PlanKind};
use crate::release::fixture::Product;
use crate::release::{Mark, Wanted};

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
