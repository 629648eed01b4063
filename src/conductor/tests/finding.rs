use jiff::{Timestamp, ToSpan as _};

use super::{World, host, journal, plan};
use crate::conductor::{Due, due, running, waiting};
use crate::journal::{Entry, Rollouts};
use crate::model::{Environment, Operator, Phase};
use crate::plan::Promote;
use crate::rollout::{Event, Outcome, Record};

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Adds to a journal what a conductor that is gone left there.
fn left(rollouts: &Rollouts, name: &str, minutes: i64, events: Vec<Event>) {
    let plan = plan(name, 3, Promote::Auto);
    let at = start() + minutes.minutes();
    journal(rollouts, &plan, at);
    let (mut journal, _) = rollouts.reopen(&plan.rollout).unwrap();
    let records: Vec<Record> = events
        .into_iter()
        .zip(2..)
        .map(|(event, seq)| Record { seq, at, rollout: plan.rollout.clone(), event })
        .collect();
    journal.append(&records).unwrap();
}

fn switched() -> Event {
    Event::host_phase(host(0), Phase::Activating)
}

fn suspended(by: &str) -> Event {
    Event::Suspended { by: Operator(by.into()) }
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.rollout.as_str()).collect()
}

#[test]
fn a_rollout_that_was_made_under_a_clock_that_was_ahead_overtakes_nobody() {
    let state = tempfile::tempdir().unwrap();
    let rollouts = Rollouts::new(state.path());
    let ten_years = 10 * 365 * 24 * 60;
    left(&rollouts, "ahead", ten_years, vec![Event::Locked { hosts: 3 }, switched()]);
    left(&rollouts, "crashed", 1, vec![Event::Locked { hosts: 3 }, switched()]);
    let found = waiting(&rollouts, None).unwrap();
    assert_eq!(names(&found.resumable), ["crashed"]);
    assert_eq!((names_of(&found.overtaken[0].0), names_of(&found.overtaken[0].1)), ("ahead", "crashed"));
    let now = "2026-01-01T00:10:00Z".parse().unwrap();
    assert_eq!(due(&rollouts, &found.resumable[0], now).unwrap(), Due::Yes);
}

fn names_of(entry: &Entry) -> &str {
    entry.rollout.as_str()
}

#[test]
fn a_later_rollout_overtakes_once_it_has_switched_a_host() {
    let state = tempfile::tempdir().unwrap();
    let rollouts = Rollouts::new(state.path());
    left(&rollouts, "a", 0, vec![Event::Locked { hosts: 3 }]);
    left(&rollouts, "b", 1, vec![Event::Locked { hosts: 3 }]);
    let found = waiting(&rollouts, None).unwrap();
    assert_eq!(names(&found.resumable), ["a", "b"], "neither has changed anything");
    left(&rollouts, "c", 2, vec![Event::Locked { hosts: 3 }, switched()]);
    let found = waiting(&rollouts, None).unwrap();
    assert_eq!(names(&found.resumable), ["c"]);
    let overtaken: Vec<_> = found.overtaken.iter().map(|(a, b)| (a.rollout.as_str(), b.rollout.as_str())).collect();
    assert_eq!(overtaken, [("a", "c"), ("b", "c")]);
    let over = Event::RolloutFinished {
        outcome: Outcome::Completed,
        exit_code: 0,
        counts: Default::default(),
        debt: Vec::new(),
    };
    left(&rollouts, "d", 3, vec![over]);
    assert_eq!(names(&waiting(&rollouts, None).unwrap().resumable), ["c"], "what is over does not wait");
    let beta = Environment::new("beta").unwrap();
    assert!(waiting(&rollouts, Some(&beta)).unwrap().resumable.is_empty());
}

#[test]
fn a_timer_resumes_what_died_and_not_what_somebody_stopped() {
    let state = tempfile::tempdir().unwrap();
    let rollouts = Rollouts::new(state.path());
    let locked = || Event::Locked { hosts: 3 };
    left(&rollouts, "died", 0, vec![locked()]);
    left(&rollouts, "shut-down", 1, vec![locked(), suspended("SIGTERM")]);
    left(&rollouts, "interrupted", 2, vec![locked(), suspended("SIGINT")]);
    left(&rollouts, "stopped", 3, vec![locked(), suspended("bob@deploy")]);
    left(
        &rollouts,
        "went-on",
        4,
        vec![locked(), suspended("bob@deploy"), Event::Resumed { by: Operator("bob@deploy".into()) }],
    );
    left(&rollouts, "planned", 5, Vec::new());
    let entries = waiting(&rollouts, None).unwrap().resumable;
    let judge = |name: &str, now| {
        let entry = entries.iter().find(|entry| entry.rollout.as_str() == name).unwrap();
        due(&rollouts, entry, now).unwrap()
    };
    let soon = start() + 1.hour();
    assert_eq!(judge("died", soon), Due::Yes);
    assert_eq!(judge("shut-down", soon), Due::Yes);
    assert_eq!(judge("went-on", soon), Due::Yes);
    assert_eq!(judge("interrupted", soon), Due::No("it was interrupted by hand".to_owned()));
    assert_eq!(judge("stopped", soon), Due::No("it was stopped by bob@deploy".to_owned()));
    assert_eq!(judge("planned", soon), Due::No("it was planned and never begun".to_owned()));
    let late = start() + (8 * 24).hours();
    assert_eq!(judge("died", late), Due::No("nothing has happened in it for more than a week".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_found_and_does_not_wait() {
    let world = World::new(2, Promote::Manual);
    assert!(running(&world.rollouts, None).unwrap().is_empty());
    assert_eq!(waiting(&world.rollouts, None).unwrap().resumable.len(), 1);
    let conducting = world.conduct();
    let mut watcher = world.watch(0).await;
    watcher.next().await.unwrap();
    assert_eq!(names(&running(&world.rollouts, None).unwrap()), [world.rollout.as_str()]);
    let beta = Environment::new("beta").unwrap();
    assert!(running(&world.rollouts, Some(&beta)).unwrap().is_empty());
    assert!(waiting(&world.rollouts, None).unwrap().resumable.is_empty());
    conducting.abort();
}
