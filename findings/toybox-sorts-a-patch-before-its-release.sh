#!/bin/sh
# GUESS     `sort -V | tail -n 1` names the newest tag; where versions have suffixes the tools may differ, with plain
#           numbers they cannot.
# HAPPENS   toybox puts what goes on before what ends: 4.283.1 and 4.283.0 come before 4.283, and 1.10.2 before 1.10 before
#           1. The newest of 4.283 and its two patches is 4.283 again. Where all have as many numbers it agrees with GNU,
#           4.9 before 4.283 too, so a trial with two versions shows nothing.
# VERSIONS  toybox 0.8.9 (Debian 12), GNU coreutils 9.1
# SOURCE    seen by running; toybox: toys/posix/sort.c
# NEEDS     Debian 12's packages (amd64 or any that has this version). Exits 0: as told; 1: it behaves otherwise;
#           77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download toybox=0.8.9+dfsg-1 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract toybox_*.deb root
toybox=$work/root/bin/toybox

"$toybox" --version
changed=0
while read -r tags; do
    # shellcheck disable=SC2086 # Each tag a line.
    printf '%s\n' $tags >tags
    theirs=$("$toybox" sort -V tags | tail -n 1)
    gnu=$(sort -V tags | tail -n 1)
    printf '%-24s toybox: %-32s newest %-6s GNU: newest %s\n' "$tags" "$("$toybox" sort -V tags | tr '\n' ' ')" "$theirs" "$gnu"
    case $tags in
    *' 4.9') [ "$theirs" = "$gnu" ] || changed=1 ;;
    4.283*) [ "$theirs $gnu" = '4.283 4.283.1' ] || changed=1 ;;
    *) [ "$theirs $gnu" = '1 1.10.2' ] || changed=1 ;;
    esac
done <<'TAGS'
4.283 4.283.0 4.283.1
1.10.2 1 1.10
4.283 4.9
TAGS
exit "$changed"
