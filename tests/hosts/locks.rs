//! The lock of a host: who gets it, who keeps it, who loses it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use coalmine::host::script::Phase;
use coalmine::host::{Host as _, HostError, LockRequest};

use crate::programs::{Box, lock, names, said, script, simple, switch};
use crate::stage::{host, rollout, temporary};

#[test]
fn one_of_many_takers_gets_the_lock_and_one_of_many_takes_over_a_dead_lease() {
    for programs in Box::both() {
        let root = temporary();
        for round in 0..3 {
            // A dead lease in the later rounds.
            if round > 0 {
                let lock = root.path().join(".coalmine/lock");
                let held = names(&lock);
                assert_eq!(held.len(), 1);
                // As an earlier coalmine wrote it, too.
                let name = if round == 1 { "1000.dead1".to_owned() } else { "1000.7.1.dead2".to_owned() };
                fs::rename(lock.join(&held[0]), lock.join(name)).unwrap();
            }
            let scripts: Vec<_> = (0..12).map(|n| script(Phase::Lock, root.path(), &format!("r{round}-{n}"))).collect();
            let children: Vec<_> = scripts.iter().map(|script| programs.start(script)).collect();
            let said: Vec<_> = scripts.iter().zip(children).map(|(script, child)| said(script, child)).collect();
            let winners: Vec<_> = said.iter().filter(|said| said.iter().any(|line| line == "locked")).collect();
            assert_eq!(winners.len(), 1, "{}, round {round}: {said:#?}", programs.name);
            // Whoever ended the dead lease may find another quicker with the next.
            let told = said.iter().flatten().filter(|line| line.starts_with("before ")).count();
            assert!(told <= usize::from(round > 0), "{said:#?}");
            let losers = said.iter().filter(|said| said.iter().any(|line| line.starts_with("fail locked"))).count();
            assert_eq!(losers, 11);
            assert_eq!(names(&root.path().join(".coalmine/lock")).len(), 1);
        }
        assert!(names(&root.path().join(".coalmine")).iter().all(|name| !name.starts_with("lock.")));
    }
}

#[test]
fn whatever_two_scripts_of_one_rollout_do_at_once_the_lock_stays_its_own() {
    // Renewals beside phases, and phases beside copies of themselves whose answers were lost.
    let pairs = [
        (Phase::Renew, Phase::Confirm),
        (Phase::Confirm, Phase::Confirm),
        (Phase::Renew, Phase::Renew),
        (Phase::Lock, Phase::Renew),
        (Phase::Lock, Phase::Confirm),
        (Phase::Lock, Phase::Lock),
    ];
    for programs in Box::both() {
        let root = temporary();
        let lock = |phase, lease: usize| {
            let mut script = script(phase, root.path(), "r1");
            script.set("lease", &lease.to_string()).set("term", "3");
            script
        };
        let taken = programs.run(&lock(Phase::Lock, 60));
        let token = taken.iter().find_map(|line| line.strip_prefix("lease ")).unwrap().to_owned();
        for round in 0..60 {
            let (one, other) = pairs[round % pairs.len()];
            // Ever later, so that each has something to move.
            let scripts = [one, other, one].map(|phase| {
                let mut script = lock(phase, 60 + round);
                script.set("fence", &token).set("rest", "30");
                script
            });
            let children = scripts.each_ref().map(|script| programs.start(script));
            for (script, child) in scripts.iter().zip(children) {
                let said = said(script, child);
                let fine = said.iter().any(|line| line == "end") && !said.iter().any(|line| line.starts_with("fail "));
                assert!(fine, "{}, {:?} beside {one:?} and {other:?}: {said:?}", programs.name, script.phase);
            }
            let held = names(&root.path().join(".coalmine/lock"));
            assert!(held.len() == 1 && held[0].ends_with(&format!(".{token}.3.r1")), "{held:?}");
        }
        let left = names(&root.path().join(".coalmine"));
        assert!(!left.iter().any(|name| name.starts_with("phase.")), "{left:?}");
    }
}

