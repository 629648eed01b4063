#!/bin/sh
# GUESS     --keep-dirlinks is for a folder that lies on another disk: data in the destination is a link to it, and is followed. A
#           dry run that ends with 0, all listed, and the run after it do the same.
# HAPPENS   Since 3.5.0, which came as a security update, links that lead out of the destination, and all absolute ones, are not
#           followed: what is below data/ is skipped, "Too many levels of symbolic links", exit 23, where 3.2.7 wrote it. The
#           dry run still lists every file of it and ends with 0. Whose link it is, root's or one's own, changes nothing,
#           and --keep-dirlinks' own page does not say it: that of --no-implied-dirs does, which has the same dry run.
#           A relative link inside the destination works; --insecure-links mends it, at the far end by --rsync-path.
# VERSIONS  rsync 3.5.0 (Debian 12's security update of 2026), rsync 3.2.7 (Debian 12)
# SOURCE    rsync(1) 3.5.0, --keep-dirlinks, --no-implied-dirs, --insecure-links. Found by running one matrix with both versions
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

mkdir -p tree/data/2026
echo tool >tree/tool
echo january >tree/data/2026/january

# Runs a version of rsync onto a destination whose data is a link, first dry, and prints both statuses, and what has come.
runs() {
    version=$1
    link=$2
    shift 2
    rm -rf site disk
    mkdir -p site/inside disk
    ln -s "$link" site/data
    dry=0
    "$version/usr/bin/rsync" -n -i "$@" site/ >plan 2>&1 || dry=$?
    status=0
    "$version/usr/bin/rsync" "$@" site/ 2>/dev/null || status=$?
    came=$(find site disk -name january -printf '%H/%P')
    echo "$version, data -> $link, $1: dry, exit $dry, $(grep -c january plan) file; run, exit $status, ${came:-nothing}" \
        | sed "s|$work/|/|"
}
{
    for version in 3.2.7 3.5.0; do
        runs "$version" "$work/disk" -aK tree/
        runs "$version" ../disk -aK tree/
        runs "$version" "$work/site/inside" -aK tree/
        runs "$version" inside -aK tree/
        runs "$version" ../disk -aR --no-implied-dirs tree/./data/2026/january
    done
    runs 3.5.0 ../disk --insecure-links -aK tree/
} >seen
cat seen
diff - seen <<'TOLD'
3.2.7, data -> /disk, -aK: dry, exit 0, 1 file; run, exit 0, disk/2026/january
3.2.7, data -> ../disk, -aK: dry, exit 0, 1 file; run, exit 0, disk/2026/january
3.2.7, data -> /site/inside, -aK: dry, exit 0, 1 file; run, exit 0, site/inside/2026/january
3.2.7, data -> inside, -aK: dry, exit 0, 1 file; run, exit 0, site/inside/2026/january
3.2.7, data -> ../disk, -aR: dry, exit 0, 1 file; run, exit 0, disk/2026/january
3.5.0, data -> /disk, -aK: dry, exit 0, 1 file; run, exit 23, nothing
3.5.0, data -> ../disk, -aK: dry, exit 0, 1 file; run, exit 23, nothing
3.5.0, data -> /site/inside, -aK: dry, exit 0, 1 file; run, exit 23, nothing
3.5.0, data -> inside, -aK: dry, exit 0, 1 file; run, exit 0, site/inside/2026/january
3.5.0, data -> ../disk, -aR: dry, exit 0, 1 file; run, exit 23, nothing
3.5.0, data -> ../disk, --insecure-links: dry, exit 0, 1 file; run, exit 0, disk/2026/january
TOLD
