//! A root is one link's: what is good there, and what is pruned, is remembered of that alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use coalmine::host::script::Phase;
use coalmine::host::{Host as _, RealFleet, Survey, Switch, TargetSettings, TransferSettings};
use coalmine::model::{FailureClass, Installed, RollBackTarget, Slot};

use crate::programs::{Box, failed, lock, names, script, settled, simple, switch};
use crate::stage::{current, host, host_log, rollout, target, temporary};

/// A fleet whose configuration has another link in the same root.
fn called(programs: &Box, link: &str, root: &Path, state: &Path) -> RealFleet {
    let settings = TargetSettings { current: link.to_owned(), ..target(root) };
    programs.fleet_with(settings, TransferSettings::default(), state)
}

/// All that a host remembers, and its links.
fn all_of(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in [root.to_path_buf(), root.join(".coalmine"), root.join(".coalmine/lock")] {
        for name in if folder.is_dir() { names(&folder) } else { Vec::new() } {
            let path = folder.join(&name);
            let target = fs::read_link(&path).map(|target| target.to_string_lossy().into_owned().into_bytes());
            found.push((path.display().to_string(), target.or_else(|_| fs::read(&path)).unwrap_or_default()));
        }
    }
    found
}

fn remembered(root: &Path) -> String {
    fs::read_to_string(root.join(".coalmine/state")).unwrap()
}

#[tokio::test]
async fn another_link_is_refused_before_anything_is_changed() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let (mine, theirs) =
            (programs.fleet(root.path(), state.path()), called(&programs, "other", root.path(), state.path()));
        let (mine, theirs) = (host(&mine, "here"), host(&theirs, "here"));
        let one = simple(state.path(), "1.0");
        settled(&mine, &one, "r1").await;
        // What a rollout left whose conductor died is that rollout's, too.
        mine.lock(&lock("r2"), None).await.unwrap();
        let held = root.path().join(".coalmine/lock");
        fs::rename(held.join(&names(&held)[0]), held.join("1000.7000000000.1.r2")).unwrap();
        mine.close().await;
        let before = all_of(root.path());
        let refused = failed(theirs.lock(&lock("r3"), None).await.unwrap_err());
        let said = format!("{} is the root of the link tool, and not of other", root.path().display());
        assert_eq!((refused.class, refused.message.as_str()), (FailureClass::Transfer, said.as_str()));
        assert!(refused.hint.unwrap().contains("a target.root of its own"), "{}", programs.name);
        let probe = theirs.probe(&Survey::Page, None).await.unwrap();
        assert_eq!((probe.astray.as_deref(), probe.installed), (Some(said.as_str()), Installed::Missing));
        // What is good there is nothing to the other.
        assert_eq!((probe.good, probe.rollout, probe.adopted), (None, None, None));
        theirs.close().await;
        assert_eq!(all_of(root.path()), before, "{}", programs.name);
        let probe = mine.probe(&Survey::Page, None).await.unwrap();
        assert_eq!((probe.astray, probe.good), (None, Some(one.id.clone())));
    }
}

#[tokio::test]
async fn a_link_that_was_renamed_on_the_host_goes_on_where_it_was() {
    for programs in Box::both() {
        for keeps_the_old_name in [false, true] {
            let (state, root) = (temporary(), temporary());
            // Somebody's link was there before.
            fs::create_dir(root.path().join("package")).unwrap();
            symlink("package", root.path().join("tool")).unwrap();
            let old = programs.fleet(root.path(), state.path());
            let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
            let old = host(&old, "here");
            settled(&old, &one, "r1").await;
            old.close().await;
            fs::rename(root.path().join("tool"), root.path().join("other")).unwrap();
            if keeps_the_old_name {
                symlink("other", root.path().join("tool")).unwrap();
            }
            let fleet = called(&programs, "other", root.path(), state.path());
            let new = host(&fleet, "here");
            let probe = new.probe(&Survey::Page, None).await.unwrap();
            assert_eq!((probe.astray, probe.good), (None, Some(one.id.clone())), "{}", programs.name);
            let (probe, _) = new.lock(&lock("r2"), None).await.unwrap();
            assert_eq!(probe.good, Some(one.id.clone()));
            assert!(!probe.adopted.unwrap().gone, "{}", programs.name);
            assert!(remembered(root.path()).contains("link other\n"), "{}", remembered(root.path()));
            new.prime(&two, &rollout("r2"), &|_| {}).await.unwrap();
            new.activate(&two.id, &switch("r2")).await.unwrap();
            let back = RollBackTarget::Release { id: one.id.clone() };
            new.roll_back(&back, None, &switch("r2")).await.unwrap();
            assert_eq!(
                fs::read_link(root.path().join("other")).unwrap(),
                Path::new("releases").join(one.id.to_string())
            );
            new.roll_back(&RollBackTarget::Adopted, None, &switch("r2")).await.unwrap();
            assert_eq!(fs::read_link(root.path().join("other")).unwrap(), Path::new("package"));
            new.unlock(&rollout("r2")).await.unwrap();
            new.close().await;
            let taken =
                host_log(root.path()).into_iter().filter(|line| line.contains("the root of the link tool")).count();
            assert_eq!(taken, 1);
            // The old name is another's now.
            if keeps_the_old_name {
                fs::remove_file(root.path().join("tool")).unwrap();
            }
            assert!(old.lock(&lock("r3"), None).await.is_err(), "{}", programs.name);
        }
    }
}

