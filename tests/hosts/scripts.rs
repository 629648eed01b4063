//! The scripts that run on hosts, under dash with coreutils and under busybox with nothing else.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::stage::{
    Content, assert_whole, current, eventually, fleet, host, host_log, me, noise, processes_with, release, rollout,
    target, temporary,
};
use coalmine::host::script::{Phase, Script};
use coalmine::host::{
    Host as _, HostError, LockRequest, RealFleet, RealHost, SshSettings, Survey, Switch, TargetSettings,
    TransferSettings,
};
use coalmine::manifest::Manifest;
use coalmine::model::{Failure, Installed, ReleaseId, RollBackTarget, Slot, Verify};
use coalmine::release::StoredRelease;

/// The programs of a host.
struct Box {
    name: &'static str,
    path: String,
    folder: tempfile::TempDir,
}

impl Box {
    /// dash, and what a usual host has.
    fn dash() -> Self {
        let folder = temporary();
        symlink("/usr/bin/dash", folder.path().join("sh")).unwrap();
        Self { name: "dash", path: format!("{}:/usr/bin:/bin", folder.path().display()), folder }
    }

    /// busybox, rsync, and nothing else.
    fn busybox() -> Self {
        let folder = temporary();
        let status = Command::new("busybox").args(["--install", "-s"]).arg(folder.path()).status().unwrap();
        assert!(status.success());
        for applet in fs::read_dir(folder.path()).unwrap().flatten() {
            // It would name itself by the path that it was started by.
            fs::remove_file(applet.path()).unwrap();
            symlink("/usr/bin/busybox", applet.path()).unwrap();
        }
        symlink("/usr/bin/rsync", folder.path().join("rsync")).unwrap();
        Self { name: "busybox", path: folder.path().display().to_string(), folder }
    }

    fn both() -> [Self; 2] {
        [Self::dash(), Self::busybox()]
    }

    /// A fleet of this machine with these programs.
    fn fleet(&self, root: &Path, state: &Path) -> RealFleet {
        self.fleet_with(target(root), TransferSettings::default(), state)
    }

    fn fleet_with(&self, target: TargetSettings, transfer: TransferSettings, state: &Path) -> RealFleet {
        let r#become = vec!["/usr/bin/env".to_owned(), format!("PATH={}", self.path)];
        fleet(SshSettings::default(), transfer, TargetSettings { r#become, ..target }, state)
    }

    /// Starts a script by hand.
    fn start(&self, script: &Script) -> Child {
        self.start_in(script, &std::env::temp_dir())
    }

    /// Starts a script by hand, with a folder of its own for what is temporary.
    fn start_in(&self, script: &Script, temporary: &Path) -> Child {
        let mut child = Command::new(self.folder.path().join("sh"))
            .arg("-s")
            .env("PATH", &self.path)
            .env("TMPDIR", temporary)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&script.text()).unwrap();
        child
    }

    /// Runs a script by hand and gives what it said.
    fn run(&self, script: &Script) -> Vec<String> {
        said(script, self.start(script))
    }
}

fn said(script: &Script, child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(complaints.is_empty(), "{:?}: {complaints}", script.phase);
    text.lines().filter_map(|line| line.strip_prefix(&script.token)).map(|line| line.trim().to_owned()).collect()
}

fn script(phase: Phase, root: &Path, rollout: &str) -> Script {
    let mut script = Script::new(phase, Duration::from_secs(60));
    script
        .set_path("root", root)
        .set("link", "tool")
        .set("rollout", rollout)
        .set("owner", "me@here")
        .set("lease", "60")
        .set("verify", "full")
        .set("deep", "no");
    script
}

fn lock(name: &str) -> LockRequest {
    LockRequest {
        owner: me(),
        rollout: rollout(name),
        term: 1,
        over: None,
        reason: None,
        lease: Duration::from_secs(60),
    }
}

fn switch(name: &str) -> Switch {
    Switch { rollout: rollout(name), slot: None, confirm: Duration::ZERO }
}

fn failed(error: HostError) -> Failure {
    match error {
        HostError::Failed(failure) => *failure,
        other => panic!("{other}"),
    }
}

/// A release with names that shells stumble over.
fn odd(state: &Path, version: &str) -> Arc<StoredRelease> {
    let names: [&[u8]; 21] = [
        b"plain",
        b"#a comment to rsync",
        b";another",
        b"- a rule",
        b"+ *",
        b"@:",
        b" leading and  double space ",
        b"-rf",
        b"*",
        b"it's \"quoted\"",
        b"line\nfeed",
        b"ends in a line feed\n",
        b"\n",
        b"tab\there",
        b"back\\slash",
        b"\\012",
        b"carriage\r",
        b"latin-\xe9\xff",
        b"$(touch x);`id`",
        b"%s%n",
        b"\x7f\x1b[31m",
    ];
    let mut files = Vec::new();
    let paths: Vec<_> = names.iter().flat_map(|name| [name.to_vec(), [b"dir/", *name, b"/", *name].concat()]).collect();
    for path in &paths {
        files.push((path.as_slice(), Content::Bytes([version.as_bytes(), path].concat())));
    }
    files.push((b"tool", Content::Program("#!/bin/sh\n")));
    files.push((b"empty", Content::Folder));
    files.push((b"dir/line\nfeed/link", Content::Link("line\nfeed")));
    release(state, version, &files)
}

fn simple(state: &Path, version: &str) -> Arc<StoredRelease> {
    release(
        state,
        version,
        &[
            (b"bin/tool", Content::Program(&format!("#!/bin/sh\necho {version}\n"))),
            (b"lib/same", Content::Bytes(noise(3, 200_000))),
            (b"link", Content::Link("bin/tool")),
        ],
    )
}

fn folder(root: &Path, release: &StoredRelease) -> PathBuf {
    root.join("releases").join(release.id.to_string())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

async fn settled(host: &RealHost, release: &Arc<StoredRelease>, name: &str) {
    host.lock(&lock(name), None).await.unwrap();
    host.prime(release, &rollout(name), &|_| {}).await.unwrap();
    host.activate(&release.id, &switch(name)).await.unwrap();
    host.finalize(&release.id, &rollout(name), None).await.unwrap();
}

async fn drift(host: &RealHost) -> Option<String> {
    match host.probe(&Survey::Deep, None).await.unwrap().installed {
        Installed::Release { drift, .. } => drift,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_part_has_a_function_that_another_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote");
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // These two are never sent together with what does the same otherwise.
        let is_alone = path.ends_with("bootstrap.sh") || path.ends_with("dead_man.sh");
        if is_alone || path.extension().is_none_or(|end| end != "sh") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        names.extend(text.lines().filter_map(|line| Some(line.strip_suffix("() {")?.to_owned())));
    }
    names.sort_unstable();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1], "the later one would be in the place of the other");
    }
}