#[tokio::test]
async fn a_lock_is_fenced_renewed_and_taken_over() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let one = simple(state.path(), "1.0");
        // Nothing is done without it.
        assert_eq!(host.prime(&one, &rollout("r1"), &|_| {}).await, Err(HostError::Lost(None)));
        assert!(names(&root.path().join("releases")).is_empty());
        let why = LockRequest { reason: Some("it's\nurgent".into()), ..lock("r1") };
        host.lock(&why, None).await.unwrap();
        let lock_folder = root.path().join(".coalmine/lock");
        let token = || names(&lock_folder)[0].split('.').nth(1).unwrap().parse::<u64>().unwrap();
        let first = token();
        // The same conductor asks once more, and renews; a later one of the same rollout has the next lease.
        host.lock(&why, None).await.unwrap();
        host.renew(&why).await.unwrap();
        assert_eq!(token(), first);
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        // A phase that needs the lease for long has let go of it at its end.
        let until: i64 = names(&lock_folder)[0].split('.').next().unwrap().parse().unwrap();
        let left = until - jiff::Timestamp::now().as_second();
        assert!((1..=61).contains(&left), "{left} s");
        assert_eq!(phases_at_work(root.path()), [""; 0]);
        let later = programs.fleet(root.path(), state.path());
        let later = crate::stage::host(&later, "here");
        later.lock(&LockRequest { term: 7, ..why.clone() }, None).await.unwrap();
        assert_eq!(token(), first + 1);
        let lost = host.renew(&why).await;
        assert!(matches!(lost, Err(HostError::Lost(Some(_)))), "{lost:?}");
        assert!(matches!(host.lock(&why, None).await, Err(HostError::Locked(_))));
        assert!(matches!(host.activate(&one.id, &switch("r1")).await, Err(HostError::Lost(Some(_)))));
        let host = later;
        let other = programs.fleet(root.path(), state.path());
        let other = crate::stage::host(&other, "here");
        let host_two = &other;
        let Err(HostError::Locked(holder)) = host_two.lock(&lock("r2"), None).await else { panic!() };
        assert_eq!((&*holder.owner.0, holder.reason.as_deref()), ("me@here", Some("it's urgent")));
        assert_eq!(holder.rollout, rollout("r1"));
        assert!(holder.until > holder.since);
        assert!(matches!(host_two.activate(&one.id, &switch("r2")).await, Err(HostError::Lost(Some(_)))));
        assert!(matches!(host_two.prime(&one, &rollout("r2"), &|_| {}).await, Err(HostError::Lost(Some(_)))));
        // Not another's.
        host_two.unlock(&rollout("r2")).await.unwrap();
        host.activate(&one.id, &switch("r1")).await.unwrap();
        // Its owner dies.
        let end = |until: u64| {
            let name = &names(&lock_folder)[0];
            let (_, rest) = name.split_once('.').unwrap();
            fs::rename(lock_folder.join(name), lock_folder.join(format!("{until}.{rest}"))).unwrap();
        };
        end(1000);
        // It was only asleep, and nobody came: that is no other lease.
        host.renew(&why).await.unwrap();
        assert_eq!(token(), first + 1);
        // Another comes, is done, and goes.
        end(1000);
        let (_, before) = host_two.lock(&lock("r2"), None).await.unwrap();
        assert_eq!(before.unwrap().rollout, rollout("r1"));
        assert_eq!(token(), first + 2);
        assert!(matches!(host.activate(&one.id, &switch("r1")).await, Err(HostError::Lost(Some(_)))));
        // Others cannot free it, and an empty folder is nobody's.
        host.unlock(&rollout("r1")).await.unwrap();
        assert!(lock_folder.exists());
        host_two.unlock(&rollout("r2")).await.unwrap();
        assert!(!lock_folder.exists());
        let Err(HostError::Lost(Some(holder))) = host.renew(&why).await else { panic!() };
        assert_eq!((&holder.rollout, &*holder.owner.0), (&rollout("r2"), "me@here"));
        let lost = host.finalize(&one.id, &rollout("r1"), None).await;
        assert!(matches!(lost, Err(HostError::Lost(Some(_)))), "{lost:?}");
        fs::create_dir(&lock_folder).unwrap();
        host.lock(&lock("r3"), None).await.unwrap();
        assert_eq!(token(), first + 3);
        // Made by a clock that is years ahead, it is nobody's.
        end(4_000_000_000);
        host_two.lock(&lock("r4"), None).await.unwrap();
        assert_eq!(token(), first + 4);
        // One that is known to be over holds nobody up.
        let over = LockRequest { over: Some(rollout("r4")), ..lock("r5") };
        host.lock(&over, None).await.unwrap();
    }
}

/// Gives the marks of phases that do not say that they are over.
fn phases_at_work(root: &Path) -> Vec<String> {
    let folder = root.join(".coalmine");
    let is_at_work =
        |name: &String| name.starts_with("phase.") && fs::read(folder.join(name)).is_ok_and(|text| text != b"over\n");
    names(&folder).into_iter().filter(is_at_work).collect()
}

