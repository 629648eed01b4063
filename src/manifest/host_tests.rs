//! Holds the format against what hosts have: dash and busybox check a tree by the commands of the room's documentation.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::{LinkPolicy, MANIFEST, Manifest};

/// Names that shells, `sha256sum` and `read` are known to stumble over.
pub(super) const ODD_NAMES: &[&[u8]] = &[
    b"plain",
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
    "ünïcode-\u{202e}".as_bytes(),
    b"$(touch x);`id`",
    b"%s%n",
    b"\x7f\x1b[31m",
];

pub(super) fn odd_tree(root: &Path) {
    for name in ODD_NAMES.iter().map(|name| OsStr::from_bytes(name)) {
        let folder = root.join("dir").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), name.as_bytes()).unwrap();
        fs::write(root.join(name), b"content of ").unwrap();
        symlink(name, root.join("dir").join(OsStr::from_bytes(&[name.as_bytes(), b".link"].concat()))).unwrap();
    }
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join("tool"), b"#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
}

const CHECK: &str = r#"
set -eu
tab=$(printf '\t')
[ "$(sha256sum <MANIFEST)" = "$1  -" ] || echo "differs: MANIFEST"
sed -n "/\\\\/d;s/^f$tab[0-7]*$tab[0-9]*$tab\([0-9a-f]*\)$tab/\1  .\//p" MANIFEST | sha256sum -c | grep -v ': OK$' || :
grep -e '\\' -e '^[dl]' MANIFEST | while IFS=$tab read -r kind mode size proof path; do
    name=$(printf '%b_' "./$path") name=${name%_}
    case $kind in
    d) [ -d "$name" ] && [ ! -h "$name" ] ;;
    f) [ -f "$name" ] && [ ! -h "$name" ] && sum=$(sha256sum <"$name") && [ "${sum%% *}" = "$proof" ] ;;
    l) [ -h "$name" ] && want=$(printf '%b\n_' "$proof") && [ "$(readlink "$name" && echo _)" = "$want" ] ;;
    *) false ;;
    esac || printf 'differs: %s\n' "$path"
done
found=$(find .//. | grep -c '^\.//\.') listed=$(grep -c '' MANIFEST)
[ "$found" -eq "$((listed + 1))" ] || echo "differs: $found found, $listed listed"
find . -type f -perm -100
"#;

/// Runs the check with a shell whose utilities are its own: busybox prefers its applets, dash finds coreutils.
fn check(shell: &[&str], tree: &Path, digest: &str) -> String {
    let (program, arguments) = shell.split_first().unwrap();
    let output = Command::new(program)
        .args(arguments)
        .args(["-c", CHECK, "sh", digest])
        .current_dir(tree)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shell:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];

#[test]
fn hosts_with_coreutils_or_busybox_prove_a_tree_of_odd_names() {
    let tree = tempfile::tempdir().unwrap();
    odd_tree(tree.path());
    let manifest = Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap();
    fs::write(tree.path().join(MANIFEST), manifest.to_bytes()).unwrap();
    let digest = manifest.digest().to_string();
    for shell in SHELLS {
        assert_eq!(check(shell, tree.path(), &digest), "./tool\n");
    }
    manifest.verify_tree(tree.path()).unwrap();
}

#[test]
fn hosts_see_every_kind_of_damage() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 6] = [
        ("plain", |root| fs::write(root.join("plain"), b"Content of ").unwrap()),
        ("line\\0012feed", |root| fs::write(root.join("line\nfeed"), b"Content of ").unwrap()),
        ("empty", |root| fs::remove_dir(root.join("empty")).unwrap()),
        ("found", |root| fs::write(root.join("ex\ntra"), b"").unwrap()),
        ("dir/plain.link", |root| {
            fs::remove_file(root.join("dir/plain.link")).unwrap();
            symlink("plain\n", root.join("dir/plain.link")).unwrap();
        }),
        ("MANIFEST", |root| {
            let mut text = fs::read(root.join(MANIFEST)).unwrap();
            text.pop();
            fs::write(root.join(MANIFEST), text).unwrap();
        }),
    ];
    for (named, damage) in damages {
        let tree = tempfile::tempdir().unwrap();
        odd_tree(tree.path());
        let manifest = Manifest::read_tree(tree.path(), &LinkPolicy::inside()).unwrap();
        fs::write(tree.path().join(MANIFEST), manifest.to_bytes()).unwrap();
        damage(tree.path());
        for shell in SHELLS {
            let printed = check(shell, tree.path(), &manifest.digest().to_string());
            assert!(printed.contains(named), "{shell:?} did not see {named}: {printed}");
        }
        if named != "MANIFEST" {
            assert!(manifest.verify_tree(tree.path()).is_err(), "verify_tree did not see {named}");
        }
    }
}