#[test]
fn shellcheck_has_nothing_to_say() {
    for phase in Phase::ALL {
        let mut script = script(phase, Path::new("/srv"), "r1");
        // What each phase is told besides; the dead man's switch is looked at by itself.
        script.set("dead_man", "x");
        for name in [
            "id",
            "digest",
            "base",
            "need_kib",
            "need_inodes",
            "goal",
            "confirm",
            "to",
            "keep",
            "python_series",
            "machine",
        ] {
            script.set(name, "x");
        }
        script.set("gates", "gate 0 1 0 dry true '' || return 0\n").set("removals", "").set("stale", "");
        shellcheck(&format!("{phase:?}"), &script.text());
    }
    shellcheck("the dead man's switch", include_bytes!("../../assets/remote/dead_man.sh"));
}

fn shellcheck(what: &str, text: &[u8]) {
    let mut child = Command::new("shellcheck")
        // Shared parts: not every phase uses all of them, and functions are called by others. -ef and -nt are of POSIX.1-2024.
        .args(["--shell=sh", "--exclude=SC2034,SC2317,SC2329,SC3013", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{what}:\n{}", String::from_utf8_lossy(&output.stdout));
}

/// A pipeline tells of its last command only: in a `$(…)` what its first one did not say would look like a value.
#[test]
fn no_value_comes_out_of_a_pipeline() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote");
    let mut found = Vec::new();
    for script in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if script.extension().is_none_or(|extension| extension != "sh") {
            continue;
        }
        for (at, line) in fs::read_to_string(&script).unwrap().lines().enumerate() {
            // What the shell prints itself, to a function that says whether it could read it.
            let values = line.split("$(").skip(1).map(|value| value.replace("||", "").replace("| hex)", ""));
            if values.into_iter().any(|value| value.split(')').next().unwrap().contains('|')) {
                found.push(format!("{}:{}: {line}", script.display(), at + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn odd_names_survive_every_phase() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let (one, two) = (odd(state.path(), "1.0"), odd(state.path(), "2.0"));
        settled(&host, &one, "r1").await;
        assert_whole(&one, &folder(root.path(), &one));
        assert_eq!(drift(&host).await, None, "{}", programs.name);
        settled(&host, &two, "r2").await;
        assert_whole(&two, &folder(root.path(), &two));
        assert_whole(&one, &folder(root.path(), &one));
        assert_eq!(drift(&host).await, None, "{}", programs.name);
    }
}

#[tokio::test]
async fn every_kind_of_drift_is_seen_and_mended_while_readers_never_miss_the_link() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 14] = [
        ("set-id", |f| fs::set_permissions(f.join("tool"), fs::Permissions::from_mode(0o4555)).unwrap()),
        ("set-group-id", |f| fs::set_permissions(f.join("line\nfeed"), fs::Permissions::from_mode(0o2444)).unwrap()),
        ("written by anybody", |f| fs::set_permissions(f.join("plain"), fs::Permissions::from_mode(0o646)).unwrap()),
        ("folder of anybody", |f| fs::set_permissions(f.join("empty"), fs::Permissions::from_mode(0o1777)).unwrap()),
        ("comment", |f| rewrite(&f.join("#a comment to rsync"), b"2")),
        ("content", |f| rewrite(&f.join("plain"), b"2")),
        ("odd content", |f| rewrite(&f.join("line\nfeed"), b"2")),
        ("missing", |f| fs::remove_file(f.join("plain")).unwrap()),
        ("extra", |f| fs::write(f.join("ex\ntra"), b"").unwrap()),
        ("extra folder", |f| fs::create_dir_all(f.join("-x/y")).unwrap()),
        ("mode", |f| fs::set_permissions(f.join("tool"), fs::Permissions::from_mode(0o644)).unwrap()),
        ("kind", |f| {
            fs::remove_file(f.join("plain")).unwrap();
            fs::create_dir_all(f.join("plain/deep")).unwrap();
        }),
        ("link", |f| {
            fs::remove_file(f.join("dir/line\nfeed/link")).unwrap();
            symlink("line", f.join("dir/line\nfeed/link")).unwrap();
        }),
        ("manifest", |f| rewrite(&f.join("MANIFEST"), b"x")),
    ];
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let one = odd(state.path(), "1.0");
        settled(&host, &one, "r0").await;
        let stop = Arc::new(AtomicBool::new(false));
        let reader = read_all_the_time(root.path(), &stop);
        for (what, damage) in damages {
            damage(&folder(root.path(), &one));
            let what = format!("{} {what}", programs.name);
            if !what.ends_with("manifest") {
                assert!(drift(&host).await.is_some(), "{what} was not seen");
            }
            host.lock(&lock("r1"), None).await.unwrap();
            let primed = host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
            assert!(!primed.already, "{what} was taken for whole");
            assert!(host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap().already, "{what}");
            host.activate(&one.id, &switch("r1")).await.unwrap();
            assert_eq!(drift(&host).await, None, "{what}");
            assert_whole(&one, &folder(root.path(), &one));
            assert_eq!(current(root.path()), Path::new("releases").join(one.id.to_string()));
            assert_eq!(names(&root.path().join("releases")), [one.id.to_string()], "{what}");
        }
        stop.store(true, Ordering::Relaxed);
        let (reads, misses) = reader.join().unwrap();
        assert!(reads > 100 && misses == 0, "{misses} of {reads} reads found nothing");
    }
}

/// Changes a file in place, as somebody with an editor does.
fn rewrite(path: &Path, content: &[u8]) {
    let mode = fs::metadata(path).unwrap().permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.write_all(content).unwrap();
    drop(file);
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Looks through the link all the time; counts the looks, and those that found nothing.
fn read_all_the_time(root: &Path, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<(u64, u64)> {
    let (link, stop) = (root.join("tool/."), Arc::clone(stop));
    std::thread::spawn(move || {
        let (mut reads, mut misses) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            reads += 1;
            misses += u64::from(fs::metadata(&link).is_err());
            std::thread::sleep(Duration::from_micros(50));
        }
        (reads, misses)
    })
}

#[tokio::test]
async fn a_rollback_repairs_its_target_from_the_store_or_refuses_it() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
        settled(&host, &one, "r1").await;
        host.lock(&lock("r2"), None).await.unwrap();
        host.prime(&two, &rollout("r2"), &|_| {}).await.unwrap();
        host.activate(&two.id, &switch("r2")).await.unwrap();
        let back = RollBackTarget::Release { id: one.id.clone() };
        rewrite(&folder(root.path(), &one).join("bin/tool"), b"broken");
        let failure = failed(host.roll_back(&back, None, &switch("r2")).await.unwrap_err());
        assert!(failure.message.contains("is not whole: 1 entry differs: bin/tool"), "{failure:?}");
        assert_eq!(current(root.path()), Path::new("releases").join(two.id.to_string()));
        host.roll_back(&back, Some(&one), &switch("r2")).await.unwrap();
        assert_eq!(current(root.path()), Path::new("releases").join(one.id.to_string()));
        assert_whole(&one, &folder(root.path(), &one));
        // Gone altogether.
        host.activate(&two.id, &switch("r2")).await.unwrap();
        fs::remove_dir_all(folder(root.path(), &one)).unwrap();
        host.roll_back(&back, Some(&one), &switch("r2")).await.unwrap();
        assert_whole(&one, &folder(root.path(), &one));
    }
}

