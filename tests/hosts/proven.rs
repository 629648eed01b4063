//! What was proven and not touched since is not hashed again, and what was touched is found, however it was done.

use std::fs::{self, File, FileTimes};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coalmine::host::{Host as _, LockRequest, RealHost, SshSettings, Survey, Switch, TargetSettings, TransferSettings};
use coalmine::model::{Installed, RestsOn, RollBackTarget};
use coalmine::release::StoredRelease;

use crate::stage::{Content, assert_whole, fleet, host, me, release, rollout, target, temporary};

struct Stand {
    state: tempfile::TempDir,
    root: tempfile::TempDir,
}

impl Stand {
    fn new() -> Self {
        Self { state: temporary(), root: temporary() }
    }

    fn host(&self, rehash: Option<Duration>) -> Arc<RealHost> {
        let transfer = TransferSettings { rehash, ..TransferSettings::default() };
        host(&fleet(SshSettings::default(), transfer, target(self.root.path()), self.state.path()), "here")
    }

    fn release(&self, version: &str) -> Arc<StoredRelease> {
        let files = [
            (&b"bin/tool"[..], Content::Program(version)),
            (b"lib/same", Content::Text("as it was")),
            (b"lib/other", Content::Text(version)),
            (b"link", Content::Link("bin/tool")),
        ];
        release(self.state.path(), version, &files)
    }

    fn file(&self, release: &StoredRelease, name: &str) -> PathBuf {
        self.root.path().join("releases").join(release.id.to_string()).join(name)
    }

    fn record(&self, release: &StoredRelease) -> PathBuf {
        self.root.path().join(format!(".coalmine/proven.{}", release.id))
    }
}

fn switch(name: &str) -> Switch {
    Switch { rollout: rollout(name), slot: None, confirm: Duration::ZERO, blames: true }
}

async fn lock(host: &RealHost, name: &str) {
    let lease = Duration::from_secs(60);
    let request = LockRequest { owner: me(), rollout: rollout(name), term: 1, over: None, reason: None, lease };
    host.lock(&request, None).await.unwrap();
}

async fn install(host: &RealHost, release: &Arc<StoredRelease>, name: &str) {
    lock(host, name).await;
    host.prime(release, &rollout(name), &|_| {}).await.unwrap();
    host.activate(&release.id, &switch(name)).await.unwrap();
    host.finalize(&release.id, &rollout(name), None).await.unwrap();
}

/// Gives what an answer rests on, or how the files differ.
async fn asked(host: &RealHost) -> Result<RestsOn, String> {
    let probe = host.probe(&Survey::Files, None).await.unwrap();
    match probe.installed {
        Installed::Release { drift: Some(drift), .. } => Err(drift),
        _ => Ok(probe.proof.unwrap().rests_on),
    }
}

