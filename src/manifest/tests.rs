use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::host_tests::odd_tree;
use super::{Difference, Entry, How, Kind, LinkPolicy, MANIFEST, Manifest, ManifestError};
use crate::model::{Bytes, Digest};

fn file(path: &str, content: u8) -> Entry {
    let kind = Kind::File { executable: false, size: Bytes(content.into()), digest: Digest([content; 32]) };
    Entry::new(Path::new(path), kind).unwrap()
}

fn folder(path: &str) -> Entry {
    Entry::new(Path::new(path), Kind::Directory).unwrap()
}

fn link(path: &str, target: &str) -> Entry {
    Entry::new(Path::new(path), Kind::Symlink { target: OsStr::new(target).into() }).unwrap()
}

fn paths<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<&'a str> {
    entries.into_iter().map(|entry| entry.path().to_str().unwrap()).collect()
}

#[test]
fn the_format_is_what_the_documentation_says() {
    let entries =
        vec![link("bin/python", "/usr/bin/python3.11"), folder("bin"), file("odd\nname", 9), file("-a b\\", 0)];
    let manifest = Manifest::new(entries).unwrap();
    let expected = format!(
        "coalmine-manifest 1\n\
         f\t644\t0\t{}\t-a b\\0134\n\
         d\t755\t0\t-\tbin\n\
         l\t777\t0\t/usr/bin/python3.11\tbin/python\n\
         f\t644\t9\t{}\todd\\0012name\n",
        "00".repeat(32),
        "09".repeat(32)
    );
    assert_eq!(String::from_utf8(manifest.to_bytes()).unwrap(), expected);
    assert_eq!(manifest.length(), Bytes(expected.len() as u64));
    assert_eq!(Manifest::parse(expected.as_bytes()).unwrap(), manifest);
}

#[test]
fn every_other_spelling_is_refused_with_its_line() {
    let digest = "ab".repeat(32);
    for (body, problem) in [
        ("f\t644\t1\tDIGEST\t../up", "not a plain path"),
        ("f\t644\t1\tDIGEST\t/etc/passwd", "not a plain path"),
        ("d\t755\t0\t-\ta\nf\t644\t1\tDIGEST\ta/../b", "line 3"),
        ("f\t644\t1\tDIGEST\t./a", "not a plain path"),
        ("d\t755\t0\t-\ta/", "not a plain path"),
        ("d\t755\t0\t-\ta\nf\t644\t1\tDIGEST\ta//b", "not a plain path"),
        ("f\t644\t1\tDIGEST\tMANIFEST", "MANIFEST"),
        ("f\t644\t1\tDIGEST\t", "empty name"),
        ("l\t777\t0\t\ta", "empty name"),
        ("f\t644\t1\tDIGEST\ta\\", "backslash"),
        ("f\t644\t1\tDIGEST\ta\\n", "backslash"),
        ("f\t644\t1\tDIGEST\ta\\0101", "never escaped"),
        ("f\t644\t1\tDIGEST\ta\\0000", "never escaped"),
        ("f\t644\t1\tDIGEST\ta\r", "always escaped"),
        ("f\t644\t01\tDIGEST\ta", "size"),
        ("f\t644\t+1\tDIGEST\ta", "size"),
        ("f\t600\t1\tDIGEST\ta", "mode"),
        ("d\t755\t1\t-\ta", "size"),
        ("d\t755\t0\tx\ta", "folder"),
        ("p\t644\t0\t-\ta", "unknown kind"),
        ("f\t644\t1\tABC\ta", "digest"),
        ("f\t644\t1\ta", "five fields"),
        ("f\t644\t1\tDIGEST\ta\tb", "five fields"),
        ("", "five fields"),
        ("d\t755\t0\t-\ta\nd\t755\t0\t-\ta", "listed twice"),
        ("d\t755\t0\t-\tb\nd\t755\t0\t-\ta", "out of order"),
        ("f\t644\t1\tDIGEST\ta/b", "its folder is not"),
        ("f\t644\t1\tDIGEST\ta\nf\t644\t1\tDIGEST\ta/b", "its folder is not"),
        ("l\t777\t0\t..\ta", "outside"),
    ] {
        let text = format!("coalmine-manifest 1\n{body}\n").replace("DIGEST", &digest);
        let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem), "{body:?}: {error}");
    }
    for (text, problem) in [
        ("", "line 1"),
        ("coalmine-manifest 1", "line 1"),
        ("coalmine-manifest 2\n", "version 1 only"),
        ("coalmine-manifest 1\nd\t755\t0\t-\ta", "line 2 of the manifest is cut off"),
    ] {
        let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(problem), "{text:?}: {error}");
    }
}

