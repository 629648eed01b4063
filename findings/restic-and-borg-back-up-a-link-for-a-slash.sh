#!/bin/sh
# GUESS     `backup /srv/tool/current` keeps the link current and nothing behind it, as everybody learns once. With a slash behind it,
#           /srv/tool/current/ is the folder that it leads to, for cp -a, rsync and find, and with a slash and a dot for tar too.
# HAPPENS   restic and Borg take off what stands behind, and keep the link: the backup of current/, and of current/., has one entry
#           of ten bytes, exit 0, each night, and the check of the repository is content, as nothing in it is damaged. Of
#           current/data, a name within, and of current/*, both keep what is there. Only who looks at the number of files, or
#           restores, sees it.
# VERSIONS  restic 0.14.0, borgbackup 1.2.4 (Debian 12), GNU tar and cp of the machine
# SOURCE    POSIX, pathname resolution: a slash at the end resolves a link. Seen by running
# NEEDS     Debian 12's packages, Debian's python3.11. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in restic=0.14.0-1+b5 borgbackup=1.2.4-1 python3-msgpack python3-packaging libxxhash0; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH RESTIC_REPOSITORY="$work/restic" RESTIC_PASSWORD=of-no-matter RESTIC_CACHE_DIR="$work/cache"
export BORG_BASE_DIR="$work/base" BORG_REPO="$work/borg"
restic() { "$work/root/usr/bin/restic" "$@"; }
borg() { PYTHONPATH="$work/root/usr/lib/python3/dist-packages" /usr/bin/python3.11 -m borg.archiver "$@"; }
{ restic version && borg --version; } || { echo "not to be run here" >&2; exit 77; }

mkdir -p srv/releases/2/data
echo 'what matters' >srv/releases/2/data/state
ln -s releases/2 srv/current
restic init >/dev/null
borg init --encryption none

cd srv
number=0
for path in current current/ current/. current/data/ 'current/*'; do
    number=$((number + 1))
    # shellcheck disable=SC2086 # The star is for the shell.
    restic --quiet backup $path
    # shellcheck disable=SC2086 # Likewise.
    borg create "::$number" $path
    rm -rf ../copy
    mkdir ../copy
    # shellcheck disable=SC2086 # Likewise.
    cp -a $path ../copy
    # shellcheck disable=SC2086 # Likewise.
    echo "$path: cp $(find ../copy -name state | wc -l), tar $(tar -cf - $path | tar -tf - | grep -c state || :)," \
        "restic $(restic ls latest | grep -c state || :), borg $(borg list --short "::$number" | grep -c state || :)"
done >../seen
restic --quiet check >/dev/null
borg check
cat ../seen
diff - ../seen <<'TOLD'
current: cp 0, tar 0, restic 0, borg 0
current/: cp 1, tar 0, restic 0, borg 0
current/.: cp 1, tar 1, restic 0, borg 0
current/data/: cp 1, tar 1, restic 1, borg 1
current/*: cp 1, tar 1, restic 1, borg 1
TOLD
