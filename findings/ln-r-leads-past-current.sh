#!/bin/sh
# GUESS     `ln -sr /srv/tool/current/bin/tool /usr/local/bin/tool` is the link that one would write by hand, counted from its own place,
#           ../../../srv/tool/current/bin/tool, and goes with current from release to release.
# HAPPENS   It is ../../../srv/tool/releases/1/bin/tool: -r follows every link in the name before it counts, so current is taken for
#           what it leads to today. The host runs release 1 after each switch, and nothing once that is cleaned away, while
#           `ln -s` of the same two names, without -r, keeps current. uutils' and toybox's do as GNU's do. No option of ln leaves
#           the links: GNU's has -L and -P, which are for hard links. `realpath -s --relative-to=` prints the name to give to ln -s.
# VERSIONS  GNU coreutils 9.1, toybox 0.8.9, rust-coreutils 0.0.17 (Debian 12)
# SOURCE    coreutils' manual, ln: with -r "all symbolic links in these file names will be resolved"; ln(1) and --help have "create links
#           relative to link location" alone. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in coreutils=9.1-1 toybox=0.8.9+dfsg-1 rust-coreutils=0.0.17-2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" "${package%%_*}"
done
if ldd coreutils/bin/ln toybox/bin/toybox rust-coreutils/usr/bin/coreutils | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

mkdir -p host/srv/tool/releases/1/bin host/srv/tool/releases/2/bin host/usr/local/bin
for release in 1 2; do
    echo "release $release" >"host/srv/tool/releases/$release/bin/tool"
done
from=$work/host/srv/tool/current/bin/tool
to=$work/host/usr/local/bin/tool
# Makes the link by a command, and prints what it is, and what is run by it after the switch to release 2 and without release 1.
makes() {
    name=$1
    shift
    rm -f "$to"
    ln -sfn releases/1 host/srv/tool/current
    "$@"
    first=$(cat "$to")
    ln -sfn releases/2 host/srv/tool/current
    second=$(cat "$to")
    mv host/srv/tool/releases/1 aside
    third=$(cat "$to" 2>/dev/null || echo nothing)
    mv aside host/srv/tool/releases/1
    echo "$name: $(readlink "$to" | sed "s|^$work/host||"): $first, then $second, then $third"
}
{
    makes 'GNU ln -sr' coreutils/bin/ln -sr "$from" "$to"
    makes 'GNU ln -srL' coreutils/bin/ln -srL "$from" "$to"
    makes 'GNU ln -srP' coreutils/bin/ln -srP "$from" "$to"
    makes 'toybox ln -sr' toybox/bin/toybox ln -sr "$from" "$to"
    makes 'uutils ln -sr' rust-coreutils/usr/bin/coreutils ln -sr "$from" "$to"
    makes 'GNU ln -s' coreutils/bin/ln -s "$from" "$to"
    makes 'GNU realpath and ln -s' coreutils/bin/ln -s "$(coreutils/usr/bin/realpath -s --relative-to="${to%/*}" "$from")" "$to"
} >seen
cat seen
diff - seen <<'TOLD'
GNU ln -sr: ../../../srv/tool/releases/1/bin/tool: release 1, then release 1, then nothing
GNU ln -srL: ../../../srv/tool/releases/1/bin/tool: release 1, then release 1, then nothing
GNU ln -srP: ../../../srv/tool/releases/1/bin/tool: release 1, then release 1, then nothing
toybox ln -sr: ../../../srv/tool/releases/1/bin/tool: release 1, then release 1, then nothing
uutils ln -sr: ../../../srv/tool/releases/1/bin/tool: release 1, then release 1, then nothing
GNU ln -s: /srv/tool/current/bin/tool: release 1, then release 2, then release 2
GNU realpath and ln -s: ../../../srv/tool/current/bin/tool: release 1, then release 2, then release 2
TOLD
