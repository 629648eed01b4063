#!/bin/sh
# GUESS     A patch for what is live, as a tar with current/etc/conf in it, unpacked in /srv/tool: it is put through the link current into
#           the release, or over the link, and one tar does as the other.
# HAPPENS   It goes by whether the archive has the folder current/ as an entry of its own, as it has where the folder was named to tar, and
#           has not where the file was. Without it GNU's tar, busybox's, toybox's and Python's write into the release; npm's writes
#           nothing, exit 0, and bsdtar refuses, exit 1. With it GNU's, bsdtar, toybox's and npm's take the link away, make a folder
#           and put the one file there, exit 0: the rest of the release is no more at current. busybox's and Python's go on through
#           the link. In `tar -t` it is a line more. GNU's --keep-directory-symlink and bsdtar's -P keep the link.
# VERSIONS  GNU tar 1.34, libarchive 3.6.2, busybox 1.35.0, toybox 0.8.9 (Debian 12); tar 7.5.23 (npm); Python of the machine
# SOURCE    tar's manual, --keep-directory-symlink; bsdtar(1), -P, of links in the way. Found by running one matrix with all of them
# NEEDS     Debian 12's packages, node, npm, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
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
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . tar@7.5.23 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
if ldd root/usr/bin/bsdtar root/bin/tar root/bin/toybox | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

mkdir -p patch/current/etc
echo 'patched' >patch/current/etc/conf
root/bin/tar -C patch -cf folder.tar current
root/bin/tar -C patch -cf file.tar current/etc/conf

# Unpacks an archive on a host by the command given, and prints its status and what current is then.
unpacks() {
    name=$1
    shift
    rm -rf host
    mkdir -p host/releases/1/etc
    echo tool >host/releases/1/tool
    echo 'of the release' >host/releases/1/etc/conf
    ln -s releases/1 host/current
    status=0
    (cd host && "$@") >words 2>&1 || status=$?
    kind='a folder'
    [ ! -L host/current ] || kind='a link'
    echo "$name: exit $status, current is $kind with [$(find host/current/ -type f -printf '%P\n' | sort | paste -s -d ' ')]," \
        "conf $(cat host/current/etc/conf)"
}
{
    for archive in file folder; do
        unpacks "$archive, GNU tar" ../root/bin/tar -xf "../$archive.tar"
        unpacks "$archive, bsdtar" ../root/usr/bin/bsdtar -xf "../$archive.tar"
        unpacks "$archive, busybox" ../root/bin/busybox tar -xf "../$archive.tar"
        unpacks "$archive, toybox" ../root/bin/toybox tar -xf "../$archive.tar"
        unpacks "$archive, Python" python3 -m tarfile -e "../$archive.tar" .
        unpacks "$archive, npm's tar" node -e "require('../node_modules/tar').x({ file: '../$archive.tar', sync: true })"
    done
    unpacks 'folder, GNU tar, asked' ../root/bin/tar --keep-directory-symlink -xf ../folder.tar
    unpacks 'folder, bsdtar, asked' ../root/usr/bin/bsdtar -P -xf ../folder.tar
} >seen
cat seen
diff - seen <<'TOLD'
file, GNU tar: exit 0, current is a link with [etc/conf tool], conf patched
file, bsdtar: exit 1, current is a link with [etc/conf tool], conf of the release
file, busybox: exit 0, current is a link with [etc/conf tool], conf patched
file, toybox: exit 0, current is a link with [etc/conf tool], conf patched
file, Python: exit 0, current is a link with [etc/conf tool], conf patched
file, npm's tar: exit 0, current is a link with [etc/conf tool], conf of the release
folder, GNU tar: exit 0, current is a folder with [etc/conf], conf patched
folder, bsdtar: exit 0, current is a folder with [etc/conf], conf patched
folder, busybox: exit 0, current is a link with [etc/conf tool], conf patched
folder, toybox: exit 0, current is a folder with [etc/conf], conf patched
folder, Python: exit 0, current is a link with [etc/conf tool], conf patched
folder, npm's tar: exit 0, current is a folder with [etc/conf], conf patched
folder, GNU tar, asked: exit 0, current is a link with [etc/conf tool], conf patched
folder, bsdtar, asked: exit 0, current is a link with [etc/conf tool], conf patched
TOLD