/// Gives the end of the one lease that there is, in seconds from now, and what follows on it in its name.
fn lease(root: &Path) -> (i64, String) {
    let held = names(&root.join(".coalmine/lock"));
    assert_eq!(held.len(), 1, "{held:?}");
    let (until, rest) = held[0].split_once('.').unwrap();
    (until.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second(), rest.to_owned())
}

/// Lets the one lease that there is end so many seconds from now.
fn end_in(root: &Path, seconds: i64) {
    let lock = root.join(".coalmine/lock");
    let (_, rest) = lease(root);
    let until = jiff::Timestamp::now().as_second() + seconds;
    fs::rename(lock.join(&names(&lock)[0]), lock.join(format!("{until}.{rest}"))).unwrap();
}

#[tokio::test]
async fn a_switch_takes_the_lease_as_it_is_and_changes_nothing_once_that_is_lost() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let one = simple(state.path(), "1.0");
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        let (_, rest) = lease(root.path());
        let token: u64 = rest.split('.').next().unwrap().parse().unwrap();
        let switch = || {
            let mut script = script(Phase::Activate, root.path(), "r1");
            script.set("id", &one.id.to_string()).set("confirm", "0").set("fence", &token.to_string());
            script.set("lease", "150").set("rest", "60");
            script
        };
        // Another comes while the new link is made beside the old one.
        let ln = programs.folder.path().join("ln");
        let (real, kept) = (programs.folder.path().join("ln.real"), programs.folder.path().join("ln.kept"));
        let usual = if ln.exists() { fs::read_link(&ln).unwrap() } else { "/usr/bin/ln".into() };
        fs::rename(&ln, &kept).ok();
        std::os::unix::fs::symlink(usual, &real).unwrap();
        let until = jiff::Timestamp::now().as_second() + 60;
        let call = if programs.name == "busybox" { "busybox ln" } else { real.to_str().unwrap() };
        let thief = format!(
            "#!/bin/sh\n{call} \"$@\"\nmv .coalmine/lock/* .coalmine/token.{token}\n: >.coalmine/lock/{until}.{}.1.r2\n",
            token + 1
        );
        fs::write(&ln, thief).unwrap();
        fs::set_permissions(&ln, fs::Permissions::from_mode(0o755)).unwrap();
        let said = programs.run(&switch());
        assert!(said.iter().any(|line| line.starts_with("fail lost")), "{}: {said:?}", programs.name);
        assert!(!root.path().join("tool").exists() && !root.path().join("tool").is_symlink(), "{}", programs.name);
        fs::remove_file(&ln).unwrap();
        fs::rename(&kept, &ln).ok();
        // The lease is its own again, and about to end: it lasts for the switch, and afterwards as long as ever.
        fs::remove_file(root.path().join(".coalmine/lock").join(&names(&root.path().join(".coalmine/lock"))[0]))
            .unwrap();
        let token_file = root.path().join(format!(".coalmine/token.{token}"));
        fs::rename(token_file, root.path().join(format!(".coalmine/lock/{until}.{rest}"))).unwrap();
        end_in(root.path(), 5);
        let said = programs.run(&switch());
        assert!(said.iter().any(|line| line == "activated -"), "{}: {said:?}", programs.name);
        let (left, _) = lease(root.path());
        assert!((50..=60).contains(&left), "{}: {left} s", programs.name);
        // With enough left it stays as it is.
        end_in(root.path(), 40);
        let said = programs.run(&switch());
        assert!(said.iter().any(|line| line == "activated already"), "{}: {said:?}", programs.name);
        let (left, _) = lease(root.path());
        assert!((30..=40).contains(&left), "{}: {left} s", programs.name);
    }
}

