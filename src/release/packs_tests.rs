use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{Pack, PackLimits, Packing, Packs, ReleaseError, Store, StoredRelease};
use crate::manifest::{LinkPolicy, MANIFEST, Manifest};
use crate::model::{Bytes, ReleaseId, Version};

/// A state folder with releases in it, and its packs.
struct Stage {
    state: tempfile::TempDir,
    packs: Packs,
}

impl Stage {
    fn new(limits: PackLimits) -> Self {
        let state = tempfile::tempdir().unwrap();
        let packs = Packs::new(state.path().join("packs"), limits);
        Self { state, packs }
    }

    /// Makes a release as a build would have.
    fn release(&self, version: &str, fill: impl Fn(&Path)) -> StoredRelease {
        let work = self.state.path().join(format!("work-{version}"));
        let tree = work.join("tree");
        fs::create_dir_all(&tree).unwrap();
        fill(&tree);
        let manifest = Manifest::read_tree(&tree, &LinkPolicy::inside()).unwrap();
        fs::write(tree.join(MANIFEST), manifest.to_bytes()).unwrap();
        let version = Version::new(version).unwrap();
        let id = ReleaseId::new(&version, &manifest.digest());
        let meta = format!(
            r#"{{"schema":1,"version":"{version}","commit":"{}","digest":"{}","build_key":"{}",
            "built_at":"2025-01-01T00:00:00Z","built_by":"me@here","interpreter":null,"entries":1,"bytes":1}}"#,
            "a".repeat(40),
            manifest.digest(),
            "0".repeat(64)
        );
        fs::write(work.join("meta.json"), meta).unwrap();
        let store = Store::open(self.state.path()).unwrap();
        fs::rename(&work, self.state.path().join("releases").join(id.to_string())).unwrap();
        store.get(&id).unwrap().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let folder = fs::read_dir(self.state.path().join("packs")).unwrap();
        let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }
}

fn long() -> String {
    format!("{}/{}", "deep".repeat(30), "name".repeat(20))
}