proptest! {
    #[test]
    fn names_of_any_bytes_are_read_back_as_they_were(names in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..12), 0..20)) {
        let plain = |name: &Vec<u8>| !name.contains(&0) && !name.contains(&b'/') && name != b"." && name != b"..";
        let names: BTreeSet<Vec<u8>> = names.into_iter().filter(plain).collect();
        let entries = names.iter().map(|name| {
            Entry::new(Path::new(OsStr::from_bytes(name)), Kind::Symlink { target: OsStr::from_bytes(name).into() }).unwrap()
        });
        let manifest = Manifest::new(entries.collect()).unwrap();
        prop_assert_eq!(Manifest::parse(&manifest.to_bytes()).unwrap(), manifest);
    }

    #[test]
    fn no_bytes_make_it_panic_and_what_it_takes_it_writes_again(body in "([dfl]\t(755|644|777)\t[0-9]{1,2}\t(-|[a-z.]{1,3}|(ab){32})\t[a-z./\\\\0]{1,6}\n){0,4}") {
        let text = format!("coalmine-manifest 1\n{body}");
        if let Ok(manifest) = Manifest::parse(text.as_bytes()) {
            prop_assert_eq!(manifest.to_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn applying_a_difference_to_the_old_tree_gives_the_new_one(old in tree(), new in tree()) {
        let (old, new) = (Manifest::new(old).unwrap(), Manifest::new(new).unwrap());
        let difference = Difference::between(&old, &new);
        let mut entries: Vec<Entry> = old.entries().to_vec();
        for removed in difference.removals() {
            let inside = |entry: &Entry| entry != removed && entry.path().starts_with(removed.path());
            // A folder that stays a folder is never removed, so everything in a removed one went before.
            prop_assert!(!entries.iter().any(inside));
            entries.retain(|entry| entry != removed);
        }
        prop_assert!(difference.unchanged.iter().all(|entry| entries.contains(entry)));
        prop_assert_eq!(entries.len(), difference.unchanged.len());
        entries.extend(difference.sent().cloned());
        prop_assert_eq!(Manifest::new(entries).unwrap(), new);
    }
}

/// Makes small trees in which the same path is often of another kind or content.
fn tree() -> impl Strategy<Value = Vec<Entry>> {
    proptest::collection::btree_map("[ab](/[ab]){0,2}", 0_u8..4, 0..8).prop_map(|wanted| {
        let mut entries = std::collections::BTreeMap::new();
        for (path, content) in wanted {
            for parent in Path::new(&path).ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
                let parent = parent.to_str().unwrap().to_owned();
                entries.insert(parent.clone(), folder(&parent));
            }
            entries.entry(path.clone()).or_insert_with(|| match content {
                0 => folder(&path),
                1 => link(&path, "a"),
                content => file(&path, content),
            });
        }
        entries.into_values().collect()
    })
}

#[test]
fn the_list_for_rsync_names_what_changed_and_the_manifest() {
    let old = Manifest::new(vec![folder("d"), file("d/same", 1), file("d/old", 2), file("x", 3)]).unwrap();
    let new =
        Manifest::new(vec![folder("d"), file("d/same", 1), folder("new"), file("new/\n", 2), file("x", 4)]).unwrap();
    let difference = Difference::between(&old, &new);
    assert_eq!(paths(&difference.unchanged), ["d", "d/same"]);
    assert_eq!(paths(&difference.changed), ["x"]);
    assert_eq!(paths(&difference.added), ["new", "new/\n"]);
    assert_eq!(paths(&difference.removed), ["d/old"]);
    assert_eq!(paths(difference.removals()), ["x", "d/old"]);
    assert_eq!(difference.files_from(), b"./new\0./new/\n\0./x\0./MANIFEST\0");
    assert_eq!(difference.bytes(), Bytes(2 + 4).saturating_add(new.length()));
    assert_eq!(difference.linked_bytes(), Bytes(1));
    assert!(!difference.is_empty());
    assert!(Difference::between(&new, &new).is_empty());
    assert_eq!(Difference::whole(&new).totals(), new.totals());
}

#[test]
fn a_file_whose_execute_bit_changes_is_sent_again() {
    let with = |executable| {
        let kind = Kind::File { executable, size: Bytes(1), digest: Digest([1; 32]) };
        Manifest::new(vec![Entry::new(Path::new("tool"), kind).unwrap()]).unwrap()
    };
    assert_eq!(paths(&Difference::between(&with(false), &with(true)).changed), ["tool"]);
}

#[test]
fn owner_umask_and_times_do_not_change_a_digest_and_everything_else_does() {
    let digest = |change: fn(&Path)| {
        let tree = tempfile::tempdir().unwrap();
        odd_tree(tree.path());
        change(tree.path());
        Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap().digest()
    };
    let chmod = |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let before = digest(|_| {});
    assert_eq!(
        before,
        digest(|root| fs::set_permissions(root.join("tool"), fs::Permissions::from_mode(0o4700)).unwrap())
    );
    assert_eq!(
        before,
        digest(|root| fs::set_permissions(root.join("empty"), fs::Permissions::from_mode(0o700)).unwrap())
    );
    assert_ne!(
        before,
        digest(|root| fs::set_permissions(root.join("tool"), fs::Permissions::from_mode(0o644)).unwrap())
    );
    assert_ne!(before, digest(|root| fs::remove_dir(root.join("empty")).unwrap()));
    let tree = tempfile::tempdir().unwrap();
    odd_tree(tree.path());
    chmod(tree.path().join("plain"), 0o400);
    assert_eq!(before, Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap().digest());
}

#[test]
fn what_cannot_travel_is_refused_by_name() {
    let tree = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("socket")).unwrap();
    let error = Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap_err();
    assert_eq!(error.to_string(), "\"socket\" is a socket: a release holds files, folders and links only");

    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join(MANIFEST), b"").unwrap();
    let error = Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap_err();
    assert!(matches!(error, ManifestError::Reserved), "{error}");

    let error = Manifest::read_tree(&tree.path().join("none"), &LinkPolicy::inside()).unwrap_err();
    assert!(error.to_string().contains("/none: No such file"), "{error}");
}