#[tokio::test]
async fn a_host_that_had_nothing_goes_back_to_nothing() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let one = simple(state.path(), "1.0");
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        host.activate(&one.id, &switch("r1")).await.unwrap();
        for _ in 0..2 {
            host.roll_back(&RollBackTarget::Nothing, None, &switch("r1")).await.unwrap();
            assert!(fs::symlink_metadata(root.path().join("tool")).is_err());
        }
        assert_eq!(host.probe(&Survey::Shallow, None).await.unwrap().installed, Installed::Missing);
    }
}

#[tokio::test]
async fn a_real_folder_is_kept_as_a_release_and_can_be_gone_back_to() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let settings = TargetSettings { version_command: Some("echo tool version 0.9".into()), ..target(root.path()) };
        let fleet = programs.fleet_with(settings, TransferSettings::default(), state.path());
        let host = host(&fleet, "here");
        let old = root.path().join("tool");
        fs::create_dir_all(old.join("bin/we ird\n")).unwrap();
        fs::write(old.join("bin/tool"), "old").unwrap();
        fs::write(old.join("bin/we ird\n/back\\slash\u{1}"), "odd").unwrap();
        fs::write(old.join("MANIFEST"), "its own").unwrap();
        symlink("bin/we ird\n", old.join("li nk")).unwrap();
        let probe = host.probe(&Survey::Deep, None).await.unwrap();
        assert_eq!(probe.installed, Installed::Unmanaged { version: Some("tool version 0.9".into()) });
        let one = simple(state.path(), "1.0");
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let reader = read_all_the_time(root.path(), &stop);
        let adopted = host.activate(&one.id, &switch("r1")).await.unwrap().adopted.unwrap();
        stop.store(true, Ordering::Relaxed);
        let (_, misses) = reader.join().unwrap();
        if programs.name == "dash" {
            // With python3 or a new `mv` two names change places at once.
            assert_eq!(misses, 0, "the link was missing");
        }
        assert_eq!(adopted.version().as_str(), "0.9", "{}", programs.name);
        let kept = root.path().join("releases").join(adopted.to_string());
        assert_eq!(fs::read(kept.join("bin/tool")).unwrap(), b"old");
        assert_eq!(fs::read(kept.join("MANIFEST.before-coalmine")).unwrap(), b"its own");
        // Our own reader takes what awk wrote, and finds the tree as it says.
        let manifest = Manifest::parse(&fs::read(kept.join("MANIFEST")).unwrap()).unwrap();
        manifest.verify_tree(&kept).unwrap();
        assert!(adopted.has_digest(&manifest.digest()));
        assert_eq!(current(root.path()), Path::new("releases").join(one.id.to_string()));
        for _ in 0..2 {
            host.roll_back(&RollBackTarget::Adopted, None, &switch("r1")).await.unwrap();
            assert_eq!(current(root.path()), Path::new("releases").join(adopted.to_string()));
        }
        assert_eq!(drift(&host).await, None);
    }
}

