#!/bin/sh
# GUESS     `ln -srfn releases/2 current`, or with both names in full, makes a link that says releases/2: -r counts from the place of the
#           link, with each ln that has it.
# HAPPENS   toybox's makes /releases/2, exit 0. Where what is linked to lies in the link's own folder, or below it, it puts a slash in
#           front; where it has to go up first it is right, as for bin/tool -> ../current/tool. So just the link that turns a
#           release leads nowhere, or, where the host has a folder of that name at its root, to that. The old link is gone.
#           busybox's ln, in this version, has no -r and says so, and leaves the old link.
# VERSIONS  toybox 0.8.9, GNU coreutils 9.1, rust-coreutils 0.0.17, busybox 1.35.0 (Debian 12); mended in toybox 0.8.10
# SOURCE    toybox's help for ln: "-r Create relative symlink from -> to"; its lib.c, relative_path(). Found by running one matrix with
#           all of them
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
if ldd coreutils/bin/ln toybox/bin/toybox rust-coreutils/usr/bin/coreutils | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

# Has a tool link to a name from another, and prints its status and where the link leads.
links() {
    rm -rf tool
    mkdir -p tool/releases/1 tool/releases/2 tool/bin
    ln -s releases/1 tool/current
    ln -s none tool/bin/tool
    status=0
    case $1 in
    GNU) (cd tool && ../coreutils/bin/ln -srfn "$2" "$3") 2>/dev/null || status=$? ;;
    busybox) (cd tool && ../busybox-static/bin/busybox ln -srfn "$2" "$3") 2>/dev/null || status=$? ;;
    toybox) (cd tool && ../toybox/bin/toybox ln -srfn "$2" "$3") 2>/dev/null || status=$? ;;
    uutils) (cd tool && ../rust-coreutils/usr/bin/coreutils ln -srfn "$2" "$3") 2>/dev/null || status=$? ;;
    esac
    link=${3#"$work/tool/"}
    echo "$1, ln -srfn $2 $3: exit $status, $link -> $(readlink "tool/$link")" | sed "s|$work||g"
}
for name in GNU uutils busybox toybox; do
    links "$name" releases/2 current
    links "$name" "$work/tool/releases/2" "$work/tool/current"
    links "$name" current/tool bin/tool
done >seen
cat seen
diff - seen <<'TOLD'
GNU, ln -srfn releases/2 current: exit 0, current -> releases/2
GNU, ln -srfn /tool/releases/2 /tool/current: exit 0, current -> releases/2
GNU, ln -srfn current/tool bin/tool: exit 0, bin/tool -> ../releases/1/tool
uutils, ln -srfn releases/2 current: exit 0, current -> releases/2
uutils, ln -srfn /tool/releases/2 /tool/current: exit 0, current -> releases/2
uutils, ln -srfn current/tool bin/tool: exit 0, bin/tool -> ../releases/1/tool
busybox, ln -srfn releases/2 current: exit 1, current -> releases/1
busybox, ln -srfn /tool/releases/2 /tool/current: exit 1, current -> releases/1
busybox, ln -srfn current/tool bin/tool: exit 1, bin/tool -> none
toybox, ln -srfn releases/2 current: exit 0, current -> /releases/2
toybox, ln -srfn /tool/releases/2 /tool/current: exit 0, current -> /releases/2
toybox, ln -srfn current/tool bin/tool: exit 0, bin/tool -> ../releases/1/tool
TOLD