#[test]
fn preparing_a_release_lengthens_the_lease_only_where_it_would_not_last_for_that() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let one = simple(state.path(), "1.0");
        let taken = programs.run(&script(Phase::Lock, root.path(), "r1"));
        let token = taken.iter().find_map(|line| line.strip_prefix("lease ")).unwrap().to_owned();
        // What makes the folder sees what the lease is meanwhile.
        let (mkdir, kept) = (programs.folder.path().join("mkdir"), programs.folder.path().join("mkdir.kept"));
        fs::rename(&mkdir, &kept).ok();
        let call = if programs.name == "busybox" { "/bin/busybox mkdir" } else { "/usr/bin/mkdir" };
        let seen = programs.folder.path().join("seen");
        let wrapper = format!("#!/bin/sh\necho .coalmine/lock/* >{}\n{call} \"$@\"\n", seen.display());
        fs::write(&mkdir, wrapper).unwrap();
        fs::set_permissions(&mkdir, fs::Permissions::from_mode(0o755)).unwrap();
        let while_preparing = |left: i64, usual: &str| {
            end_in(root.path(), left);
            let mut script = script(Phase::Stage, root.path(), "r1");
            script.set("id", &one.id.to_string()).set("digest", &one.digest.to_string()).set("fence", &token);
            script.set("lease", "300").set("rest", "60").set("usual", usual).set("base", "-").set("removals", "");
            script.set("need_kib", "1").set("need_inodes", "1");
            let said = programs.run(&script);
            assert!(said.iter().any(|line| line.starts_with("staged final nothing")), "{}: {said:?}", programs.name);
            fs::remove_dir(root.path().join(format!("releases/.{}.r1", one.id))).unwrap();
            let name = fs::read_to_string(&seen).unwrap();
            let until: i64 = name.rsplit('/').next().unwrap().split('.').next().unwrap().parse().unwrap();
            let (after, _) = lease(root.path());
            assert!((1..=60).contains(&after), "{}: {after} s are left", programs.name);
            until - jiff::Timestamp::now().as_second()
        };
        // As long as it usually takes it lasts anyway; not now; not ever.
        for (left, usual, expected) in [(50, "30", 35..=50), (25, "30", 280..=300), (50, "70", 280..=300)] {
            let seen = while_preparing(left, usual);
            assert!(expected.contains(&seen), "{}: {seen} s with {left} left of {usual}", programs.name);
        }
        assert_eq!(phases_at_work(root.path()), [""; 0], "{}", programs.name);
    }
}

#[test]
fn a_lock_is_freed_beside_a_phase_that_is_over_and_not_beside_one_that_may_still_run() {
    for programs in Box::both() {
        let root = temporary();
        let taken = programs.run(&script(Phase::Lock, root.path(), "r1"));
        let token = taken.iter().find_map(|line| line.strip_prefix("lease ")).unwrap().to_owned();
        // Of a shell that lives; which one that is an earlier coalmine does not say.
        let me = std::process::id();
        let marks = ["".into(), format!(".s{}", began(me))].map(|began| mark(root.path(), &began, me));
        let unlock = || {
            let mut script = script(Phase::Unlock, root.path(), "r1");
            script.set("fence", &token);
            programs.run(&script);
        };
        for at_work in marks {
            fs::write(&at_work, "").unwrap();
            unlock();
            lease(root.path());
            fs::write(&at_work, "over\n").unwrap();
        }
        unlock();
        assert!(!root.path().join(".coalmine/lock").exists(), "{}", programs.name);
    }
}

/// Names the mark of a phase by the number of its shell, and when that began.
fn mark(root: &Path, began: &str, shell: u32) -> PathBuf {
    let until = jiff::Timestamp::now().as_second() + 100;
    root.join(format!(".coalmine/phase.{until}{began}.{shell}.00ff"))
}

/// Says when a process began: the 22nd field, of which two are before what follows on the name.
fn began(process: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned()
}

#[test]
fn a_phase_whose_shell_is_dead_holds_nobody_up_whoever_has_its_number() {
    for programs in Box::both() {
        let root = temporary();
        let taken = programs.run(&script(Phase::Lock, root.path(), "r1"));
        let token = taken.iter().find_map(|line| line.strip_prefix("lease ")).unwrap().to_owned();
        let me = std::process::id();
        let others = mark(root.path(), ".s1", me);
        fs::write(&others, "").unwrap();
        // One that has ended, and that nobody has reaped yet.
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let stat = Path::new("/proc").join(ended.id().to_string()).join("stat");
        while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let dead = ["".into(), format!(".s{}", began(ended.id()))].map(|began| mark(root.path(), &began, ended.id()));
        dead.iter().for_each(|mark| fs::write(mark, "").unwrap());
        let mut script = script(Phase::Unlock, root.path(), "r1");
        script.set("fence", &token);
        programs.run(&script);
        assert!(
            !root.path().join(".coalmine/lock").exists(),
            "{}: {:?}",
            programs.name,
            names(&root.path().join(".coalmine"))
        );
        ended.wait().unwrap();
    }
}