#[tokio::test]
async fn a_link_of_somebody_elses_comes_back_as_it_was() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        fs::create_dir(root.path().join("elsewhere")).unwrap();
        symlink("./elsewhere", root.path().join("tool")).unwrap();
        let one = simple(state.path(), "1.0");
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        assert_eq!(host.activate(&one.id, &switch("r1")).await.unwrap().adopted, None);
        host.roll_back(&RollBackTarget::Adopted, None, &switch("r1")).await.unwrap();
        assert_eq!(current(root.path()), Path::new("./elsewhere"));
    }
}

#[tokio::test]
async fn pruning_keeps_what_matters_and_as_many_as_was_said() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let releases: Vec<_> = (1..=6).map(|n| simple(state.path(), &format!("{n}.0"))).collect();
        // The first is live in a slot, the second primed by another rollout.
        let slot = Slot::new("beta").unwrap();
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&releases[0], &rollout("r1"), &|_| {}).await.unwrap();
        let to_slot = Switch { slot: Some(slot.clone()), ..switch("r1") };
        host.activate(&releases[0].id, &to_slot).await.unwrap();
        host.finalize(&releases[0].id, &rollout("r1"), Some(&slot)).await.unwrap();
        host.lock(&lock("other"), None).await.unwrap();
        host.prime(&releases[1], &rollout("other"), &|_| {}).await.unwrap();
        host.unlock(&rollout("other")).await.unwrap();
        for (n, release) in releases.iter().enumerate().skip(2) {
            settled(&host, release, &format!("r{n}")).await;
        }
        let mut kept: Vec<_> = [0, 1, 4, 5].iter().map(|n: &usize| releases[*n].id.to_string()).collect();
        kept.sort_unstable();
        // Current, good and previous, the slot's and the primed one: more than the three that were asked for.
        assert_eq!(names(&root.path().join("releases")), kept, "{}", programs.name);
        let probe = host.probe(&Survey::Shallow, None).await.unwrap();
        assert_eq!((probe.good.as_ref(), probe.previous.as_ref()), (Some(&releases[5].id), Some(&releases[4].id)));
        let probe = host.probe(&Survey::Shallow, Some(&slot)).await.unwrap();
        assert_eq!(probe.installed.release(), Some(&releases[0].id));
        assert_eq!(probe.good, Some(releases[0].id.clone()));
        assert!(host_log(root.path()).iter().any(|line| line.contains("pruned")));
    }
}

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
        assert!(!names(&root.path().join(".coalmine")).iter().any(|name| name.starts_with("phase.")));
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
        host.activate(&one.id, &confirm(1)).await.unwrap();
        assert_eq!(current(root.path()), to(&one));
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
        host.activate(&two.id, &confirm(1)).await.unwrap();
        host.roll_back(&RollBackTarget::Release { id: one.id.clone() }, None, &switch(name)).await.unwrap();
        eventually("its watcher ends", || processes_with(&format!("sh {name} 1")).is_empty());
        assert_eq!(current(root.path()), to(&one));
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

