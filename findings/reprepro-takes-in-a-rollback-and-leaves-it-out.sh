#!/bin/sh
# GUESS     An archive of packages has the releases that were put into it: with 1.0 and 1.1 in reprepro's, `apt install tool=1.0` goes back on
#           one host, and `reprepro includedeb stable tool_1.0.deb`, with status 0, goes back for all.
# HAPPENS   As soon as 1.1 comes in, 1.0 is taken out, and its file deleted from the pool: no host can go back by a version, and hosts of
#           the second wave, whose index is from before, get 404 for what they were to install. includedeb of 1.0 says
#           that it skips it, "as it has already 1.1", deletes the copy it has just made, and exits 0: a pipeline that goes back
#           has done so, and the fleet stays. A candidate 1.2~rc1 takes 1.1 out as well. To go back, 1.1 is to be removed first, and
#           for that while there is none.
# VERSIONS  reprepro 5.3.1 (Debian 12)
# SOURCE    reprepro(1): includedeb, "include the given binary Debian package (.deb) in the specified distribution"; of the
#           queue of incoming ones it is said that an older one is an error, unless older_version permits it. Seen by running
# NEEDS     Debian 12's packages, dpkg-deb. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in reprepro=5.3.1-1+deb12u2 libgpgme11 libassuan0 libarchive13 libdb5.3; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
dpkg-deb --show reprepro_*.deb
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
reprepro() { "$work/root/usr/bin/reprepro" --basedir "$work/archive" "$@"; }
reprepro --version >/dev/null 2>words || { cat words; echo "not to be run here" >&2; exit 77; }

for version in 1.0 1.1 '1.2~rc1'; do
    rm -rf tool
    mkdir -p tool/DEBIAN tool/srv
    echo "$version" >tool/srv/VERSION
    printf '%s\n' 'Package: tool' "Version: $version" 'Section: misc' 'Priority: optional' 'Architecture: all' \
        'Maintainer: a <a@example.org>' 'Description: a tool' >tool/DEBIAN/control
    dpkg-deb --root-owner-group --build tool "tool_$version.deb" >/dev/null
done
mkdir -p archive/conf
printf 'Codename: stable\nArchitectures: amd64\nComponents: main\n' >archive/conf/distributions

# Runs a command, and prints what is in the archive then.
after() {
    status=0
    reprepro "$@" >words 2>&1 || status=$?
    echo "$*: exit $status, index $(reprepro list stable | sed 's/.* //' | paste -s -d ' '), pool" \
        "$(find archive/pool -name '*.deb' 2>/dev/null | sed 's/.*_\(.*\)_all.deb/\1/' | sort | paste -s -d ' ')"
}
{
    after includedeb stable tool_1.0.deb
    after includedeb stable tool_1.1.deb
    after includedeb stable tool_1.0.deb
    after remove stable tool
    after includedeb stable tool_1.0.deb
    after includedeb stable tool_1.1.deb
    after includedeb stable tool_1.2~rc1.deb
} >seen
cat seen
diff - seen <<'TOLD'
includedeb stable tool_1.0.deb: exit 0, index 1.0, pool 1.0
includedeb stable tool_1.1.deb: exit 0, index 1.1, pool 1.1
includedeb stable tool_1.0.deb: exit 0, index 1.1, pool 1.1
remove stable tool: exit 0, index , pool 
includedeb stable tool_1.0.deb: exit 0, index 1.0, pool 1.0
includedeb stable tool_1.1.deb: exit 0, index 1.1, pool 1.1
includedeb stable tool_1.2~rc1.deb: exit 0, index 1.2~rc1, pool 1.2~rc1
TOLD
