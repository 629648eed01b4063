//! Scripts that are killed, that hang, and what is left of one when it has ended.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coalmine::host::script::{Phase, Script};
use coalmine::host::{Host as _, Survey, Switch};
use coalmine::model::{ReleaseId, RollBackTarget};
use coalmine::release::StoredRelease;

use crate::phases::rewrite;
use crate::programs::{Box, failed, folder, lock, names, said, script, settled, simple, switch};
use crate::stage::{assert_whole, current, eventually, host, host_log, processes_with, rollout, temporary};

#[tokio::test]
async fn killed_at_any_moment_the_link_names_a_whole_release_and_a_repetition_succeeds() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
        settled(&host, &one, "r0").await;
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&two, &rollout("r1"), &|_| {}).await.unwrap();
        let releases = [&one, &two];
        let whole = |when: &str| {
            let target = current(root.path());
            let target = target.file_name().unwrap().to_string_lossy().into_owned();
            let target = target.trim_start_matches('.').trim_end_matches(".repair").to_owned();
            let release = releases.iter().find(|r| r.id.to_string() == target).unwrap();
            assert_whole(release, &root.path().join("tool/."));
            assert!(!when.is_empty());
        };
        for step in 0..12 {
            let delay = Duration::from_millis(4 * step);
            let to = releases[usize::try_from(step % 2).unwrap()];
            let mut activate = script(Phase::Activate, root.path(), "r1");
            activate.set("id", &to.id.to_string()).set("confirm", "0");
            kill_after(programs.start(&activate), delay);
            whole("switching");
            host.activate(&to.id, &switch("r1")).await.unwrap();
            whole("switched");
        }
        // And while a broken copy is replaced under the link's feet.
        for step in 0..12 {
            let now = releases.iter().find(|r| current(root.path()).ends_with(r.id.to_string())).unwrap();
            rewrite(&folder(root.path(), now).join("bin/tool"), b"?");
            host.prime(now, &rollout("r1"), &|_| {}).await.unwrap();
            let mut activate = script(Phase::Activate, root.path(), "r1");
            activate.set("id", &now.id.to_string()).set("confirm", "0");
            kill_after(programs.start(&activate), Duration::from_millis(6 * step));
            assert!(root.path().join("tool/bin/tool").exists(), "step {step}");
            // Whatever became of it, priming and switching again makes it whole.
            host.prime(now, &rollout("r1"), &|_| {}).await.unwrap();
            host.activate(&now.id, &switch("r1")).await.unwrap();
            whole("repaired");
            assert_whole(now, &folder(root.path(), now));
        }
        host.roll_back(&RollBackTarget::Release { id: one.id.clone() }, Some(&one), &switch("r1")).await.unwrap();
        host.unlock(&rollout("r1")).await.unwrap();
    }
}

fn kill_after(mut child: Child, delay: Duration) {
    std::thread::sleep(delay);
    Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn an_adoption_that_was_cut_in_two_is_finished() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let one = simple(state.path(), "1.0");
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        // As between the two renames: the folder has moved, the link is not there yet.
        let kept: ReleaseId = "adopted-0123abcd".parse().unwrap();
        fs::create_dir(root.path().join("releases").join(kept.to_string())).unwrap();
        fs::write(root.path().join(".coalmine/adopting.tool"), format!("{kept}\n")).unwrap();
        host.roll_back(&RollBackTarget::Adopted, None, &switch("r1")).await.unwrap();
        assert_eq!(current(root.path()), Path::new("releases").join(kept.to_string()));
        assert!(!root.path().join(".coalmine/adopting.tool").exists());
    }
}

