//! What the tests of hosts share: releases in a store, and a fleet.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coalmine::host::{Fleet as _, RealFleet, RealHost, SshSettings, TargetSettings, TransferSettings};
use coalmine::manifest::{LinkPolicy, MANIFEST, Manifest};
use coalmine::model::{HostId, Operator, ReleaseId, RolloutId, Version};
use coalmine::release::{Store, StoredRelease};

/// A folder in memory, where there is one: thousands of small files are made and removed.
pub(crate) fn temporary() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let here = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("cm").tempdir_in(here).unwrap()
}

/// What a file of a release is made of.
pub(crate) enum Content<'a> {
    Text(&'a str),
    Program(&'a str),
    Bytes(Vec<u8>),
    Link(&'a str),
    Folder,
}

/// Puts a release into a store's folder, as a build would have.
pub(crate) fn release(state: &Path, version: &str, files: &[(&[u8], Content<'_>)]) -> Arc<StoredRelease> {
    let work = state.join(format!("work-{version}"));
    let tree = work.join("tree");
    fs::create_dir_all(&tree).unwrap();
    for (name, content) in files {
        let path = tree.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content {
            Content::Text(text) => fs::write(&path, text).unwrap(),
            Content::Program(text) => {
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            Content::Bytes(bytes) => fs::write(&path, bytes).unwrap(),
            Content::Link(target) => symlink(target, &path).unwrap(),
            Content::Folder => fs::create_dir_all(&path).unwrap(),
        }
    }
    let manifest = Manifest::read_tree(&tree, &LinkPolicy::inside()).unwrap();
    fs::write(tree.join(MANIFEST), manifest.to_bytes()).unwrap();
    let version = Version::new(version).unwrap();
    let id = ReleaseId::new(&version, &manifest.digest());
    let zeros = "0".repeat(64);
    let meta = format!(
        r#"{{"schema":1,"version":"{version}","commit":"{}","digest":"{}","build_key":"{zeros}",
        "built_at":"2025-01-01T00:00:00Z","built_by":"me@here","interpreter":null,"entries":1,"bytes":1}}"#,
        "a".repeat(40),
        manifest.digest()
    );
    fs::write(work.join("meta.json"), meta).unwrap();
    let store = Store::open(state).unwrap();
    fs::rename(&work, state.join("releases").join(id.to_string())).unwrap();
    Arc::new(store.get(&id).unwrap().unwrap())
}

/// Bytes that do not compress, always the same for one seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state >> 56).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn target(root: &Path) -> TargetSettings {
    TargetSettings {
        root: root.to_path_buf(),
        current: "tool".into(),
        slots: Vec::new(),
        version_link: None,
        keep: 3,
        r#become: Vec::new(),
        version_command: None,
        tool: None,
    }
}

pub(crate) fn rollout(name: &str) -> RolloutId {
    RolloutId::new(name).unwrap()
}

pub(crate) fn me() -> Operator {
    Operator("me@here".into())
}

/// Lists the processes of this user whose command line has a text in it.
pub(crate) fn processes_with(text: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) && pid != std::process::id() {
            found.push((pid, line));
        }
    }
    found
}

pub(crate) fn fleet(ssh: SshSettings, transfer: TransferSettings, target: TargetSettings, state: &Path) -> RealFleet {
    let store = Store::open(state).unwrap();
    RealFleet::new(ssh, transfer, target, |host: &HostId| host.as_str() == "here", store).unwrap()
}

pub(crate) fn host(fleet: &RealFleet, name: &str) -> Arc<RealHost> {
    fleet.host(&HostId::new(name).unwrap())
}

/// Where the link points.
pub(crate) fn current(root: &Path) -> PathBuf {
    fs::read_link(root.join("tool")).unwrap_or_default()
}

/// Every line of a host's own log.
pub(crate) fn host_log(root: &Path) -> Vec<String> {
    let file = fs::File::open(root.join(".coalmine/log")).unwrap();
    BufReader::new(file).lines().map(Result::unwrap).collect()
}

/// Waits until something holds, or fails: long after it would have come on a machine that has much else to do.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Fails unless a folder holds a release, file for file.
pub(crate) fn assert_whole(release: &StoredRelease, folder: &Path) {
    assert_eq!(fs::read(folder.join(MANIFEST)).unwrap(), release.manifest.to_bytes());
    if let Err(error) = release.manifest.verify_tree(folder) {
        panic!("{error}");
    }
}