/// Changes bytes of a file and neither its size nor the time of its last edit, as somebody does who wants to hide it.
fn edit(path: &Path) {
    let before = fs::metadata(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(b"X").unwrap();
    file.set_times(FileTimes::new().set_modified(before.modified().unwrap())).unwrap();
    fs::set_permissions(path, before.permissions()).unwrap();
}

const METADATA: Result<RestsOn, String> = Ok(RestsOn::Metadata);
const HASHES: Result<RestsOn, String> = Ok(RestsOn::Hashes);

#[tokio::test]
async fn what_nobody_touched_is_not_hashed_again_and_an_edit_is_found_within_the_second() {
    let stand = Stand::new();
    let host = stand.host(None);
    let one = stand.release("1.0");
    install(&host, &one, "r1").await;
    edit(&stand.file(&one, "lib/same"));
    assert_eq!(asked(&host).await, Err("1 entry differs: lib/same".into()));
    lock(&host, "r2").await;
    assert!(!host.prime(&one, &rollout("r2"), &|_| {}).await.unwrap().already);
    host.activate(&one.id, &switch("r2")).await.unwrap();
    host.finalize(&one.id, &rollout("r2"), None).await.unwrap();
    assert_whole(&one, &stand.root.path().join("tool/."));
    // Its folder was made anew for that: once all of it is hashed.
    assert_eq!([asked(&host).await, asked(&host).await], [HASHES, METADATA]);
    edit(&stand.file(&one, "lib/other"));
    assert_eq!(asked(&host).await, Err("1 entry differs: lib/other".into()));
    fs::write(stand.file(&one, "more"), "x").unwrap();
    assert_eq!(asked(&host).await, Err("1 entry differs, 1 too many: lib/other".into()));
}

#[tokio::test]
async fn a_record_counts_only_where_it_can_be_believed() {
    let stand = Stand::new();
    let host = stand.host(None);
    let one = stand.release("1.0");
    install(&host, &one, "r1").await;
    assert_eq!(asked(&host).await, METADATA);
    assert_eq!(asked(&stand.host(Some(Duration::ZERO))).await, HASHES);
    assert_eq!(asked(&stand.host(Some(Duration::from_secs(3600)))).await, METADATA);
    let path = stand.record(&one);
    let record = fs::read_to_string(&path).unwrap();
    let hashed_at = record.split_whitespace().nth(2).unwrap().to_owned();
    let at = |seconds: i64| record.replacen(&hashed_at, &(hashed_at.parse::<i64>().unwrap() + seconds).to_string(), 1);
    // Hashed two hours ago; and in the future, by a clock that went back since.
    fs::write(&path, at(-7200)).unwrap();
    assert_eq!(asked(&host).await, METADATA);
    assert_eq!(asked(&stand.host(Some(Duration::from_secs(3600)))).await, HASHES);
    fs::write(&path, at(7200)).unwrap();
    assert_eq!([asked(&host).await, asked(&host).await], [HASHES, METADATA]);
    // Of something else, half, none, and one that lies elsewhere.
    fs::write(&path, record.replacen("2 ", "2 0", 1)).unwrap();
    assert_eq!(asked(&host).await, HASHES);
    fs::write(&path, &record.as_bytes()[..record.len() / 2]).unwrap();
    assert_eq!(asked(&host).await, HASHES);
    fs::remove_file(&path).unwrap();
    assert_eq!([asked(&host).await, asked(&host).await], [HASHES, METADATA]);
    let elsewhere = stand.root.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_eq!(asked(&host).await, HASHES);
    if rustix::process::geteuid().is_root() {
        // Another user's.
        assert_eq!(asked(&host).await, METADATA);
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert_eq!(asked(&host).await, HASHES);
    }
}

#[tokio::test]
async fn a_name_that_has_lines_of_a_list_in_it_is_no_line_of_the_list() {
    let stand = Stand::new();
    let host = stand.host(None);
    let one = stand.release("1.0");
    install(&host, &one, "r1").await;
    // It begins where the other leads, and goes on with what would be the line of that.
    let link = stand.file(&one, "link");
    fs::remove_file(&link).unwrap();
    symlink("bin/tool\n./link\nbin/tool", &link).unwrap();
    assert_eq!(asked(&host).await, Err("1 entry differs: link".into()));
    fs::write(stand.file(&one, "lib/more\nf0644 9 1 same"), "x").unwrap();
    assert_eq!(asked(&host).await, Err("1 entry differs, 1 too many: link".into()));
    lock(&host, "r2").await;
    assert!(!host.prime(&one, &rollout("r2"), &|_| {}).await.unwrap().already);
    host.activate(&one.id, &switch("r2")).await.unwrap();
    assert_whole(&one, &stand.root.path().join("tool/."));
}

#[tokio::test]
async fn what_another_release_shares_stays_proven_and_what_was_edited_before_does_not() {
    let stand = Stand::new();
    let host = stand.host(None);
    let releases: Vec<_> = ["1.0", "2.0", "3.0", "4.0", "5.0"].map(|version| stand.release(version)).into();
    for (release, name) in releases.iter().zip(["r1", "r2", "r3", "r4"]) {
        if name == "r4" {
            // Of a rollout that ended in the middle of a switch that was to be confirmed.
            symlink("releases/none", stand.root.path().join(".coalmine/back.other")).unwrap();
        }
        install(&host, release, name).await;
        // Also where one was removed whose files it shared.
        assert_eq!(asked(&host).await, METADATA, "{}", release.id);
    }
    assert!(!stand.record(&releases[0]).exists(), "the record of a release that was pruned is left");
    lock(&host, "r5").await;
    let back = RollBackTarget::Release { id: releases[2].id.clone() };
    host.roll_back(&back, None, &switch("r5")).await.unwrap();
    assert_eq!(asked(&host).await, METADATA);
    // What was edited before its files got another link is not taken into the next record.
    edit(&stand.file(&releases[2], "lib/same"));
    host.prime(&releases[4], &rollout("r5"), &|_| {}).await.unwrap();
    assert_whole(&releases[4], &stand.file(&releases[4], "."));
    assert_eq!(asked(&host).await, Err("1 entry differs: lib/same".into()));
}

#[tokio::test]
async fn what_a_release_shares_with_a_proven_one_rests_on_its_proof_and_what_changed_meanwhile_is_hashed() {
    let stand = Stand::new();
    let host = stand.host(None);
    let [one, two, three] = ["1.0", "2.0", "3.0"].map(|version| stand.release(version));
    install(&host, &one, "r1").await;
    let hashed_at = |release| -> i64 {
        let record = fs::read_to_string(stand.record(release)).unwrap();
        record.split_whitespace().nth(2).unwrap().parse().unwrap()
    };
    let long_ago = hashed_at(&one) - 7200;
    let record = fs::read_to_string(stand.record(&one)).unwrap();
    let aged = record.replacen(&hashed_at(&one).to_string(), &long_ago.to_string(), 1);
    fs::write(stand.record(&one), aged).unwrap();
    install(&host, &two, "r2").await;
    assert_eq!(asked(&host).await, METADATA);
    // Part of it was hashed then, so it is no younger than that.
    assert_eq!([hashed_at(&one), hashed_at(&two)], [long_ago, long_ago]);
    lock(&host, "r3").await;
    let edited = AtomicBool::new(false);
    let shared = stand.file(&two, "lib/same");
    let edit_once = |_| {
        if !edited.swap(true, Ordering::Relaxed) {
            edit(&shared);
        }
    };
    host.prime(&three, &rollout("r3"), &edit_once).await.unwrap();
    assert!(edited.load(Ordering::Relaxed), "nothing was told while it travelled");
    assert_whole(&three, &stand.file(&three, "."));
    // What travelled anew was hashed, and the rest is what it was when the links were made.
    assert_eq!(hashed_at(&three), long_ago);
    assert_eq!(asked(&host).await, Err("1 entry differs: lib/same".into()));
}

#[tokio::test]
async fn what_changed_meanwhile_and_has_no_sum_is_never_taken_from_the_proof_of_another() {
    let stand = Stand::new();
    let bin = temporary();
    // It hashes all but one file, and says nothing of that.
    let tool = bin.path().join("openssl");
    fs::write(&tool, "#!/bin/sh\n/usr/bin/openssl \"$@\" | grep -v lib/same\nexit 0\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("PATH={}:/usr/bin:/bin", bin.path().display());
    let settings = TargetSettings { r#become: vec!["env".to_owned(), path], ..target(stand.root.path()) };
    let fleet = fleet(SshSettings::default(), TransferSettings::default(), settings, stand.state.path());
    let host = host(&fleet, "here");
    let [one, two] = ["1.0", "2.0"].map(|version| stand.release(version));
    install(&host, &one, "r1").await;
    assert_eq!(asked(&host).await, METADATA);
    lock(&host, "r2").await;
    let shared = stand.file(&one, "lib/same");
    let edited = AtomicBool::new(false);
    let edit_once = |_| {
        if !edited.swap(true, Ordering::Relaxed) {
            edit(&shared);
        }
    };
    host.prime(&two, &rollout("r2"), &edit_once).await.unwrap();
    assert!(edited.load(Ordering::Relaxed), "nothing was told while it travelled");
    assert_whole(&two, &stand.file(&two, "."));
}

#[tokio::test]
async fn a_proof_that_is_too_old_is_inherited_by_nobody() {
    let stand = Stand::new();
    let [one, two] = ["1.0", "2.0"].map(|version| stand.release(version));
    let host = stand.host(Some(Duration::from_secs(3600)));
    install(&host, &one, "r1").await;
    let record = fs::read_to_string(stand.record(&one)).unwrap();
    let hashed_at = record.split_whitespace().nth(2).unwrap();
    let long_ago = (hashed_at.parse::<i64>().unwrap() - 7200).to_string();
    fs::write(stand.record(&one), record.replacen(hashed_at, &long_ago, 1)).unwrap();
    install(&host, &two, "r2").await;
    let record = fs::read_to_string(stand.record(&two)).unwrap();
    assert!(record.split_whitespace().nth(2).unwrap() > long_ago.as_str(), "{:?}", record.lines().next());
}

#[test]
fn the_time_of_a_session_is_never_ahead_of_the_clock() {
    // Both counts are cut to seconds, wherever in one it is asked first; a proof of the next second would not be believed.
    let script = format!(
        "{}\nleft=300 ahead=0\nwhile [ $left -gt 0 ]; do\n    ask_time\n    now=$(date +%s)\n    \
         [ \"$time\" -le \"$now\" ] || ahead=$((ahead + 1))\n    [ $((left % 100)) -ne 0 ] || {{ asked_at=''; sleep 0.37; ask_time; }}\n    \
         sleep 0.01\n    left=$((left - 1))\ndone\necho \"ahead $ahead\"\n",
        include_str!("../../assets/remote/prelude.sh")
    );
    let ran = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "ahead 0\n", "{}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test]
async fn what_is_edited_between_its_proof_and_the_links_of_it_is_hashed_and_mended() {
    let stand = Stand::new();
    let bin = temporary();
    let tool = bin.path().join("cp");
    let edit = "chmod u+w \"$2/lib/same\"; printf edited | dd of=\"$2/lib/same\" conv=notrunc 2>/dev/null; sleep 0.1";
    fs::write(&tool, format!("#!/bin/sh\ncase $1 in -al) {edit} ;; esac\nexec /usr/bin/cp \"$@\"\n")).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("PATH={}:/usr/bin:/bin", bin.path().display());
    let settings = TargetSettings { r#become: vec!["env".to_owned(), path], ..target(stand.root.path()) };
    let fleet = fleet(SshSettings::default(), TransferSettings::default(), settings, stand.state.path());
    let host = host(&fleet, "here");
    let [one, two] = ["1.0", "2.0"].map(|version| stand.release(version));
    install(&host, &one, "r1").await;
    lock(&host, "r2").await;
    host.prime(&two, &rollout("r2"), &|_| {}).await.unwrap();
    assert_whole(&two, &stand.file(&two, "."));
    assert_eq!(asked(&host).await, Err("1 entry differs: lib/same".into()));
}
