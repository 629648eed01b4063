#!/bin/sh
# GUESS     `rm -rf current/`, with the slash that the shell's completion has put there, takes away a link that leads to a release, or
#           says that it will not. rm removes names, and does not go through links.
# HAPPENS   GNU's rm goes through the link, deletes all that is in the release, and leaves the empty folder and the link: with -f it
#           says nothing and exits 0, as if nothing had been there to remove, and current leads to an empty release. Without -f it
#           does just the same and says "Not a directory" afterwards, exit 1, so that one thinks it has refused. uutils' does so
#           too, and says it with -f as well. busybox's and toybox's remove the link alone, exit 0. current/. they all refuse, toybox
#           and uutils when they have deleted; without a slash all remove the link.
# VERSIONS  GNU coreutils 9.1, busybox 1.35.0, toybox 0.8.9, rust-coreutils 0.0.17 (Debian 12)
# SOURCE    coreutils' manual, rm: of a link with a slash it says nothing; -f is for what does not exist, which rm.c and remove.c, in
#           ignorable_missing(), take "Not a directory" for. Found by running one matrix with all of them
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in coreutils=9.1-1 busybox-static=1:1.35.0-4+deb12u1+b1 toybox=0.8.9+dfsg-1 rust-coreutils=0.0.17-2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" "${package%%_*}"
done
if ldd coreutils/bin/rm toybox/bin/toybox rust-coreutils/usr/bin/coreutils | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

# Has a tool's rm remove a name, with options, and prints its status, what it says and what is there then.
removes() {
    rm -rf tool
    mkdir -p tool/releases/1/bin
    echo tool >tool/releases/1/bin/tool
    ln -s releases/1 tool/current
    status=0
    case $1 in
    GNU) (cd tool && ../coreutils/bin/rm "$2" "$3") 2>words || status=$? ;;
    busybox) (cd tool && ../busybox-static/bin/busybox rm "$2" "$3") 2>words || status=$? ;;
    toybox) (cd tool && ../toybox/bin/toybox rm "$2" "$3") 2>words || status=$? ;;
    uutils) (cd tool && ../rust-coreutils/usr/bin/coreutils rm "$2" "$3") 2>words || status=$? ;;
    esac
    link='no link'
    [ ! -L tool/current ] || link='the link'
    release='the release'
    [ -e tool/releases/1/bin/tool ] || release='an empty release'
    [ -d tool/releases/1 ] || release='no release'
    echo "$1, rm $2 $3: exit $status, $(grep -c . words || :) lines said, there are $link and $release"
}
for name in GNU busybox toybox uutils; do
    removes "$name" -rf current/
    removes "$name" -r current/
    removes "$name" -rf current/.
    removes "$name" -rf current
done >seen
cat seen
diff - seen <<'TOLD'
GNU, rm -rf current/: exit 0, 0 lines said, there are the link and an empty release
GNU, rm -r current/: exit 1, 1 lines said, there are the link and an empty release
GNU, rm -rf current/.: exit 1, 1 lines said, there are the link and the release
GNU, rm -rf current: exit 0, 0 lines said, there are no link and the release
busybox, rm -rf current/: exit 0, 0 lines said, there are no link and the release
busybox, rm -r current/: exit 0, 0 lines said, there are no link and the release
busybox, rm -rf current/.: exit 1, 1 lines said, there are the link and the release
busybox, rm -rf current: exit 0, 0 lines said, there are no link and the release
toybox, rm -rf current/: exit 0, 0 lines said, there are no link and the release
toybox, rm -r current/: exit 0, 0 lines said, there are no link and the release
toybox, rm -rf current/.: exit 1, 1 lines said, there are the link and an empty release
toybox, rm -rf current: exit 0, 0 lines said, there are no link and the release
uutils, rm -rf current/: exit 1, 1 lines said, there are the link and an empty release
uutils, rm -r current/: exit 1, 1 lines said, there are the link and an empty release
uutils, rm -rf current/.: exit 1, 1 lines said, there are the link and an empty release
uutils, rm -rf current: exit 0, 0 lines said, there are no link and the release
TOLD
