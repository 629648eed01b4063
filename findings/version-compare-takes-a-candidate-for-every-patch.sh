#!/bin/sh
# GUESS     47.rc and 47.2, numbered as GNOME numbers: a library that compares any versions says that the candidate is older, as
#           semver would, or newer, as dpkg and rpm would by their letters and digits.
# HAPPENS   Neither: version-compare says equal. Where the one has a word and the other a number it takes them for the same and
#           goes on, and nothing follows. So 47.alpha is equal to 47.0 and to 47.10, which are not equal, and
#           `compare_to("47.alpha", "47.10", Cmp::Ge)`, is it new enough?, is true. The newest of a list is the candidate or
#           the release, whichever comes last. Only 47 alone is newer than 47.rc.
# VERSIONS  version-compare 0.2.1 (crates.io), dpkg 1.21
# SOURCE    version-compare's src/version.rs: compare_iter; a word and a number are compared with gnu_ordering alone
# NEEDS     cargo, crates.io, dpkg. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v dpkg >/dev/null || { echo "no dpkg here" >&2; exit 77; }
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "asks"
version = "0.0.0"
edition = "2021"
[dependencies]
version-compare = "=0.2.1"
TOML
cat >src/main.rs <<'RUST'
use version_compare::{compare, compare_to, Cmp};

fn newest<'a>(versions: &[&'a str]) -> &'a str {
    versions
        .iter()
        .copied()
        .max_by(|one, other| compare(one, other).unwrap().ord().unwrap())
        .unwrap()
}

fn main() {
    for (one, other) in [
        ("47.alpha", "47.0"),
        ("47.alpha", "47.10"),
        ("47.rc", "47.2"),
        ("47.1", "47.10"),
        ("47.alpha", "47.rc"),
        ("47.rc", "47"),
        ("2026.11-rc1", "2026.11.2"),
    ] {
        println!("{one} {} {other}", compare(one, other).unwrap().sign());
    }
    println!("47.alpha is at least 47.10: {}", compare_to("47.alpha", "47.10", Cmp::Ge).unwrap());
    println!("the newest of 47.rc, 47.0, 47.2: {}", newest(&["47.rc", "47.0", "47.2"]));
    println!("the newest of 47.0, 47.2, 47.rc: {}", newest(&["47.0", "47.2", "47.rc"]));
}
RUST
CARGO_TARGET_DIR=$work/target cargo fetch --quiet || { echo "not to be installed here" >&2; exit 77; }
{
    CARGO_TARGET_DIR=$work/target cargo run --quiet --offline
    for other in 47.0 47.10 47; do
        if dpkg --compare-versions 47.alpha gt "$other"; then echo "dpkg: 47.alpha > $other"; fi
    done
} >seen
cat seen
diff - seen <<'TOLD'
47.alpha == 47.0
47.alpha == 47.10
47.rc == 47.2
47.1 < 47.10
47.alpha < 47.rc
47.rc < 47
2026.11-rc1 == 2026.11.2
47.alpha is at least 47.10: true
the newest of 47.rc, 47.0, 47.2: 47.2
the newest of 47.0, 47.2, 47.rc: 47.rc
dpkg: 47.alpha > 47.0
dpkg: 47.alpha > 47.10
dpkg: 47.alpha > 47
TOLD