#[tokio::test]
async fn a_dead_mans_switch_fires_without_anybody_and_after_a_reboot_at_the_next_contact() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
        // No other test's: its watcher is looked for among all processes.
        let name = format!("d{}", std::process::id());
        let name = name.as_str();
        let confirm = |seconds| Switch { confirm: Duration::from_secs(seconds), ..switch(name) };
        let to = |release: &StoredRelease| Path::new("releases").join(release.id.to_string());
        // From nothing, back to nothing.
        host.lock(&lock(name), None).await.unwrap();
        host.prime(&one, &rollout(name), &|_| {}).await.unwrap();
        // Where its time was over before it had come so far, that is its answer.
        let activated = host.activate(&one.id, &confirm(1)).await;
        assert!(activated.is_ok() || format!("{activated:?}").contains("went back by itself"), "{activated:?}");
        let switched = format!("{name} tool switched to {}", one.id);
        assert!(host_log(root.path()).iter().any(|line| line.contains(&switched)), "{:?}", host_log(root.path()));
        eventually("it goes back to nothing", || fs::symlink_metadata(root.path().join("tool")).is_err());
        assert!(failed(host.confirm(&rollout(name)).await.unwrap_err()).message.contains("went back"));
        settled(&host, &one, name).await;
        // The machine reboots: the watcher is gone, the mark stays.
        host.lock(&lock(name), None).await.unwrap();
        host.prime(&two, &rollout(name), &|_| {}).await.unwrap();
        host.activate(&two.id, &confirm(1000)).await.unwrap();
        assert_eq!(current(root.path()), to(&two));
        assert!(host.finalize(&two.id, &rollout(name), None).await.is_err(), "it was finalized unconfirmed");
        // Between two naps there are two of that name for a moment.
        let mut watcher = Vec::new();
        eventually("one watches", || {
            watcher = processes_with(&format!("sh {name} 1000"));
            watcher.len() == 1
        });
        Command::new("kill").args(["-KILL", &watcher[0].0.to_string()]).status().unwrap();
        let armed = root.path().join(format!(".coalmine/armed.{name}"));
        let line = fs::read_to_string(&armed).unwrap();
        fs::write(&armed, line.replacen(line.split(' ').next().unwrap(), "1000", 1)).unwrap();
        // Who only asks changes nothing.
        let probe = host.probe(&Survey::Shallow, None).await.unwrap();
        assert_eq!(probe.installed.release(), Some(&two.id), "{}", programs.name);
        let (probe, _) = host.lock(&lock(name), None).await.unwrap();
        assert_eq!(probe.installed.release(), Some(&one.id), "{}", programs.name);
        assert!(host.confirm(&rollout(name)).await.is_err());
        assert!(host_log(root.path()).iter().any(|line| line.contains("not confirmed in time")));
        // A rollback takes it away.
        host.activate(&two.id, &confirm(1000)).await.unwrap();
        host.roll_back(&RollBackTarget::Release { id: one.id.clone() }, None, &switch(name)).await.unwrap();
        eventually("its watcher ends", || processes_with(&format!("sh {name} 1000")).is_empty());
        assert_eq!(current(root.path()), to(&one));
    }
}

#[tokio::test]
async fn a_switch_that_comes_when_its_time_is_over_is_taken_back() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let name = format!("e{}", std::process::id());
        let name = name.as_str();
        // The last step of a switch takes as long as its dead man's switch lasts, as on a disk that hangs.
        let mv = programs.folder.path().join("mv");
        let real = if mv.exists() { "/usr/bin/busybox mv" } else { "/usr/bin/mv" };
        if mv.exists() {
            fs::remove_file(&mv).unwrap();
        }
        let text = format!(
            "#!/bin/sh\nleft=600\ncase $* in *.coalmine-link.*) while [ ! -e .coalmine/reverted.{name} ] && [ -e .coalmine/slow ] && \
             [ $left -gt 0 ]; do /usr/bin/sleep 0.1; left=$((left - 1)); done ;; esac\nexec {real} \"$@\"\n"
        );
        fs::write(&mv, text).unwrap();
        fs::set_permissions(&mv, fs::Permissions::from_mode(0o755)).unwrap();
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
        let quick = Switch { confirm: Duration::from_secs(1), ..switch(name) };
        for (release, before) in [(&one, None), (&two, Some(&one))] {
            if let Some(before) = before {
                settled(&host, before, name).await;
            }
            host.lock(&lock(name), None).await.unwrap();
            host.prime(release, &rollout(name), &|_| {}).await.unwrap();
            fs::write(root.path().join(".coalmine/slow"), "").unwrap();
            let failure = failed(host.activate(&release.id, &quick).await.unwrap_err());
            fs::remove_file(root.path().join(".coalmine/slow")).unwrap();
            assert!(failure.message.contains("went back by itself"), "{}: {failure:?}", programs.name);
            let probe = host.probe(&Survey::Shallow, None).await.unwrap();
            assert_eq!(probe.installed.release(), before.map(|before| &before.id), "{}", programs.name);
            let link = fs::symlink_metadata(root.path().join("tool"));
            assert_eq!(link.is_ok(), before.is_some(), "{}: {}", programs.name, current(root.path()).display());
        }
    }
}

#[test]
fn a_script_that_hangs_is_ended_on_the_host() {
    for programs in Box::both() {
        let root = temporary();
        fs::create_dir(root.path().join("tool")).unwrap();
        let mut check = Script::new(Phase::Check, Duration::from_secs(1));
        check.set_path("root", root.path()).set("link", "tool");
        let sleep = format!("sleep 1{}", std::process::id());
        check.set("gates", &sleep);
        let said = programs.run(&check);
        assert_eq!(said.last().map(String::as_str), Some("late"), "{said:?}");
        assert!(processes_with(&sleep).is_empty());
    }
}