#[tokio::test]
async fn a_full_disk_is_told_in_numbers_and_changes_nothing() {
    for programs in Box::both() {
        let (state, mount) = (temporary(), temporary());
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(mount.path()).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            // Only root may; the sandbox has a fault for everybody else.
            eprintln!("no tmpfs for who is not root");
            return;
        }
        let root = mount.path().join("root");
        let fleet = programs.fleet(&root, state.path());
        let host = host(&fleet, "here");
        let one = simple(state.path(), "1.0");
        settled(&host, &one, "r1").await;
        let big = release(state.path(), "2.0", &[(b"big", Content::Bytes(noise(1, 4_000_000)))]);
        host.lock(&lock("r2"), None).await.unwrap();
        let failure = failed(host.prime(&big, &rollout("r2"), &|_| {}).await.unwrap_err());
        assert!(
            failure.message.starts_with("needs 4.8 MiB, 1.") && failure.message.contains(" free on /"),
            "{failure:?}"
        );
        // Full to the last byte: nothing is switched, and what could not be written is told.
        let two = simple(state.path(), "1.1");
        host.prime(&two, &rollout("r2"), &|_| {}).await.unwrap();
        assert!(fs::write(mount.path().join("filler"), noise(2, 3_000_000)).is_err());
        let failure = failed(host.activate(&two.id, &switch("r2")).await.unwrap_err());
        assert!(failure.message.contains("No space left") && failure.hint.is_some(), "{failure:?}");
        assert_eq!(current(&root), Path::new("releases").join(one.id.to_string()));
        assert_whole(&one, &root.join("tool/."));
        host.activate(&one.id, &switch("r2")).await.unwrap();
        // The shell of the last step may be a moment behind its word.
        eventually("nothing is in there", || {
            Command::new("umount").arg(mount.path()).stderr(Stdio::null()).status().unwrap().success()
        });
    }
}

