//! Hosts that take nothing any more: full, without inodes, or mounted read-only.

use std::process::Command;
use std::time::Duration;

use crate::stage::{Content, assert_whole, fleet, host, me, release, rollout, target, temporary};
use coalmine::host::{Host as _, HostError, LockRequest, SshSettings, TargetSettings, TransferSettings};
use coalmine::model::FailureClass;

/// Gives every shell a file system of its own for the root, in which a program prepares it.
fn on_its_own(root: &std::path::Path, options: &str, prepared: &str) -> Vec<String> {
    let script = format!(
        "mount -t tmpfs -o mode=755,{options} none '{root}' && cd '{root}' && {{ {prepared}; }} >/dev/null 2>&1; cd / && exec \"$@\"",
        root = root.display()
    );
    ["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn a_host_that_takes_nothing_any_more_is_told_as_what_it_is_and_not_as_unreachable() {
    let root = temporary();
    let may_mount = on_its_own(root.path(), "size=64k", "true");
    let (program, arguments) = may_mount.split_first().unwrap();
    if !Command::new(program).args(arguments).arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not tried: only root can mount a file system of its own here");
        return;
    }
    let state = temporary();
    for (options, prepared, words) in [
        ("size=64k", "mkdir releases .coalmine; head -c 1000000 /dev/zero >full", "No space left on device"),
        ("size=64k,nr_inodes=4", "mkdir releases .coalmine; touch full", "No space left on device"),
        ("size=64k,nr_inodes=2", "touch full", "No space left on device"),
        ("size=64k", "mkdir releases .coalmine; mount -o remount,ro .", "Read-only file system"),
        ("size=64k", "mount -o remount,ro .", "Read-only file system"),
    ] {
        let r#become = on_its_own(root.path(), options, prepared);
        let settings = TargetSettings { r#become, ..target(root.path()) };
        let fleet = fleet(SshSettings::default(), TransferSettings::default(), settings, state.path());
        let lease = Duration::from_secs(60);
        let request = LockRequest { owner: me(), rollout: rollout("r"), term: 1, over: None, reason: None, lease };
        let refused = host(&fleet, "here").lock(&request, None).await;
        let Err(HostError::Failed(failure)) = refused else { panic!("{options}, {prepared}: {refused:?}") };
        assert_ne!(failure.class, FailureClass::Unreachable, "{options}, {prepared}: {failure:?}");
        assert!(failure.message.contains(words), "{options}, {prepared}: {failure:?}");
        assert!(failure.hint.is_some(), "{options}, {prepared}: {failure:?}");
    }
}

#[tokio::test]
async fn a_small_folder_of_temporary_files_is_left_for_the_root_when_it_is_full() {
    let (root, small) = (temporary(), temporary());
    let on_small = |options: &str| {
        let script = format!(
            "mount -t tmpfs -o {options} none '{small}' && TMPDIR='{small}' exec \"$@\"",
            small = small.path().display()
        );
        ["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
    };
    let may_mount = on_small("size=64k");
    let (program, arguments) = may_mount.split_first().unwrap();
    if !Command::new(program).args(arguments).arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not tried: only root can mount a file system of its own here");
        return;
    }
    let state = temporary();
    // What is written down of so many is more than has room there.
    let names: Vec<String> = (0..2000).map(|n| format!("lib/{n}")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_bytes(), Content::Text("x"))).collect();
    let release = release(state.path(), "1.0", &files);
    let settings = TargetSettings { r#become: on_small("size=96k"), ..target(root.path()) };
    let fleet = fleet(SshSettings::default(), TransferSettings::default(), settings, state.path());
    let host = host(&fleet, "here");
    let lease = Duration::from_secs(60);
    let request = LockRequest { owner: me(), rollout: rollout("r"), term: 1, over: None, reason: None, lease };
    host.lock(&request, None).await.unwrap();
    host.prime(&release, &rollout("r"), &|_| {}).await.unwrap();
    assert_whole(&release, &root.path().join("releases").join(release.id.to_string()));
    let left = std::fs::read_dir(root.path().join(".coalmine")).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with("work.")), "{left:?}");
}
