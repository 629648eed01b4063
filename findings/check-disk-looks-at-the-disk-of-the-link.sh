#!/bin/sh
# GUESS     check_disk -p /srv/tool/current looks at the disk on which the release is, as `df /srv/tool/current` does: current is a link
#           to a folder of the large disk, and what a new release fills up is that.
# HAPPENS   It looks at the disk that has the link: "DISK OK", with the numbers of /, while the disk with the release is full. With a
#           slash behind it is the same, and so is a path through the link, current/data. A path that is not there is CRITICAL:
#           the link is followed to see that there is something, and then the disk is sought by the letters of the path. So a
#           folder /srv/large-2 is looked for on the disk /srv/large. The name of the disk is in the answer, for who reads
#           one that is OK. Of the folder's own path it tells the truth.
# VERSIONS  monitoring-plugins 2.3.3 (Debian 12)
# SOURCE    `check_disk --help`: -p, "mount point or block device"; lib/utils_disk.c: np_set_best_match compares names. df(1)
# NEEDS     Debian 12's packages, unshare with the right to mount. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed
#           here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in monitoring-plugins-basic=2.3.3-5+deb12u2 monitoring-plugins-common=2.3.3-5+deb12u2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
unshare --mount true 2>words || { cat words; echo "no mounts here" >&2; exit 77; }

cat >watch <<'SH'
set -eu
mkdir -p large large-2 srv
mount -t tmpfs -o size=20m tmpfs large
mkdir -p large/releases/2/data
ln -s ../large/releases/2 srv/current
head -c 19922944 /dev/zero >large/releases/2/data/file
for path in srv/current srv/current/ srv/current/data large/releases/2/data large-2 srv/nowhere; do
    status=0
    said=$(root/usr/lib/nagios/plugins/check_disk -w 2 -c 2 -p "$PWD/$path" 2>&1) || status=$?
    df=$(df --output=target "$PWD/$path" 2>/dev/null | tail -n 1)
    case $said in
        *"$PWD/large"*) disk=large ;;
        *free*) disk=another ;;
        *) disk=none ;;
    esac
    case $df in
        "$PWD/large") df=large ;;
        /*) df=another ;;
        *) df=none ;;
    esac
    echo "$path: exit $status, ${said%% -*}, disk: $disk, by df: $df"
done
SH
unshare --mount sh watch >seen
cat seen
diff - seen <<'TOLD'
srv/current: exit 0, DISK OK, disk: another, by df: large
srv/current/: exit 0, DISK OK, disk: another, by df: large
srv/current/data: exit 0, DISK OK, disk: another, by df: large
large/releases/2/data: exit 2, DISK CRITICAL, disk: large, by df: large
large-2: exit 2, DISK CRITICAL, disk: large, by df: another
srv/nowhere: exit 2, DISK CRITICAL, disk: none, by df: none
TOLD
