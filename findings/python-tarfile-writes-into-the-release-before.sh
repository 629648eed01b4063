#!/bin/sh
# GUESS     `cp -al 1.0 1.1` and an archive unpacked over 1.1: what is unpacked is new, what is not costs nothing, and 1.0 stays
#           as it was. tar removes a file before it writes one of that name, so hard links part.
# HAPPENS   Python's tarfile writes into the file that is there, and 1.0 has the new content too: a rollback goes to what was
#           rolled back from. So do zipfile, shutil.unpack_archive for both, npm's tar-fs and busybox's unzip. GNU tar, bsdtar,
#           busybox's and toybox's tar, npm's tar and unzip do part the links, as rsync does: the same busybox has one
#           of either kind. filter="data", which makes unpacking safe, has nothing to do with it.
# VERSIONS  python3 of the machine, backports.tarfile 1.2.0 (PyPI, Python 3.12's); tar 7.5.23, tar-fs 3.1.3 (npm); GNU tar 1.34,
#           libarchive 3.6.2, busybox 1.35.0, toybox 0.8.9, unzip 6.0 (Debian 12)
# SOURCE    Python's tarfile.py, makefile; cpython issue 73798, open since 2017, of links within one archive. Seen by running
# NEEDS     Debian 12's packages, python3 with pip, node, npm, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in tar=1.34+dfsg-1.2+deb12u1 libarchive-tools=3.6.2-1+deb12u5 libarchive13=3.6.2-1+deb12u5 \
    busybox-static=1:1.35.0-4+deb12u1+b1 toybox=0.8.9+dfsg-1 unzip=6.0-28+deb12u1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib backports.tarfile==1.2.0 \
    || { echo "not to be installed here" >&2; exit 77; }
npm install --silent --no-audit --no-fund --prefix . tar@7.5.23 tar-fs@3.1.3 \
    || { echo "not to be installed here" >&2; exit 77; }
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH PYTHONPATH="$work/lib"
if ldd root/usr/bin/bsdtar root/bin/tar root/usr/bin/unzip | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
python3 --version

mkdir new
echo 'release 1.1' >new/tool
tar -cf new.tar -C new tool
(cd new && python3 -m zipfile -c ../new.zip tool)

# Unpacks with the command given over a copy by hard links, and prints what the two releases have then.
unpacks() {
    name=$1
    shift
    rm -rf 1.0 1.1
    mkdir 1.0
    echo 'release 1.0' >1.0/tool
    cp -al 1.0 1.1
    "$@"
    echo "$name: 1.1 has $(cat 1.1/tool), 1.0 has $(cat 1.0/tool)"
}
{
    unpacks 'GNU tar' root/bin/tar -xf new.tar -C 1.1
    unpacks bsdtar root/usr/bin/bsdtar -xf new.tar -C 1.1
    unpacks 'busybox tar' root/bin/busybox tar -xf new.tar -C 1.1
    unpacks 'toybox tar' root/bin/toybox tar -xf new.tar -C 1.1
    unpacks "npm's tar" node -e 'require("tar").x({ file: "new.tar", cwd: "1.1", sync: true })'
    unpacks unzip root/usr/bin/unzip -q -o new.zip -d 1.1
    echo
    unpacks tarfile python3 -m tarfile -e new.tar 1.1
    unpacks "3.12's, data" python3 -c 'import backports.tarfile as t; t.open("new.tar").extractall("1.1", filter="data")'
    unpacks zipfile python3 -m zipfile -e new.zip 1.1
    unpacks unpack_archive python3 -W ignore -c 'import shutil; shutil.unpack_archive("new.tar", "1.1")'
    unpacks "npm's tar-fs" node -e 'require("fs").createReadStream("new.tar").pipe(require("tar-fs").extract("1.1"))'
    unpacks 'busybox unzip' root/bin/busybox unzip -q -o new.zip -d 1.1
} >seen
cat seen
diff - seen <<'TOLD'
GNU tar: 1.1 has release 1.1, 1.0 has release 1.0
bsdtar: 1.1 has release 1.1, 1.0 has release 1.0
busybox tar: 1.1 has release 1.1, 1.0 has release 1.0
toybox tar: 1.1 has release 1.1, 1.0 has release 1.0
npm's tar: 1.1 has release 1.1, 1.0 has release 1.0
unzip: 1.1 has release 1.1, 1.0 has release 1.0

tarfile: 1.1 has release 1.1, 1.0 has release 1.1
3.12's, data: 1.1 has release 1.1, 1.0 has release 1.1
zipfile: 1.1 has release 1.1, 1.0 has release 1.1
unpack_archive: 1.1 has release 1.1, 1.0 has release 1.1
npm's tar-fs: 1.1 has release 1.1, 1.0 has release 1.1
busybox unzip: 1.1 has release 1.1, 1.0 has release 1.1
TOLD
