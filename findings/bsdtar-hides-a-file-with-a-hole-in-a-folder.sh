#!/bin/sh
# GUESS     A tar made without any option holds the files as they are read: what one tar wrote, each tar reads. Holes are for those
#           who ask, by GNU tar's --sparse.
# HAPPENS   bsdtar, the tar of macOS, FreeBSD and Windows, looks for holes by itself, and stores such a file in GNU's sparse format:
#           under another name, a folder GNUSparseFile.0 deeper, with a table of its holes before the bytes. busybox,
#           toybox and npm's tar and tar-fs unpack just that, exit 0: lib/index is not there, lib/GNUSparseFile.0/index
#           has 5 kB of 1 MB, and bsdtar -t, GNU tar and Python show nothing odd. Whether a file has a hole, the file
#           system of whoever packs decides: the very same bytes, copied by cat, have none. --no-read-sparse mends it.
# VERSIONS  libarchive 3.6.2, busybox 1.35.0, toybox 0.8.9, GNU tar 1.34 (Debian 12); tar 7.5.23, tar-fs 3.1.3 (npm)
# SOURCE    bsdtar(1), --no-read-sparse; toybox issue 469, composefs/tar-rs issue 295, protofetch pull request 85: a program of
#           macOS that had zeroes enough
# NEEDS     Debian 12's packages, node, npm, python3; holes in the temporary folder. Exits 0: as told; 1: it behaves otherwise;
#           77: cannot be installed here, or no holes.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in tar=1.34+dfsg-1.2+deb12u1 libarchive-tools=3.6.2-1+deb12u5 libarchive13=3.6.2-1+deb12u5 \
    busybox-static=1:1.35.0-4+deb12u1+b1 toybox=0.8.9+dfsg-1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
npm install --silent --no-audit --no-fund --prefix . tar@7.5.23 tar-fs@3.1.3 \
    || { echo "not to be installed here" >&2; exit 77; }
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
bsdtar=$work/root/usr/bin/bsdtar
if ldd "$bsdtar" root/bin/tar | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
"$bsdtar" --version

mkdir -p holed/lib whole/lib
echo 'an index that was made ready for more' >holed/lib/index
truncate --size 1M holed/lib/index
echo 'the end' >>holed/lib/index
cat holed/lib/index >whole/lib/index
cmp holed/lib/index whole/lib/index
[ "$(du -k holed/lib/index | cut -f 1)" -lt 100 ] || { echo "no holes in this file system" >&2; exit 77; }
"$bsdtar" -cf holed.tar -C holed lib
"$bsdtar" -cf whole.tar -C whole lib
"$bsdtar" --no-read-sparse -cf asked.tar -C holed lib

# Unpacks with the command given, and prints its status, and what came and whether it is the file.
unpacks() {
    name=$1
    shift
    rm -rf out
    mkdir out
    status=0
    "$@" || status=$?
    file=$(find out -type f)
    same=whole
    cmp -s "$file" whole/lib/index || same=broken
    echo "$name: exit $status, ${file#out/} $same"
}
{
    "$bsdtar" -tf holed.tar | paste -s -d ' '
    unpacks bsdtar "$bsdtar" -xf holed.tar -C out
    unpacks 'GNU tar' root/bin/tar -xf holed.tar -C out
    unpacks python python3 -m tarfile -e holed.tar out
    for archive in holed whole asked; do
        echo
        unpacks "busybox, $archive" root/bin/busybox tar -xf "$archive.tar" -C out
        unpacks "toybox, $archive" root/bin/toybox tar -xf "$archive.tar" -C out
        unpacks "tar, $archive" node -e "require('tar').x({ file: '$archive.tar', cwd: 'out', sync: true })"
        unpacks "tar-fs, $archive" node -e "require('fs').createReadStream('$archive.tar').pipe(require('tar-fs').extract('out'))"
    done
} >seen
cat seen
diff - seen <<'TOLD'
lib/ lib/index
bsdtar: exit 0, lib/index whole
GNU tar: exit 0, lib/index whole
python: exit 0, lib/index whole

busybox, holed: exit 0, lib/GNUSparseFile.0/index broken
toybox, holed: exit 0, lib/GNUSparseFile.0/index broken
tar, holed: exit 0, lib/GNUSparseFile.0/index broken
tar-fs, holed: exit 0, lib/GNUSparseFile.0/index broken

busybox, whole: exit 0, lib/index whole
toybox, whole: exit 0, lib/index whole
tar, whole: exit 0, lib/index whole
tar-fs, whole: exit 0, lib/index whole

busybox, asked: exit 0, lib/index whole
toybox, asked: exit 0, lib/index whole
tar, asked: exit 0, lib/index whole
tar-fs, asked: exit 0, lib/index whole
TOLD