#[test]
fn a_manifest_below_the_top_is_a_file_like_any_other() {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("doc")).unwrap();
    fs::write(tree.path().join("doc").join(MANIFEST), b"").unwrap();
    assert_eq!(Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap().totals().files, 1);
}

#[test]
fn links_that_leave_the_release_are_refused_through_whatever_links() {
    for outside in [
        vec![link("a", "..")],
        vec![link("a", "../x")],
        vec![folder("d"), link("d/a", "../../x")],
        vec![folder("d"), link("d/a", "x/../../../y")],
        // Two ups are two too many only because `d/s` is the top itself.
        vec![folder("d"), link("d/a", "s/../y"), link("d/s", "..")],
        vec![link("a", "b/etc"), link("b", "/usr")],
    ] {
        let error = Manifest::new(outside.clone()).unwrap_err();
        assert!(matches!(error, ManifestError::Link { .. }), "{outside:?}: {error}");
    }
    for inside in [
        vec![link("a", "b"), link("b", "a")],
        vec![link("a", "missing/x")],
        vec![folder("d"), link("d/a", "../x/../y")],
        vec![folder("d"), folder("d/e"), link("d/s", "e"), link("x", "d/s/../../y")],
        vec![link("python", "/usr/bin/python3"), link("python3", "python")],
    ] {
        assert!(Manifest::new(inside.clone()).is_ok(), "{inside:?}");
    }
}

#[test]
fn an_absolute_link_is_taken_only_where_the_policy_names_it() {
    let tree = tempfile::tempdir().unwrap();
    symlink("/usr/bin/python3.11", tree.path().join("python")).unwrap();
    let error = Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap_err();
    assert!(error.to_string().contains("\"python\" points outside the release, at \"/usr/bin/python3.11\""), "{error}");
    assert!(Manifest::read_tree(tree.path(), &LinkPolicy::and_to("/usr/bin/python3")).is_err());
    assert!(Manifest::read_tree(tree.path(), &LinkPolicy::and_to("/usr/bin/python3.11")).is_ok());
}

#[test]
fn a_tree_that_differs_from_its_manifest_is_told_entry_by_entry() {
    let tree = tempfile::tempdir().unwrap();
    odd_tree(tree.path());
    let manifest = Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap();
    let at = |name: &str| tree.path().join(name);
    fs::write(at("plain"), b"other").unwrap();
    fs::write(at("zz"), b"").unwrap();
    fs::set_permissions(at("tool"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_dir(at("empty")).unwrap();
    fs::write(at("empty"), b"").unwrap();
    fs::remove_file(at("*")).unwrap();
    let Err(ManifestError::Mismatch { mismatches, .. }) = manifest.verify_tree(tree.path()) else {
        panic!("the differences were not seen");
    };
    let seen: Vec<_> = mismatches.iter().map(|mismatch| (mismatch.path.to_str().unwrap(), mismatch.how)).collect();
    assert_eq!(
        seen,
        [("*", How::Missing), ("empty", How::Kind), ("plain", How::Content), ("tool", How::Mode), ("zz", How::Extra)]
    );
}
