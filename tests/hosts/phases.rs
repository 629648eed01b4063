//! What each phase does to a host, under dash with coreutils and under busybox with nothing else.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coalmine::host::{GateCheck, Host as _, Survey, Switch, TargetSettings, TransferSettings};
use coalmine::manifest::Manifest;
use coalmine::model::{Installed, RollBackTarget, Slot, Verdict, Verify};
use coalmine::release::StoredRelease;

use crate::programs::{Box, drift, failed, folder, lock, names, settled, simple, switch};
use crate::stage::{
    Content, assert_whole, current, eventually, host, host_log, noise, release, rollout, target, temporary,
};

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
pub(crate) fn rewrite(path: &Path, content: &[u8]) {
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
async fn what_was_good_is_remembered_as_bad_only_where_it_is_why_a_host_goes_back() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let [one, two] = ["1.0", "2.0"].map(|version| simple(state.path(), version));
        settled(&host, &one, "r1").await;
        settled(&host, &two, "r2").await;
        let back = RollBackTarget::Release { id: two.id.clone() };
        for (n, blames) in [(3, false), (4, true)] {
            let name = format!("r{n}");
            host.lock(&lock(&name), None).await.unwrap();
            host.prime(&one, &rollout(&name), &|_| {}).await.unwrap();
            host.activate(&one.id, &switch(&name)).await.unwrap();
            host.roll_back(&back, None, &Switch { blames, ..switch(&name) }).await.unwrap();
            host.unlock(&rollout(&name)).await.unwrap();
            let probe = host.probe(&Survey::Shallow, None).await.unwrap();
            let known = (probe.good.as_ref(), probe.previous.as_ref(), probe.bad.as_slice());
            let expected = if blames {
                (Some(&two.id), None, std::slice::from_ref(&one.id))
            } else {
                (Some(&two.id), Some(&one.id), &[][..])
            };
            assert_eq!(known, expected, "{}", programs.name);
        }
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

#[tokio::test]
async fn a_gate_that_removes_the_release_fails_and_what_is_gone_is_not_called_good() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let one = simple(state.path(), "1.0");
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        host.activate(&one.id, &switch("r1")).await.unwrap();
        let gate = |run: &str| GateCheck {
            name: "cleans".into(),
            run: run.into(),
            environment: vec![],
            timeout: Duration::from_secs(30),
            retries: 3,
            dry: false,
        };
        let removes = gate("chmod -R u+w \"$PWD\"; rm -rf \"$PWD\"; exit 0");
        let reports = host.check(&[gate("true"), removes, gate("true")]).await.unwrap();
        let verdicts: Vec<_> = reports.iter().map(|report| report.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail], "{}", programs.name);
        assert_eq!(reports[1].message, "the release's manifest was gone after it");
        let refused = failed(host.finalize(&one.id, &rollout("r1"), None).await.unwrap_err());
        assert!(refused.message.contains("its manifest is gone"), "{}: {refused}", programs.name);
        let facts = fs::read_to_string(root.path().join(".coalmine/state")).unwrap();
        assert!(!facts.lines().any(|fact| fact.starts_with("good ")), "{}: {facts}", programs.name);
    }
}
