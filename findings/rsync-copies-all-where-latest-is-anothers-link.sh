#!/bin/sh
# GUESS     rsync 3.5.0 follows no symlink that somebody else owns, its manual says, in the destination and in the folders and
#           lists that options name: "refuses". So a run that meets one fails, and is seen to.
# HAPPENS   The destination fails, exit 3, and so does --files-from. With --link-dest=../latest, where latest is the deploy
#           user's link and the run root's, a line is printed for each file, nothing is linked, all of it is copied anew, and
#           that is exit 0: each snapshot has the size of a whole one from the day of that security update on.
#           --compare-dest sends everything, --copy-dest takes nothing from next door, and a --log-file is done without.
#           A link of root's or of one's own is followed, and rsync 3.2.7 follows any.
# VERSIONS  rsync 3.5.0 (Debian 12's security update of 2026), rsync 3.2.7 (Debian 12)
# SOURCE    rsync(1) 3.5.0, --insecure-links, which mends it; NEWS of 3.5.0 and rsync issue 1067, of the destination
# NEEDS     Debian 12's packages; root, to make a link that is another's. Exits 0: as told; 1: it behaves otherwise; 77: cannot
#           be installed here, or not root.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(id -u)" = 0 ] || { echo "not root" >&2; exit 77; }
for version in 3.5.0+ds1-0+deb12u1 3.2.7-1+deb12u6; do
    apt-get -qq -o APT::Sandbox::User=root download "rsync=$version" || { echo "not to be installed here" >&2; exit 77; }
    dpkg-deb --extract "rsync_${version}_"*.deb "${version%%[+-]*}"
done
if ldd 3.5.0/usr/bin/rsync 3.2.7/usr/bin/rsync | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

mkdir tree
echo tool >tree/tool
echo tool >list

# Runs a version of rsync from a first snapshot on, and prints its status and whether it followed the link.
runs() {
    version=$1
    owner=$2
    shift 2
    rm -rf snapshots
    mkdir snapshots
    cp -a tree snapshots/1
    ln -s 1 snapshots/latest
    chown -h "$owner" snapshots/latest
    status=0
    "$version/usr/bin/rsync" -a "$@" >said 2>&1 || status=$?
    refused=followed
    if grep -q 'owned by an untrusted user' said; then refused=refused; fi
    echo "$version, link of $owner: $refused, exit $status, $*"
}
# Prints how many names the tool of the second snapshot has.
names() {
    echo "    tool has $(stat -c %h snapshots/2/tool) names"
}
{
    for version in 3.2.7 3.5.0; do
        for owner in root nobody; do
            runs "$version" "$owner" --link-dest=../latest tree/ snapshots/2/
            names
        done
    done
    runs 3.5.0 nobody --insecure-links --link-dest=../latest tree/ snapshots/2/
    names
    runs 3.5.0 nobody --compare-dest=../latest tree/ snapshots/2/
    names
    runs 3.5.0 root --compare-dest=../latest tree/ snapshots/2/
    find snapshots/2 -type f
    runs 3.5.0 nobody --log-file=snapshots/latest/log tree/ snapshots/2/
    runs 3.5.0 nobody tree/ snapshots/latest/
    runs 3.5.0 nobody --files-from=snapshots/latest/../../list tree/ snapshots/2/
} >seen
cat seen
diff - seen <<'TOLD'
3.2.7, link of root: followed, exit 0, --link-dest=../latest tree/ snapshots/2/
    tool has 2 names
3.2.7, link of nobody: followed, exit 0, --link-dest=../latest tree/ snapshots/2/
    tool has 2 names
3.5.0, link of root: followed, exit 0, --link-dest=../latest tree/ snapshots/2/
    tool has 2 names
3.5.0, link of nobody: refused, exit 0, --link-dest=../latest tree/ snapshots/2/
    tool has 1 names
3.5.0, link of nobody: followed, exit 0, --insecure-links --link-dest=../latest tree/ snapshots/2/
    tool has 2 names
3.5.0, link of nobody: refused, exit 0, --compare-dest=../latest tree/ snapshots/2/
    tool has 1 names
3.5.0, link of root: followed, exit 0, --compare-dest=../latest tree/ snapshots/2/
3.5.0, link of nobody: refused, exit 0, --log-file=snapshots/latest/log tree/ snapshots/2/
3.5.0, link of nobody: refused, exit 3, tree/ snapshots/latest/
3.5.0, link of nobody: refused, exit 1, --files-from=snapshots/latest/../../list tree/ snapshots/2/
TOLD
