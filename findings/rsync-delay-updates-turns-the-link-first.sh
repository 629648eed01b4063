#!/bin/sh
# GUESS     --delay-updates keeps all that is new aside until the end of the transfer, and then puts it into place in a moment: a host
#           on which the transfer is cut, or is still at it, has the release before.
# HAPPENS   It keeps files aside, and nothing else. Links are made at once, before the first byte of a file has come: current leads to
#           releases/2 while that is an empty folder, for as long as the transfer takes, and for good where it is cut. So the
#           option makes the gap longest just for those who deploy by a link: conf, a file, is still the old one all the while.
#           Whoever sends current by a run of its own, last, does not have it. Names of links, folders and files do not matter.
# VERSIONS  rsync 3.5.0 (Debian 12)
# SOURCE    rsync(1), --delay-updates: "each updated file"; of links, which are no files to update, it says nothing. Seen by running
# NEEDS     Debian 12's packages; a few seconds. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
rsync=
trap '[ -z "$rsync" ] || kill "$rsync" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in rsync=3.5.0+ds1-0+deb12u1 libpopt0=1.19+dfsg-1 libxxhash0=0.8.1-1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
if ldd root/usr/bin/rsync | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
root/usr/bin/rsync --version | head -n 1

# A desk with the second release and a host with the first, each with a link to its own.
for side in desk:2 host:1; do
    number=${side#*:}
    side=${side%:*}
    mkdir -p "$side/releases/$number"
    head -c 2000000 /dev/zero | tr '\0' "$number" >"$side/releases/$number/tool"
    ln -s "releases/$number" "$side/current"
    echo "of release $number" >"$side/conf"
done
touch -d '1 hour ago' host/conf

# Prints what the host has.
tell() {
    echo "$1: current -> $(readlink host/current), with [$(ls host/current)], conf $(cat host/conf)"
}
# Sends at a pace that takes a while, and waits until the link is turned or the transfer is over.
send() {
    root/usr/bin/rsync -a --delay-updates --bwlimit=100 "$@" desk/ host/ 2>/dev/null &
    rsync=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        if [ "$(readlink host/current)" = releases/2 ] || [ -n "$(find host/releases/2 -name '.tool*' 2>/dev/null)" ]; then break; fi
        sleep 0.2
    done
    sleep 0.5
}
{
    tell 'before'
    send --exclude=/current
    tell 'on the way, the link left out'
    kill "$rsync"
    wait "$rsync" || :
    send
    tell 'on the way'
    kill "$rsync"
    wait "$rsync" || echo "cut, exit $?"
    sleep 0.5
    tell 'after the cut'
    root/usr/bin/rsync -a --delay-updates desk/ host/
    tell 'at the end'
} >seen
cat seen
diff - seen <<'TOLD'
before: current -> releases/1, with [tool], conf of release 1
on the way, the link left out: current -> releases/1, with [tool], conf of release 1
on the way: current -> releases/2, with [], conf of release 1
cut, exit 20
after the cut: current -> releases/2, with [], conf of release 1
at the end: current -> releases/2, with [tool], conf of release 2
TOLD
