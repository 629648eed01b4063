#!/bin/sh
# GUESS     transmission-create makes a torrent of a folder: of all that is in it. Who seeds it and who fetches it have the same release.
# HAPPENS   Each name that begins with a dot is left out, at every depth: .env, web/.htaccess, and whole folders, .output, .venv,
#           .well-known. Each file of 0 bytes is left out too. "done!", exit 0; the manual has no word of it, and no option.
#           Who fetches it has 100% of it, as the torrent knows nothing of what is missing. mktorrent, of the same folder, has
#           them all.
# VERSIONS  transmission-cli 3.00, mktorrent 1.1 (Debian 12)
# SOURCE    transmission-create(1), source file or directory; libtransmission/makemeta.c: getFiles passes by what begins with a dot
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in transmission-cli=3.00-2.1+deb12u1 libminiupnpc17 libdeflate0 libb64-0d libnatpmp1 libpsl5 libevent-2.1-7 libcurl4 \
    mktorrent; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
dpkg-deb --show transmission-cli_*.deb
dpkg-deb --show mktorrent_*.deb
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
root/usr/bin/transmission-create --version >words 2>&1 || { cat words; echo "not to be run here" >&2; exit 77; }

mkdir -p release/web release/.output/server release/empty
echo 2 >release/VERSION
echo MODE=production >release/.env
echo Deny >release/web/.htaccess
echo page >release/web/index.html
echo code >release/.output/server/index.mjs
: >release/zero
cat >names.py <<'PYTHON'
import sys


def bdecode(data, at):
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in b"ld":
        items, at = [], at + 1
        while data[at : at + 1] != b"e":
            item, at = bdecode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end], end


meta, _ = bdecode(open(sys.argv[1], "rb").read(), 0)
print(" ".join(sorted(b"/".join(file[b"path"]).decode() for file in meta[b"info"][b"files"])))
PYTHON
{
    echo "find: $(cd release && find . -type f | sed 's|^\./||' | sort | paste -s -d ' ')"
    status=0
    root/usr/bin/transmission-create --outfile transmission.torrent release >words 2>&1 || status=$?
    echo "transmission-create: exit $status, $(python3 names.py transmission.torrent)"
    status=0
    root/usr/bin/mktorrent -o mktorrent.torrent release >words 2>&1 || status=$?
    echo "mktorrent: exit $status, $(python3 names.py mktorrent.torrent)"
} >seen
cat seen
diff - seen <<'TOLD'
find: .env .output/server/index.mjs VERSION web/.htaccess web/index.html zero
transmission-create: exit 0, VERSION web/index.html
mktorrent: exit 0, .env .output/server/index.mjs VERSION web/.htaccess web/index.html zero
TOLD
