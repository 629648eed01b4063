//! What travels packed, once for all hosts: over a real sshd and a real rsync, and to hosts that lack what it takes.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coalmine::host::{
    Host as _, HostError, LockRequest, Primed, RealHost, SshSettings, Survey, Switch, TargetSettings, TransferSettings,
};
use coalmine::model::{Bytes, PackWhen, Progress, RestsOn};
use coalmine::release::StoredRelease;

use crate::sshd::Sshd;
use crate::stage::{
    Content, assert_whole, eventually, fleet, host, me, noise, processes_with, release, rollout, target, temporary,
};

fn packed(packs: PackWhen) -> TransferSettings {
    TransferSettings { packs, ..TransferSettings::default() }
}

fn text(version: &str) -> String {
    (0..60_000).map(|line| format!("{line} is a line of {version}\n")).collect()
}

fn v1(state: &Path) -> Arc<StoredRelease> {
    let big = text("1.0");
    let files: [(&[u8], Content<'_>); 8] = [
        (b"bin/tool", Content::Program("#!/bin/sh\necho 1.0\n")),
        (b"lib/big", Content::Text(&big)),
        (b"lib/stays", Content::Text("stays")),
        (b"lib/goes", Content::Text("goes")),
        (b"turns", Content::Link("lib")),
        (b"odd/it's \"q\" $(x)\nnew\\line", Content::Text("odd")),
        (b"odd/latin-\xe9", Content::Text("latin")),
        (b"empty", Content::Folder),
    ];
    release(state, "1.0", &files)
}

fn v2(state: &Path) -> Arc<StoredRelease> {
    let big = text("2.0");
    let files: [(&[u8], Content<'_>); 8] = [
        (b"bin/tool", Content::Program("#!/bin/sh\necho 2.0\n")),
        (b"lib/big", Content::Text(&big)),
        (b"lib/stays", Content::Text("stays")),
        (b"turns/into/a folder", Content::Text("file")),
        (b"odd/it's \"q\" $(x)\nnew\\line", Content::Text("odd, too")),
        (b"odd/latin-\xe9", Content::Text("latin")),
        (b"link", Content::Link("lib/../turns/./into//a folder")),
        (b"-rf", Content::Text("dash")),
    ];
    release(state, "2.0", &files)
}

/// Takes the lock and primes; gives what the host's progress was, too.
async fn prime(
    host: &RealHost,
    release: &Arc<StoredRelease>,
    name: &str,
) -> (Result<Primed, HostError>, Vec<Progress>) {
    let lease = Duration::from_secs(60);
    let request = LockRequest { owner: me(), rollout: rollout(name), term: 1, over: None, reason: None, lease };
    host.lock(&request, None).await.unwrap();
    let told = Mutex::new(Vec::new());
    let primed = host.prime(release, &rollout(name), &|now: Progress| told.lock().unwrap().push(now)).await;
    (primed, told.into_inner().unwrap())
}

async fn settled(host: &RealHost, release: &Arc<StoredRelease>, name: &str) -> Primed {
    let primed = prime(host, release, name).await.0.unwrap();
    let switch = Switch { rollout: rollout(name), slot: None, confirm: Duration::ZERO, blames: true };
    host.activate(&release.id, &switch).await.unwrap();
    host.finalize(&release.id, &rollout(name), None).await.unwrap();
    primed
}

fn folder(root: &Path, release: &StoredRelease) -> PathBuf {
    root.join("releases").join(release.id.to_string())
}

/// The packs in a store, by name.
fn packs(state: &Path) -> Vec<String> {
    let names = fs::read_dir(state.join("packs")).into_iter().flatten().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| name.contains(".tar") && !name.starts_with("from-"));
    names.sort();
    names
}

/// What is on a host that a rollout may not leave there.
fn litter(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join("releases")).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

async fn rests_on(host: &RealHost) -> RestsOn {
    host.probe(&Survey::Files, None).await.unwrap().proof.unwrap().rests_on
}

#[tokio::test]
async fn a_release_and_a_difference_travel_in_one_file_that_is_made_once_for_all_hosts() {
    let sshd = Sshd::start("");
    let state = temporary();
    let roots = [temporary(), temporary()];
    let (one, two) = (v1(state.path()), v2(state.path()));
    let mut made = Vec::new();
    for root in &roots {
        let fleet = fleet(sshd.ssh(), packed(PackWhen::Always), target(root.path()), state.path());
        let host = host(&fleet, "box");
        let (first, told) = prime(&host, &one, "r1").await;
        let first = first.unwrap();
        assert!(first.packed && first.files == 1 && first.bytes < Bytes(700_000), "{first:?}");
        // What is told is the pack's bytes, to the last.
        let last = told.last().unwrap();
        let name = packs(state.path()).into_iter().find(|name| made.is_empty() || made.contains(name)).unwrap();
        let length = fs::metadata(state.path().join("packs").join(&name)).unwrap().len();
        assert!(told.is_sorted_by(|a, b| a.bytes <= b.bytes) && name.ends_with(".tar.zst"), "{told:?}");
        assert!(last.bytes == last.total && (!made.is_empty() || last.total == Bytes(length)), "{last:?} of {length}");
        assert_whole(&one, &folder(root.path(), &one));
        settled(&host, &one, "r1").await;
        // What came with it is of no account, in names that are spelled otherwise neither.
        assert_eq!(rests_on(&host).await, RestsOn::Metadata);
        let second = settled(&host, &two, "r2").await;
        assert!(second.packed && second.files == 1 && second.bytes < Bytes(700_000), "{second:?}");
        assert_eq!(rests_on(&host).await, RestsOn::Metadata);
        assert_whole(&two, &folder(root.path(), &two));
        assert_whole(&one, &folder(root.path(), &one));
        let inode = |release, file| fs::metadata(folder(root.path(), release).join(file)).unwrap().ino();
        assert_eq!(inode(&one, "lib/stays"), inode(&two, "lib/stays"), "what stays is not linked");
        assert_eq!(litter(root.path()), Vec::<PathBuf>::new());
        // There already.
        let again = prime(&host, &two, "r3").await.0.unwrap();
        assert!(again.already && !again.packed, "{again:?}");
        let now: Vec<_> = packs(state.path());
        assert!(now.len() == 2 && (made.is_empty() || made == now), "{made:?} became {now:?}");
        made = now;
        host.close().await;
    }
}

#[tokio::test]
async fn little_goes_file_by_file_and_so_does_a_large_file_of_which_little_changed() {
    let sshd = Sshd::start("");
    let (state, root) = (temporary(), temporary());
    let fleet = fleet(sshd.ssh(), packed(PackWhen::Auto), target(root.path()), state.path());
    let host = host(&fleet, "box");
    let small = release(state.path(), "1.0", &[(b"file", Content::Text("small"))]);
    assert!(!settled(&host, &small, "r1").await.packed);
    let mut large = noise(1, 1_500_000);
    let two = release(state.path(), "2.0", &[(b"large", Content::Bytes(large.clone()))]);
    let whole = settled(&host, &two, "r2").await;
    assert!(whole.packed, "{whole:?}");
    large.extend_from_slice(b"a little more");
    let three = release(state.path(), "3.0", &[(b"large", Content::Bytes(large))]);
    let little = settled(&host, &three, "r3").await;
    assert!(!little.packed && little.bytes < Bytes(500_000), "{little:?}");
    assert_whole(&three, &folder(root.path(), &three));
    // As from a compiler: rsync would find less of it again than compressing takes away.
    let anew: Vec<u8> = noise(2, 400_000).into_iter().flat_map(|byte| [byte; 4]).collect();
    let four = release(state.path(), "4.0", &[(b"large", Content::Bytes(anew))]);
    let packed = settled(&host, &four, "r4").await;
    assert!(packed.packed && packed.bytes < Bytes(1_000_000), "{packed:?}");
    assert_whole(&four, &folder(root.path(), &four));
}

#[tokio::test]
async fn a_pack_that_was_cut_goes_on_where_it_was() {
    let sshd = Sshd::start("");
    let (state, root) = (temporary(), temporary());
    let one = release(state.path(), "1.0", &[(b"noise", Content::Bytes(noise(7, 3_000_000)))]);
    let slow = TransferSettings { bandwidth: Some(Bytes(400 * 1024)), ..packed(PackWhen::Auto) };
    let cut = fleet(sshd.ssh(), slow, target(root.path()), state.path());
    let cut = host(&cut, "box");
    let staging = root.path().join("releases").join(format!(".{}.r1", one.id));
    let arrived = || -> u64 {
        let files = fs::read_dir(&staging).into_iter().flatten().flatten();
        files.map(|file| file.metadata().map_or(0, |found| found.len())).sum()
    };
    let priming = tokio::spawn({
        let (cut, one) = (Arc::clone(&cut), Arc::clone(&one));
        async move { prime(&cut, &one, "r1").await.0 }
    });
    let begun = std::time::Instant::now();
    while arrived() < 800_000 {
        assert!(begun.elapsed() < Duration::from_secs(90) && !priming.is_finished(), "{} arrived", arrived());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    priming.abort();
    assert!(priming.await.is_err());
    cut.close().await;
    let name = staging.to_string_lossy().into_owned();
    eventually("rsync ends with its link", || processes_with(&name).is_empty());
    let before = arrived();
    assert!((700_000..2_900_000).contains(&before), "{before}");
    let next = fleet(sshd.ssh(), packed(PackWhen::Auto), target(root.path()), state.path());
    let (primed, told) = prime(&host(&next, "box"), &one, "r1").await;
    let primed = primed.unwrap();
    assert!(primed.packed && primed.bytes.0 < 3_000_000 - before + 300_000, "{primed:?} after {before}");
    assert!(told.first().unwrap().bytes.0 >= before, "it began anew: {told:?}");
    assert!(told.last().unwrap().total > Bytes(3_000_000), "{told:?}");
    assert_whole(&one, &folder(root.path(), &one));
    assert_eq!(litter(root.path()), Vec::<PathBuf>::new());
}

/// Primes a host on which what writes the pack is killed once, with a part of it written; gives where the next went on, too.
async fn prime_in_two(ssh: impl Fn(&Sshd, &Path) -> SshSettings) -> (Primed, Vec<Progress>, String) {
    let sshd = Sshd::start("");
    let (state, root) = (temporary(), temporary());
    let one = release(state.path(), "1.0", &[(b"noise", Content::Bytes(noise(7, 3_000_000)))]);
    let (helper, from) = (root.path().join("helper"), root.path().join("from"));
    let script = format!(
        "#!/bin/sh\nif [ $# = 7 ]; then [ -e {from} ] || {{ : >{from}; head -c 1000000 >\"$5/$6\"; kill -KILL $$; }}; \
         echo $7 >{from}; fi\nexec \"$@\"\n",
        from = from.display()
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let target = TargetSettings { r#become: vec![helper.display().to_string()], ..target(root.path()) };
    let fleets =
        [(); 2].map(|()| fleet(ssh(&sshd, state.path()), packed(PackWhen::Always), target.clone(), state.path()));
    // Where connections are shared the other process is on it, too.
    let [other, own] = fleets.each_ref().map(|fleet| host(fleet, "box"));
    other.probe(&Survey::Shallow, None).await.unwrap();
    let (primed, told) = prime(&own, &one, "r1").await;
    assert_whole(&one, &folder(root.path(), &one));
    (primed.unwrap(), told, fs::read_to_string(from).unwrap())
}

#[tokio::test]
async fn what_travelled_of_a_pack_is_all_that_its_attempts_brought() {
    let (primed, told, from) = prime_in_two(|sshd, _| sshd.ssh()).await;
    assert!(primed.packed && primed.retries == 1 && from == "1000000\n", "{primed:?} from {from}");
    assert_eq!(primed.bytes, told.last().unwrap().total);
}

#[tokio::test]
async fn a_pack_that_was_cut_on_a_shared_connection_goes_on_where_it_was() {
    let share = |sshd: &Sshd, state: &Path| SshSettings { share: Some(state.to_owned()), ..sshd.ssh() };
    let (primed, told, from) = prime_in_two(share).await;
    assert!(primed.packed && from == "1000000\n", "{primed:?} from {from}");
    assert_eq!(primed.bytes, told.last().unwrap().total);
}

/// A host of this machine that has the tools that are needed, and some more.
struct Stand {
    state: tempfile::TempDir,
    root: tempfile::TempDir,
    bin: tempfile::TempDir,
}

impl Stand {
    fn new(more: &[&str]) -> Self {
        let [state, root, bin] = [(); 3].map(|()| temporary());
        let (_, tools) = include_str!("../../assets/remote/prelude.sh").split_once("\ntools='").unwrap();
        let tools = tools.split_once('\'').unwrap().0.split_whitespace().chain(more.iter().copied());
        for tool in tools {
            symlink(format!("/usr/bin/{tool}"), bin.path().join(tool)).unwrap();
        }
        symlink("/usr/bin/dash", bin.path().join("sh")).unwrap();
        Self { state, root, bin }
    }

    /// Puts a program in the place of one of its tools.
    fn replace(&self, tool: &str, text: &str) {
        let path = self.bin.path().join(tool);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn host(&self, transfer: TransferSettings) -> Arc<RealHost> {
        let r#become = vec!["/usr/bin/env".to_owned(), format!("PATH={}", self.bin.path().display())];
        let settings = TargetSettings { r#become, ..target(self.root.path()) };
        host(&fleet(SshSettings::default(), transfer, settings, self.state.path()), "here")
    }
}

#[tokio::test]
async fn a_host_is_sent_what_it_can_read_and_without_tar_files() {
    for (more, endings) in [
        (&["tar", "zstd", "gzip"][..], &[".tar.zst"; 2][..]),
        (&["tar", "gzip"], &[".tar.gz"; 2]),
        (&["tar"], &[".tar"; 2]),
        (&["zstd", "gzip"], &[]),
        (&[], &[]),
    ] {
        let stand = Stand::new(more);
        let host = stand.host(packed(PackWhen::Always));
        let (one, two) = (v1(stand.state.path()), v2(stand.state.path()));
        for (release, name) in [(&one, "r1"), (&two, "r2")] {
            assert_eq!(settled(&host, release, name).await.packed, !endings.is_empty(), "{more:?}");
            assert_whole(release, &folder(stand.root.path(), release));
        }
        assert_whole(&one, &folder(stand.root.path(), &one));
        let found = packs(stand.state.path());
        let same = found.len() == endings.len() && found.iter().zip(endings).all(|(name, end)| name.ends_with(end));
        assert!(same, "{more:?}: {found:?}");
    }
    // And busybox has a tar of its own.
    let stand = Stand::new(&[]);
    for entry in fs::read_dir(stand.bin.path()).unwrap().flatten() {
        if entry.file_name() != "rsync" {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let listed = Command::new("busybox").arg("--list").output().unwrap();
    for applet in String::from_utf8(listed.stdout).unwrap().lines().filter(|applet| *applet != "rsync") {
        symlink("/usr/bin/busybox", stand.bin.path().join(applet)).unwrap();
    }
    let host = stand.host(packed(PackWhen::Always));
    let (one, two) = (v1(stand.state.path()), v2(stand.state.path()));
    for (release, name) in [(&one, "r1"), (&two, "r2")] {
        let primed = settled(&host, release, name).await;
        assert!(primed.packed && primed.files == 1, "{primed:?}");
        assert_whole(release, &folder(stand.root.path(), release));
    }
    assert_whole(&one, &folder(stand.root.path(), &one));
}

#[tokio::test]
async fn never_is_never() {
    let stand = Stand::new(&["tar", "zstd"]);
    let one = v1(stand.state.path());
    assert!(!settled(&stand.host(packed(PackWhen::Never)), &one, "r1").await.packed);
    assert_eq!(packs(stand.state.path()), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_unpacked_is_sent_file_by_file_and_nothing_is_left_of_it() {
    for (tool, text) in [
        ("zstd", "#!/bin/sh\necho zstd: damaged >&2\nexit 1\n"),
        ("zstd", "#!/bin/sh\n/usr/bin/head -c 10000 /dev/zero\n"),
        // Cut in its middle, as one that was killed.
        ("zstd", "#!/bin/sh\n/usr/bin/zstd \"$@\" | /usr/bin/head -c 5000\n"),
        ("tar", "#!/bin/sh\necho 'tar: No space left on device' >&2\nexit 2\n"),
        ("tar", "#!/bin/sh\nexit 0\n"),
        ("tar", "#!/bin/sh\n/usr/bin/tar \"$@\"\nkill -9 $$\n"),
    ] {
        let stand = Stand::new(&["tar", "zstd"]);
        let (one, two) = (v1(stand.state.path()), v2(stand.state.path()));
        settled(&stand.host(packed(PackWhen::Always)), &one, "r1").await;
        stand.replace(tool, text);
        let host = stand.host(packed(PackWhen::Always));
        settled(&host, &two, "r2").await;
        assert_whole(&two, &folder(stand.root.path(), &two));
        assert_whole(&one, &folder(stand.root.path(), &one));
        assert_eq!(litter(stand.root.path()), Vec::<PathBuf>::new(), "{tool}: {text}");
    }
}

#[tokio::test]
async fn nothing_is_unpacked_through_a_link_that_somebody_put_in_the_way() {
    let outside = temporary();
    for (place, version) in [("lib", "the folder of what changes"), ("turns", "what is to be a folder"), ("odd", "odd")]
    {
        let stand = Stand::new(&["tar", "gzip"]);
        let (one, two) = (v1(stand.state.path()), v2(stand.state.path()));
        settled(&stand.host(packed(PackWhen::Always)), &one, "r1").await;
        let place = folder(stand.root.path(), &one).join(place);
        if place.is_symlink() {
            fs::remove_file(&place).unwrap();
        } else {
            fs::remove_dir_all(&place).unwrap();
        }
        symlink(outside.path(), &place).unwrap();
        // A tool that says that it removed something, and did not.
        stand.replace("rm", "#!/bin/sh\ncase $* in *turns*) exit 0 ;; esac\nexec /usr/bin/rm \"$@\"\n");
        let primed = prime(&stand.host(packed(PackWhen::Always)), &two, "r2").await.0;
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{version}: {primed:?}");
        assert!(primed.is_ok(), "{version}: {primed:?}");
        assert_whole(&two, &folder(stand.root.path(), &two));
    }
}

#[tokio::test]
async fn a_disk_that_has_no_room_for_both_gets_files_and_one_that_is_full_at_unpacking_is_told() {
    let mount = temporary();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "none"]).arg(mount.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TRIED: only root can mount a file system of its own here");
        return;
    }
    let mut stand = Stand::new(&["tar", "zstd"]);
    let outer = std::mem::replace(&mut stand.root, tempfile::TempDir::new_in(mount.path()).unwrap());
    drop(outer);
    // Room for the files, and for the files and the pack not.
    let tight = release(stand.state.path(), "1.0", &[(b"noise", Content::Bytes(noise(3, 7_000_000)))]);
    let primed = settled(&stand.host(packed(PackWhen::Always)), &tight, "r1").await;
    assert!(!primed.packed, "{primed:?}");
    fs::remove_dir_all(stand.root.path().join("releases")).unwrap();
    fs::remove_dir_all(stand.root.path().join(".coalmine")).unwrap();
    fs::remove_file(stand.root.path().join("tool")).unwrap();
    // Room for both, and then somebody takes it.
    let one = v1(stand.state.path());
    let filler = mount.path().join("filler");
    let fill =
        format!("#!/bin/sh\n/usr/bin/cat /dev/zero >'{}' 2>/dev/null\nexec /usr/bin/zstd \"$@\"\n", filler.display());
    stand.replace("zstd", &fill);
    let HostError::Failed(failure) = prime(&stand.host(packed(PackWhen::Always)), &one, "r2").await.0.unwrap_err()
    else {
        panic!("it did not fail")
    };
    assert!(failure.message.contains("no space left") || failure.message.contains("No space left"), "{failure:?}");
    assert!(!folder(stand.root.path(), &one).exists());
    fs::remove_file(&filler).unwrap();
    fs::remove_file(stand.bin.path().join("zstd")).unwrap();
    symlink("/usr/bin/zstd", stand.bin.path().join("zstd")).unwrap();
    prime(&stand.host(packed(PackWhen::Always)), &one, "r2").await.0.unwrap();
    assert_whole(&one, &folder(stand.root.path(), &one));
    drop(stand);
    assert!(Command::new("umount").arg(mount.path()).status().unwrap().success());
}

#[tokio::test]
async fn what_lies_in_folders_that_their_owner_may_not_write_is_upgraded_all_the_same() {
    // Root may write everywhere.
    let (is_root, nobody) =
        (rustix::process::geteuid().is_root(), ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    for packs in [PackWhen::Always, PackWhen::Never] {
        let (state, root) = (temporary(), temporary());
        let mut settings = target(root.path());
        if is_root {
            std::os::unix::fs::chown(root.path(), Some(65534), Some(65534)).unwrap();
            settings.r#become = nobody.map(str::to_owned).to_vec();
        }
        let fleet = fleet(SshSettings::default(), packed(packs), settings, state.path());
        let host = host(&fleet, "here");
        let (one, two) = (v1(state.path()), v2(state.path()));
        settled(&host, &one, "r1").await;
        let release = root.path().join("releases").join(one.id.to_string());
        for folder in ["lib", "odd", "bin", "empty", "."] {
            fs::set_permissions(release.join(folder), fs::Permissions::from_mode(0o555)).unwrap();
        }
        let primed = settled(&host, &two, "r2").await;
        assert_eq!(primed.packed, packs == PackWhen::Always);
        assert_whole(&two, &root.path().join("tool/."));
    }
}

#[tokio::test]
async fn what_goes_is_removed_however_long_its_list_is() {
    let long = "a-folder-with-a-name-of-some-length/".repeat(7);
    // More than an argument of a command may be, and few bytes that become as many.
    for names in [
        (0..3000).map(|n| format!("lib/file-with-a-name-of-its-own-{n}")).collect::<Vec<_>>(),
        (0..2000).map(|n| format!("{long}{n}")).collect(),
    ] {
        let stand = Stand::new(&["tar", "zstd", "gzip"]);
        let going: Vec<_> = names.iter().map(|name| (name.as_bytes(), Content::Text("goes"))).collect();
        let stays: &[u8] = b"lib/stays";
        let one = release(
            stand.state.path(),
            "1.0",
            &[going, vec![(stays, Content::Text("stays"))]].into_iter().flatten().collect::<Vec<_>>(),
        );
        let two =
            release(stand.state.path(), "2.0", &[(stays, Content::Text("stays")), (b"new", Content::Text("new"))]);
        let host = stand.host(packed(PackWhen::Always));
        for (release, name) in [(&one, "r1"), (&two, "r2")] {
            settled(&host, release, name).await;
            assert_whole(release, &folder(stand.root.path(), release));
        }
        assert_whole(&one, &folder(stand.root.path(), &one));
        assert_eq!(litter(stand.root.path()), Vec::<PathBuf>::new());
    }
}