#[tokio::test]
async fn nothing_that_a_link_had_which_is_gone_is_gone_back_to_by_another() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let one = simple(state.path(), "1.0");
        let fleet = programs.fleet(root.path(), state.path());
        let mine = host(&fleet, "here");
        settled(&mine, &one, "r1").await;
        mine.close().await;
        fs::remove_file(root.path().join("tool")).unwrap();
        let fleet = called(&programs, "other", root.path(), state.path());
        let new = host(&fleet, "here");
        let surveyed = new.probe(&Survey::Deep, None).await.unwrap();
        let (locked, _) = new.lock(&lock("r2"), None).await.unwrap();
        for probe in [surveyed, locked] {
            assert_eq!((probe.good, probe.astray), (None, None), "{}", programs.name);
        }
        assert_eq!(remembered(root.path()), "link other\n");
    }
}

#[tokio::test]
async fn the_first_that_writes_takes_over_what_an_earlier_coalmine_left_unless_that_is_seen_to_be_anothers() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
        let (mine, theirs) =
            (programs.fleet(root.path(), state.path()), called(&programs, "other", root.path(), state.path()));
        let (mine, theirs) = (host(&mine, "here"), host(&theirs, "here"));
        settled(&mine, &one, "r1").await;
        let forget = || {
            let kept: Vec<String> = remembered(root.path())
                .lines()
                .filter(|line| !line.starts_with("link "))
                .map(|l| format!("{l}\n"))
                .collect();
            fs::write(root.path().join(".coalmine/state"), kept.concat()).unwrap();
        };
        forget();
        let refused = failed(theirs.lock(&lock("r2"), None).await.unwrap_err());
        assert!(refused.message.ends_with("is the root of the link tool, and not of other"), "{refused:?}");
        let probe = theirs.probe(&Survey::Shallow, None).await.unwrap();
        assert_eq!((probe.astray, probe.good), (Some(refused.message), None));
        // It has no owner yet, and mine takes it.
        assert!(!remembered(root.path()).contains("link "));
        settled(&mine, &two, "r3").await;
        assert!(remembered(root.path()).contains("link tool\n"));
        // Where both are there already, nobody can tell whose it is.
        symlink(Path::new("releases").join(one.id.to_string()), root.path().join("other")).unwrap();
        forget();
        settled(&theirs, &two, "r4").await;
        assert!(remembered(root.path()).contains("link other\n"));
        assert!(mine.lock(&lock("r5"), None).await.is_err(), "{}", programs.name);
        assert_eq!(current(root.path()), Path::new("releases").join(two.id.to_string()));
    }
}

#[tokio::test]
async fn a_slot_is_no_usual_link_and_the_usual_link_is_no_slot() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let one = simple(state.path(), "1.0");
        let (mine, theirs) =
            (programs.fleet(root.path(), state.path()), called(&programs, "amy", root.path(), state.path()));
        let (mine, theirs) = (host(&mine, "here"), host(&theirs, "here"));
        settled(&mine, &one, "r1").await;
        let (amy, tool) = (Slot::new("amy").unwrap(), Slot::new("tool").unwrap());
        let into_amy = Switch { slot: Some(amy.clone()), ..switch("r2") };
        mine.lock(&lock("r2"), Some(&amy)).await.unwrap();
        mine.prime(&one, &rollout("r2"), &|_| {}).await.unwrap();
        mine.activate(&one.id, &into_amy).await.unwrap();
        mine.finalize(&one.id, &rollout("r2"), Some(&amy)).await.unwrap();
        assert!(!fs::read_to_string(root.path().join(".coalmine/state.amy")).unwrap().contains("link "));
        mine.close().await;
        let before = all_of(root.path());
        let refused = failed(theirs.lock(&lock("r3"), None).await.unwrap_err());
        assert!(refused.message.ends_with("/amy is a slot there, and not the link whose root that is"), "{refused:?}");
        let refused = failed(theirs.lock(&lock("r3"), Some(&tool)).await.unwrap_err());
        assert!(refused.message.ends_with("/tool is the link whose root that is, and no slot"), "{refused:?}");
        assert!(theirs.probe(&Survey::Shallow, Some(&tool)).await.unwrap().astray.is_some());
        theirs.close().await;
        assert_eq!(all_of(root.path()), before, "{}", programs.name);
    }
}

#[test]
fn a_switch_that_goes_back_by_itself_keeps_whose_root_it_is() {
    for programs in Box::both() {
        let root = temporary();
        let kept = root.path().join(".coalmine");
        fs::create_dir_all(&kept).unwrap();
        fs::create_dir(root.path().join("releases")).unwrap();
        fs::write(kept.join("state"), "link tool\ncurrent 1.0-00000000\npending 1.0-00000000\n").unwrap();
        fs::write(kept.join("armed.r0"), "1000 none tool\n").unwrap();
        symlink("releases/1.0-00000000", root.path().join("tool")).unwrap();
        let said = programs.run(&script(Phase::Lock, root.path(), "r1"));
        assert!(said.iter().any(|line| line == "locked"), "{said:?}");
        assert_eq!(fs::read_to_string(kept.join("state")).unwrap(), "link tool\n", "{}", programs.name);
    }
}