#[tokio::test]
async fn files_of_a_release_cannot_be_written_and_share_their_inodes() {
    let programs = Box::dash();
    let (state, root) = (temporary(), temporary());
    let transfer = TransferSettings { verify: Verify::Changed, ..TransferSettings::default() };
    let fleet = programs.fleet_with(target(root.path()), transfer, state.path());
    let host = host(&fleet, "here");
    let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
    settled(&host, &one, "r1").await;
    settled(&host, &two, "r2").await;
    let same = |release: &StoredRelease| fs::metadata(folder(root.path(), release).join("lib/same")).unwrap();
    assert_eq!(same(&one).ino(), same(&two).ino());
    assert_eq!(same(&one).permissions().mode() & 0o777, 0o444);
    let tool = fs::metadata(folder(root.path(), &two).join("bin/tool")).unwrap();
    assert_eq!(tool.permissions().mode() & 0o777, 0o555);
}

#[tokio::test]
async fn a_release_that_only_the_host_knows_still_serves_to_link_from() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let (one, two) = (simple(state.path(), "1.0"), simple(state.path(), "2.0"));
        settled(&host, &one, "r1").await;
        // The store forgets it.
        fs::remove_dir_all(state.path().join("releases").join(one.id.to_string())).unwrap();
        host.lock(&lock("r2"), None).await.unwrap();
        let primed = host.prime(&two, &rollout("r2"), &|_| {}).await.unwrap();
        assert!(primed.bytes.0 < 20_000, "{primed:?}");
        assert_whole(&two, &folder(root.path(), &two));
        assert_whole(&one, &folder(root.path(), &one));
    }
}

#[tokio::test]
async fn an_interpreter_that_is_not_there_is_told_before_anything_travels() {
    let programs = Box::dash();
    let (state, root) = (temporary(), temporary());
    let fleet = programs.fleet(root.path(), state.path());
    let host = host(&fleet, "here");
    let needs = |path: &Path, version: &str, machine: &str| {
        let mut release = StoredRelease::clone(&simple(state.path(), &format!("1.{}", next_number())));
        let (path, version, machine) = (path.to_path_buf(), version.to_owned(), machine.to_owned());
        release.interpreter = Some(coalmine::release::Interpreter { path, version, machine });
        Arc::new(release)
    };
    let fake = root.path().join("python3.11");
    fs::write(&fake, "#!/bin/sh\necho Python 3.11.9\n").unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    host.lock(&lock("r1"), None).await.unwrap();
    for (release, message) in [
        (needs(Path::new("/no/python3"), "3.11.2", &machine), "needs /no/python3, which is not there".to_owned()),
        (needs(&fake, "3.12.1", &machine), format!("needs Python 3.12, {} is Python 3.11.9", fake.display())),
        (needs(&fake, "3.11.2", "vax"), format!("was built for vax, the host is {machine}")),
    ] {
        assert_eq!(failed(host.prime(&release, &rollout("r1"), &|_| {}).await.unwrap_err()).message, message);
    }
    host.prime(&needs(&fake, "3.11.2", &machine), &rollout("r1"), &|_| {}).await.unwrap();
}

/// Counts, so that every release has a version of its own.
fn next_number() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test]
async fn a_release_of_thousands_of_files_is_proven_and_mended() {
    // More names than fit into one command's arguments.
    let path = |n: usize| format!("lib/a folder {}/a name of some length {n}", n % 300).into_bytes();
    let tree = |range: std::ops::Range<usize>| range.map(|n| (path(n), n)).collect::<Vec<_>>();
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let make = |version: &str, range| {
            let tree = tree(range);
            let content = |n: &usize| Content::Bytes(n.to_string().into_bytes());
            let files: Vec<_> = tree.iter().map(|(path, n)| (path.as_slice(), content(n))).collect();
            release(state.path(), version, &files)
        };
        let (one, two) = (make("1.0", 0..3000), make("2.0", 1500..4000));
        settled(&host, &one, "r1").await;
        assert_eq!(drift(&host).await, None, "{}", programs.name);
        settled(&host, &two, "r2").await;
        assert_whole(&two, &folder(root.path(), &two));
        for n in (1500..4000).step_by(3) {
            fs::remove_file(folder(root.path(), &two).join(std::ffi::OsStr::from_bytes(&path(n)))).unwrap();
        }
        let seen = drift(&host).await.unwrap();
        assert!(seen.starts_with("834 entries differ: lib/a folder "), "{seen}");
        host.lock(&lock("r3"), None).await.unwrap();
        host.prime(&two, &rollout("r3"), &|_| {}).await.unwrap();
        host.activate(&two.id, &switch("r3")).await.unwrap();
        assert_whole(&two, &folder(root.path(), &two));
    }
}