#[test]
fn nothing_of_a_script_outlives_it() {
    for programs in Box::both() {
        let root = temporary();
        let temporary = temporary();
        let mut probe = script(Phase::Probe, root.path(), "");
        assert_eq!(programs.run(&probe).last().map(String::as_str), Some("end"));
        // One that runs a gate, whose connection is cut: by a signal that no trap sees, and by one that nobody reads any more.
        let seconds = format!("2{}", std::process::id());
        fs::create_dir(root.path().join("tool")).unwrap();
        for cut in ["killed", "unread"] {
            let mut check = Script::new(Phase::Check, Duration::from_secs(900));
            check.set_path("root", root.path()).set("link", "tool");
            let run = format!("gate 0 800 0 decides 'sleep {seconds}'");
            check.set("gates", &format!("{run}\nsay one\nsay two\n"));
            let mut child = programs.start_in(&check, temporary.path());
            // And is no longer on its way from one program to the next.
            eventually("the gate runs", || {
                processes_with(&format!("sleep {seconds}")).iter().any(|(_, line)| line.starts_with("sleep "))
            });
            assert_eq!(names(temporary.path()).len(), 1);
            drop(child.stdout.take());
            if cut == "killed" {
                child.kill().unwrap();
            } else {
                let gate = processes_with(&format!("sleep {seconds}"));
                Command::new("kill").args(gate.iter().map(|(pid, _)| pid.to_string())).status().unwrap();
            }
            child.wait().unwrap();
            eventually("what it started ends", || processes_with(&format!("sleep {seconds}")).is_empty());
            eventually("its folder goes", || names(temporary.path()).is_empty());
        }
        // What a machine that went down left is found by the next.
        let dead = root.path().join(".coalmine");
        fs::create_dir_all(&dead).unwrap();
        fs::create_dir_all(temporary.path().join("coalmine.999999999.00ff/deep")).unwrap();
        fs::create_dir_all(temporary.path().join("coalmine.1.00ff")).unwrap();
        fs::create_dir_all(dead.join("lock.999999999.00ff")).unwrap();
        fs::write(dead.join("state.new.999999999.00ff"), "half").unwrap();
        symlink("releases/nowhere", root.path().join(".coalmine-link.999999999.00ff")).unwrap();
        probe = script(Phase::Probe, root.path(), "");
        said(&probe, programs.start_in(&probe, temporary.path()));
        // The first process of all lives.
        assert_eq!(names(temporary.path()), ["coalmine.1.00ff"], "{}", programs.name);
        assert_eq!(names(&dead), Vec::<String>::new());
        assert!(fs::symlink_metadata(root.path().join(".coalmine-link.999999999.00ff")).is_err());
    }
}

#[test]
fn the_number_of_a_gate_is_forgotten_as_soon_as_it_has_ended_since_it_may_be_anothers() {
    for programs in Box::both() {
        let root = temporary();
        for folder in ["tool", "releases", ".coalmine"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let numbers = || -> Vec<String> {
            let folder = root.path().join(".coalmine");
            let kept = names(&folder).into_iter().filter(|name| name.starts_with("run.gate."));
            kept.map(|name| fs::read_to_string(folder.join(name)).unwrap()).collect()
        };
        let check = |command: &str| {
            let mut check = Script::new(Phase::Check, Duration::from_secs(900));
            check.set_path("root", root.path()).set("link", "tool");
            check.set("gates", &format!("gate 0 800 0 decides '{command}'\n"));
            check
        };
        programs.run(&check("true"));
        assert_eq!(numbers(), [""], "{}", programs.name);
        let command = format!("sleep 3{}", std::process::id());
        let mut child = programs.start(&check(&command));
        let runs = || processes_with(&command).iter().any(|(_, line)| line.starts_with("sleep "));
        eventually("the gate runs", runs);
        assert!(numbers().iter().any(|number| !number.is_empty()), "{}", programs.name);
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("what it started ends", || processes_with(&command).is_empty());
        eventually("its number is forgotten", || numbers().iter().all(String::is_empty));
        programs.run(&script(Phase::Probe, root.path(), ""));
        assert_eq!(numbers(), [""; 0], "{}", programs.name);
    }
}

#[test]
fn what_is_written_as_a_killed_script_is_cleared_up_after_keeps_nothing_there() {
    for programs in Box::both() {
        let (root, temporary) = (temporary(), temporary());
        // As where a gate's end is written down between the removal of the files and that of their folder.
        let rm = programs.folder.path().join("rm");
        let met = programs.folder.path().join("met");
        let text = format!(
            "#!/bin/sh\ncase $2 in *coalmine.*) if mkdir '{}' 2>/dev/null; then /usr/bin/rm -rf \"$2\"/*; : >\"$2/code\"; \
             rmdir \"$2\"; exit; fi ;; esac\nexec /usr/bin/rm \"$@\"\n",
            met.display()
        );
        if rm.exists() {
            fs::remove_file(&rm).unwrap();
        }
        fs::write(&rm, text).unwrap();
        fs::set_permissions(&rm, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(root.path().join("tool")).unwrap();
        let mut check = Script::new(Phase::Check, Duration::from_secs(900));
        check.set_path("root", root.path()).set("link", "tool");
        let sleep = format!("sleep 4{}", std::process::id());
        check.set("gates", &format!("gate 0 800 0 decides '{sleep}'"));
        let mut child = programs.start_in(&check, temporary.path());
        eventually("the gate runs", || processes_with(&sleep).iter().any(|(_, line)| line.starts_with("sleep ")));
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("its folder goes", || names(temporary.path()).is_empty());
        assert!(met.exists(), "{}: nothing was written meanwhile", programs.name);
        assert!(processes_with(&sleep).is_empty());
    }
}
