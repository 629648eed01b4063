use std::time::{Duration, Instant};

use super::{World, holder, operator, production};
use crate::conductor::{
    ConductorError, EnvironmentLock, Freeze, Holder, LockError, Standing, freeze, standing, unfreeze,
};
use crate::journal::JournalError;
use crate::model::{Environment, RolloutId};
use crate::plan::Promote;

#[test]
fn one_holds_an_environment_and_the_other_is_told_who() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(standing(state.path(), &production()).unwrap(), Standing::Free);
    let lock = EnvironmentLock::take(state.path(), &production(), &holder("amy"), Duration::ZERO, |_, _| {}).unwrap();
    let Err(error) = EnvironmentLock::take(state.path(), &production(), &holder("bob"), Duration::ZERO, |_, _| {})
    else {
        panic!("both hold it");
    };
    let ConductorError::Lock(error @ LockError::Held { .. }) = error else { panic!("{error}") };
    let text = error.to_string();
    assert!(text.starts_with("production is locked by amy@deploy for a plan (process "), "{text}");
    assert!(text.ends_with(": a fix"), "{text}");
    let rollout = RolloutId::new("20260101T000000-abcd").unwrap();
    lock.describe(&Holder { rollout: Some(rollout), ..holder("amy") }).unwrap();
    let Standing::Held(Some(found)) = standing(state.path(), &production()).unwrap() else { panic!("free") };
    assert_eq!(found.owner, operator("amy"));
    let hint = LockError::Held { environment: production(), holder: Some(found) }.hint().unwrap();
    assert!(hint.contains("coalmine attach 20260101T000000-abcd"), "{hint}");
    let beta = Environment::new("beta").unwrap();
    EnvironmentLock::take(state.path(), &beta, &holder("bob"), Duration::ZERO, |_, _| {}).unwrap();
    drop(lock);
    assert_eq!(standing(state.path(), &production()).unwrap(), Standing::Free, "what is written counts for nothing");
    EnvironmentLock::take(state.path(), &production(), &holder("bob"), Duration::ZERO, |_, _| {}).unwrap();
}

#[test]
fn nobody_else_may_open_the_lock_and_a_holder_that_is_no_coalmine_is_told_as_such() {
    use std::os::unix::fs::PermissionsExt as _;
    let state = tempfile::tempdir().unwrap();
    std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = state.path().join("locks/production.lock");
    let take = || EnvironmentLock::take(state.path(), &production(), &holder("amy"), Duration::ZERO, |_, _| {});
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    drop(take().unwrap());
    assert_eq!(mode(), 0o640);
    // One that an earlier coalmine made.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let lock = take().unwrap();
    assert_eq!(mode(), 0o660);
    // No process has a number so large (proc_sys_kernel(5), pid_max).
    lock.describe(&Holder { pid: 0x7fff_fff0, ..holder("amy") }).unwrap();
    let Err(ConductorError::Lock(error)) = take() else { panic!("both hold it") };
    assert!(error.to_string().contains("by a process that is no coalmine"), "{error}");
    assert!(error.hint().unwrap().contains("lslocks"));
}

#[test]
fn a_lock_is_waited_for_and_that_is_told() {
    let state = tempfile::tempdir().unwrap();
    let lock = EnvironmentLock::take(state.path(), &production(), &holder("amy"), Duration::ZERO, |_, _| {}).unwrap();
    let (heard, waits) = std::sync::mpsc::channel();
    let freeing = std::thread::spawn(move || {
        waits.recv().unwrap();
        std::thread::sleep(Duration::from_millis(600));
        drop(lock);
    });
    let mut told = 0;
    let start = Instant::now();
    let wait = Duration::from_secs(60);
    EnvironmentLock::take(state.path(), &production(), &holder("bob"), wait, |why, left| {
        assert!(left <= wait && left > wait / 2);
        assert!(why.to_string().contains("amy@deploy"));
        told += 1;
        heard.send(()).unwrap();
    })
    .unwrap();
    assert!(start.elapsed() > Duration::from_millis(500) && start.elapsed() < wait);
    assert_eq!(told, 1);
    freeing.join().unwrap();
}

#[test]
fn of_many_who_come_at_once_exactly_one_gets_it() {
    let state = tempfile::tempdir().unwrap();
    let barrier = std::sync::Barrier::new(8);
    let taken: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let lock =
                        EnvironmentLock::take(state.path(), &production(), &holder("amy"), Duration::ZERO, |_, _| {});
                    barrier.wait();
                    lock.is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
}

#[test]
fn whoever_only_looks_takes_it_from_nobody() {
    let state = tempfile::tempdir().unwrap();
    drop(EnvironmentLock::take(state.path(), &production(), &holder("amy"), Duration::ZERO, |_, _| {}).unwrap());
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            for _ in 0..3000 {
                standing(state.path(), &production()).unwrap();
            }
        });
        while !looking.is_finished() {
            EnvironmentLock::take(state.path(), &production(), &holder("amy"), Duration::ZERO, |_, _| {}).unwrap();
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_frozen_environment_is_refused_to_everybody() {
    let world = World::new(2, Promote::Auto);
    let frozen = Freeze {
        owner: operator("amy"),
        reason: Some("audit".to_owned()),
        since: jiff::Timestamp::now(),
        started: None,
    };
    freeze(world.state_dir(), &production(), &frozen, false).unwrap();
    let Err(error) = EnvironmentLock::take(world.state_dir(), &production(), &holder("amy"), Duration::ZERO, |_, _| {})
    else {
        panic!("it is frozen");
    };
    assert!(error.to_string().starts_with("production is frozen by amy@deploy since "), "{error}");
    unfreeze(world.state_dir(), &production()).unwrap();
    let running = world.conduct();
    freeze(world.state_dir(), &production(), &frozen, false).unwrap();
    assert_eq!(running.await.unwrap().unwrap().exit_code, 0, "what runs already goes on");
}

#[tokio::test(start_paused = true)]
async fn one_rollout_has_one_conductor() {
    let world = World::new(2, Promote::Manual);
    let running = world.conduct();
    let mut watcher = world.watch(0).await;
    watcher.next().await.unwrap();
    let second = super::Opened::new(&world.rollouts, &world.rollout);
    assert!(matches!(second, Err(ConductorError::Journal(JournalError::InUse(_)))), "{second:?}");
    assert!(matches!(standing(world.state_dir(), &production()).unwrap(), Standing::Held(Some(_))));
    running.abort();
}
