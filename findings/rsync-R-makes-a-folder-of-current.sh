#!/bin/sh
# GUESS     `rsync -aR current/etc/conf web01:/srv/tool/`, and --files-from with current/etc/conf on the list, send one file, to where it
#           is by that name over there: into the release that web01's current leads to. All else on web01 stays.
# HAPPENS   web01's current is no longer a link: rsync deletes it, makes a folder of that name, and puts into it etc/conf and nothing else.
#           The tool is gone from where it is started, exit 0. With -R each folder on the way is sent too, and the sender's current,
#           a link like the other one, is sent as a folder; without a link at the sender it is the same. It is said by `-i` only, in
#           "cd+++++++++ current/", which is what a folder that is new has anyway. --no-implied-dirs or -K keeps the link, where rsync
#           3.5.0 lets it be followed.
# VERSIONS  rsync 3.5.0, rsync 3.2.7 (Debian 12)
# SOURCE    rsync(1), --no-implied-dirs, tells that the receiver "would ordinarily delete" such a link; --relative and --files-from, which
#           implies it, do not. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for version in 3.5.0+ds1-0+deb12u1 3.2.7-1+deb12u6; do
    apt-get -qq -o APT::Sandbox::User=root download "rsync=$version" || { echo "not to be installed here" >&2; exit 77; }
    dpkg-deb --extract "rsync_${version}_"*.deb "${version%%[+-]*}"
done
if ldd 3.5.0/usr/bin/rsync 3.2.7/usr/bin/rsync | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

mkdir -p desk/releases/2/etc plain/current/etc
echo 'sent by the desk' | tee desk/releases/2/etc/conf >plain/current/etc/conf
ln -s releases/2 desk/current
echo current/etc/conf >list
# Has a version of rsync send the one file from a desk, and prints its status, what it says, and what the host has then.
sends() {
    version=$1
    desk=$2
    shift 2
    rm -rf host
    mkdir -p host/releases/1/etc
    echo tool >host/releases/1/tool
    echo 'of the host' >host/releases/1/etc/conf
    ln -s releases/1 host/current
    status=0
    case "$*" in
    *--files-from*) "$version/usr/bin/rsync" -ai "$@" "$desk/" host/ >words 2>&1 || status=$? ;;
    *) (cd "$desk" && "../$version/usr/bin/rsync" -ai "$@" current/etc/conf ../host/) >words 2>&1 || status=$? ;;
    esac
    kind='a folder'
    [ ! -L host/current ] || kind='a link'
    echo "$version, $desk, $*: exit $status, current is $kind with [$(find host/current/ -type f -printf '%P\n' | sort | paste -s -d ' ')]," \
        "conf $(cat host/current/etc/conf), says of it $(grep -o 'cd+* current/$' words || echo nothing)"
}
{
    for version in 3.5.0 3.2.7; do
        sends "$version" desk -R
        sends "$version" desk --files-from=list
        sends "$version" desk -n --files-from=list
        sends "$version" plain -R
        sends "$version" desk -R --no-implied-dirs
        sends "$version" desk --files-from=list --no-implied-dirs
        sends "$version" desk -R -K
    done
} >seen
cat seen
diff - seen <<'TOLD'
3.5.0, desk, -R: exit 0, current is a folder with [etc/conf], conf sent by the desk, says of it cd+++++++++ current/
3.5.0, desk, --files-from=list: exit 0, current is a folder with [etc/conf], conf sent by the desk, says of it cd+++++++++ current/
3.5.0, desk, -n --files-from=list: exit 0, current is a link with [etc/conf tool], conf of the host, says of it cd+++++++++ current/
3.5.0, plain, -R: exit 0, current is a folder with [etc/conf], conf sent by the desk, says of it cd+++++++++ current/
3.5.0, desk, -R --no-implied-dirs: exit 0, current is a link with [etc/conf tool], conf sent by the desk, says of it nothing
3.5.0, desk, --files-from=list --no-implied-dirs: exit 0, current is a link with [etc/conf tool], conf sent by the desk, says of it nothing
3.5.0, desk, -R -K: exit 0, current is a link with [etc/conf tool], conf sent by the desk, says of it nothing
3.2.7, desk, -R: exit 0, current is a folder with [etc/conf], conf sent by the desk, says of it cd+++++++++ current/
3.2.7, desk, --files-from=list: exit 0, current is a folder with [etc/conf], conf sent by the desk, says of it cd+++++++++ current/
3.2.7, desk, -n --files-from=list: exit 0, current is a link with [etc/conf tool], conf of the host, says of it cd+++++++++ current/
3.2.7, plain, -R: exit 0, current is a folder with [etc/conf], conf sent by the desk, says of it cd+++++++++ current/
3.2.7, desk, -R --no-implied-dirs: exit 0, current is a link with [etc/conf tool], conf sent by the desk, says of it nothing
3.2.7, desk, --files-from=list --no-implied-dirs: exit 0, current is a link with [etc/conf tool], conf sent by the desk, says of it nothing
3.2.7, desk, -R -K: exit 0, current is a link with [etc/conf tool], conf sent by the desk, says of it nothing
TOLD