fn fill(tree: &Path) {
    fs::create_dir_all(tree.join("empty")).unwrap();
    fs::create_dir_all(tree.join(long()).parent().unwrap()).unwrap();
    fs::write(tree.join(long()), "long").unwrap();
    fs::write(tree.join("odd\nname \\ 'x'"), "odd").unwrap();
    fs::write(tree.join("same"), "same".repeat(10_000)).unwrap();
    fs::write(tree.join("tool"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(tree.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("./empty//../tool", tree.join("link")).unwrap();
    symlink(long(), tree.join("long link")).unwrap();
}

/// Unpacks by the tools that hosts have, and gives the folder.
fn unpacked(pack: &Pack) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let reader = match pack.packing {
        Packing::Zstd => "zstd -dcq",
        Packing::Gzip => "gzip -dc",
        Packing::Plain => "cat",
    };
    let command = format!("{reader} <'{}' | tar -xof - -C '{}'", pack.path().display(), folder.path().display());
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

fn files(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            let kind = entry.metadata().unwrap();
            found.insert(entry.path().strip_prefix(folder).unwrap().to_path_buf(), kind.permissions().mode() & 0o777);
            if kind.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn a_pack_has_a_release_byte_for_byte_however_it_is_compressed() {
    let stage = Stage::new(PackLimits::default());
    let one = stage.release("1.0", fill);
    for packing in [Packing::Zstd, Packing::Gzip, Packing::Plain] {
        let pack = stage.packs.get(&one, None, packing).unwrap();
        assert_eq!(pack.bytes.0, fs::metadata(pack.path()).unwrap().len());
        let folder = unpacked(&pack);
        one.manifest.verify_tree(folder.path()).unwrap();
        let modes = files(folder.path());
        assert_eq!(
            (modes[Path::new("tool")], modes[Path::new("same")], modes[Path::new("empty")]),
            (0o555, 0o444, 0o755)
        );
        // The same tree is the same pack, and what is there is not made again.
        assert_eq!(stage.packs.get(&one, None, packing).unwrap(), pack);
    }
    assert_eq!(stage.names().len(), 6);
}

#[test]
fn the_pack_of_a_difference_has_what_the_other_lacks_and_no_more() {
    let stage = Stage::new(PackLimits::default());
    let one = stage.release("1.0", fill);
    let two = stage.release("2.0", |tree| {
        fill(tree);
        fs::write(tree.join("tool"), "#!/bin/sh\nexit 1\n").unwrap();
        fs::create_dir(tree.join("new")).unwrap();
        fs::write(tree.join("new/file"), "new").unwrap();
    });
    let pack = stage.packs.get(&two, Some(&one.manifest), Packing::Zstd).unwrap();
    let names: Vec<_> = files(unpacked(&pack).path()).into_keys().collect();
    assert_eq!(names, ["MANIFEST", "new", "new/file", "tool"].map(PathBuf::from));
    assert_ne!(stage.packs.get(&two, None, Packing::Zstd).unwrap().digest, pack.digest);
}

#[test]
fn a_pack_that_was_damaged_on_the_disk_is_found_and_made_anew() {
    let stage = Stage::new(PackLimits::default());
    let one = stage.release("1.0", fill);
    let pack = stage.packs.get(&one, None, Packing::Zstd).unwrap();
    let whole = fs::read(pack.path()).unwrap();
    for damage in [&whole[..whole.len() - 1], b"", &[&[whole[0] ^ 1], &whole[1..]].concat()] {
        fs::write(pack.path(), damage).unwrap();
        assert_eq!(stage.packs.get(&one, None, Packing::Zstd).unwrap(), pack);
        assert_eq!(fs::read(pack.path()).unwrap(), whole);
    }
    fs::remove_file(pack.path()).unwrap();
    assert!(!pack.touch());
    assert_eq!(stage.packs.get(&one, None, Packing::Zstd).unwrap(), pack);
    assert!(pack.touch());
}

#[test]
fn a_release_that_is_not_what_was_built_is_not_packed() {
    let stage = Stage::new(PackLimits::default());
    let one = stage.release("1.0", fill);
    for damage in ["samE".repeat(10_000), "short".to_owned()] {
        fs::write(one.tree.join("same"), damage).unwrap();
        let error = stage.packs.get(&one, None, Packing::Zstd).unwrap_err();
        assert!(matches!(error, ReleaseError::Damaged { .. }) && error.to_string().contains("same is not"), "{error}");
        assert!(stage.names().is_empty(), "{:?}", stage.names());
    }
    // A link in a file's place leads to another file.
    fs::remove_file(one.tree.join("same")).unwrap();
    symlink("/etc/hostname", one.tree.join("same")).unwrap();
    assert!(stage.packs.get(&one, None, Packing::Zstd).unwrap_err().to_string().contains("is no file"));
}

#[test]
fn packs_are_thrown_away_by_age_and_by_size_and_what_may_be_in_use_is_not() {
    let noise = |seed: u64| -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..10_000).map(|_| random.u8(..)).collect()
    };
    let stage = Stage::new(PackLimits { unused: Duration::from_secs(20 * 3600), bytes: Bytes(25_000) });
    let old = |pack: &Pack, hours: u64| {
        let then = SystemTime::now() - Duration::from_secs(hours * 3600);
        File::open(pack.path()).unwrap().set_times(FileTimes::new().set_modified(then)).unwrap();
    };
    let make = |version: &str, seed| {
        let release = stage.release(version, |tree| fs::write(tree.join("noise"), noise(seed)).unwrap());
        stage.packs.get(&release, None, Packing::Zstd).unwrap()
    };
    let is_there = |packs: &[&Pack]| packs.iter().map(|pack| pack.path().exists()).collect::<Vec<_>>();
    let [one, two] = [make("1.0", 1), make("2.0", 2)];
    old(&one, 21);
    let three = make("3.0", 3);
    assert_eq!(is_there(&[&one, &two, &three]), [false, true, true], "unused for long");
    // Three of ten kilobytes are too much, but all may be in use.
    let four = make("4.0", 4);
    assert_eq!(is_there(&[&two, &three, &four]), [true; 3]);
    old(&two, 2);
    old(&three, 3);
    let five = make("5.0", 5);
    assert_eq!(is_there(&[&two, &three, &four, &five]), [false, false, true, true], "too large");
    // What leads to a pack that is gone goes as well.
    assert_eq!(stage.names().len(), 4, "{:?}", stage.names());
    fs::write(stage.state.path().join("packs/.making-dead"), "half").unwrap();
    make("6.0", 6);
    assert!(!stage.names().contains(&".making-dead".to_owned()));
}

#[test]
fn two_that_want_the_same_pack_at_once_make_it_once() {
    let stage = Stage::new(PackLimits::default());
    let one = stage.release("1.0", fill);
    let packs: Vec<(Pack, SystemTime)> = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..4)
            .map(|_| {
                // As another process would: with nothing in common but the folder.
                let packs = Packs::new(stage.state.path().join("packs"), PackLimits::default());
                let one = &one;
                scope.spawn(move || {
                    let pack = packs.get(one, None, Packing::Zstd).unwrap();
                    let made = fs::metadata(pack.path()).unwrap().created().unwrap();
                    (pack, made)
                })
            })
            .collect();
        begun.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(packs.iter().all(|pack| *pack == packs[0]), "{packs:?}");
    assert_eq!(stage.names().len(), 2);
    let mut text = String::new();
    let way = stage.names().into_iter().find(|name| name.starts_with("from-nothing-to-")).unwrap();
    File::open(stage.state.path().join("packs").join(way)).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text.trim(), packs[0].0.digest.to_string());
}

#[test]
fn what_leads_to_a_tree_that_is_gone_goes_unless_it_leads_elsewhere_too() {
    let stage = Stage::new(PackLimits::default());
    let write = |text: &'static str| move |tree: &Path| fs::write(tree.join("file"), text).unwrap();
    let [one, two, three] =
        [("1.0", "1"), ("2.0", "2"), ("3.0", "3")].map(|(name, text)| stage.release(name, write(text)));
    assert_eq!(stage.packs.forget(&[one.digest].into()).unwrap(), Some(Bytes(0)), "there is no folder yet");
    let whole = stage.packs.get(&one, None, Packing::Zstd).unwrap();
    let plain = stage.packs.get(&one, None, Packing::Plain).unwrap();
    let to_two = stage.packs.get(&two, Some(&one.manifest), Packing::Zstd).unwrap();
    let to_three = stage.packs.get(&three, None, Packing::Zstd).unwrap();
    // The way to another tree that leads to the pack of the first.
    let odd = format!("{}-to-{}.tar.zst", "from-nothing", two.digest);
    fs::write(stage.state.path().join("packs").join(&odd), format!("{}\n", whole.digest)).unwrap();
    let gone = [one.digest].into();
    assert_eq!(stage.packs.leading_to(&gone), plain.bytes);
    assert_eq!(stage.packs.forget(&gone).unwrap(), Some(plain.bytes));
    assert!(!plain.path().exists() && whole.path().exists(), "another way leads to it");
    assert!(to_two.path().exists() && to_three.path().exists(), "what hosts have is led away from");
    assert!(stage.names().iter().all(|name| !name.contains(&format!("-to-{}", one.digest))), "{:?}", stage.names());
    assert_eq!(stage.packs.forget(&[two.digest].into()).unwrap(), Some(whole.bytes.saturating_add(to_two.bytes)));
}
