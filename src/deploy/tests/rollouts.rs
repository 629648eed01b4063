//! What is known here of rollouts, of whose product they are, and what follows from that.

use std::fs;

use jiff::{Timestamp, ToSpan as _};

use super::{CONFIGURATION, Here, host, simulated, tag};
use crate::conductor::replay;
use crate::conductor::tests::{host as numbered, journal, plan};
use crate::deploy::{Error, Goal, Invocation, Kind, Options, Workspace, may_resume, usual_environment};
use crate::journal::Rollouts;
use crate::model::{Environment, Phase, Pooling, RolloutId};
use crate::plan::Promote;
use crate::release::fixture::Product;
use crate::rollout::{Event, Outcome, Record};

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
