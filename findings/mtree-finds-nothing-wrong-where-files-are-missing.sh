#!/bin/sh
# GUESS     `mtree -f spec -p folder` ends with 2 where the folder is not what the specification says: its manual says so, and
#           that what is missing from either side is reported.
# HAPPENS   It reports them and exits 0. Only a file that is there and differs is worth a 2: of an empty folder all is
#           missing, and the check has passed. A file too many is 0 as well. libarchive's specifications, bsdtar
#           --format=mtree, are judged the same way. So a gate on the status notices a changed byte, and not that half of
#           the release never came; what is to be asked is whether it printed anything.
# VERSIONS  mtree-netbsd 20180822-7 and libarchive 3.6.2 (Debian 12)
# SOURCE    mtree(8), exit status; verify.c of the BSDs, whose miss() prints and returns nothing. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in mtree-netbsd=20180822-7 libarchive-tools=3.6.2-1+deb12u5 libarchive13=3.6.2-1+deb12u5; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
mtree=$work/root/usr/bin/mtree
bsdtar=$work/root/usr/bin/bsdtar
if ldd "$mtree" "$bsdtar" | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
dpkg-deb --show mtree-netbsd_*.deb

mkdir -p release/bin release/lib
echo tool >release/bin/tool
echo library >release/lib/library
"$mtree" -c -k type,sha256 -p release >own
"$bsdtar" -cf libarchive --format=mtree --options='!all,type,sha256' -C release .

# Prints what mtree says of a folder, by a specification, and its status.
judged() {
    status=0
    "$mtree" -f "$1" -p "$2" >said || status=$?
    echo "$1, $3: exit $status, $(grep -v '^[[:space:]]' said | tr -d ' ' | paste -s -d ' ')"
}
{
    for specification in own libarchive; do
        rm -rf there
        cp -R release there
        judged "$specification" there whole
        rm -r there/lib
        judged "$specification" there half
        rm -r there
        mkdir there
        judged "$specification" there empty
        rm -r there
        cp -R release there
        touch there/bin/more
        judged "$specification" there more
        rm there/bin/more
        echo loot >there/bin/tool
        judged "$specification" there changed
    done
} >seen
cat seen
diff - seen <<'TOLD'
own, whole: exit 0, 
own, half: exit 0, missing:./lib missing:./lib/library
own, empty: exit 0, missing:./bin missing:./bin/tool missing:./lib missing:./lib/library
own, more: exit 0, extra:bin/more
own, changed: exit 2, bin/tool:
libarchive, whole: exit 0, 
libarchive, half: exit 0, missing:./lib missing:./lib/library
libarchive, empty: exit 0, missing:./bin missing:./bin/tool missing:./lib missing:./lib/library
libarchive, more: exit 0, extra:bin/more
libarchive, changed: exit 2, bin/tool:
TOLD
