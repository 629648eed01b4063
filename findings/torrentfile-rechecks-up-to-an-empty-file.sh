#!/bin/sh
# GUESS     `torrentfile recheck` tells how much of a torrent is there: 100% is a whole download, of version 1, 2 or hybrid alike.
# HAPPENS   Of versions 2 and hybrid it reads up to a file of 0 bytes that is not the very first, and takes that for the end. What
#           comes after it, in the order of names, may be missing or be another's bytes: "100%", exit 0. A release in Python
#           has an __init__.py of 0 bytes near the top, and nearly all of it is behind that. Version 1, of the same folder,
#           is counted rightly, and libtorrent counts all three.
# VERSIONS  torrentfile 0.9.2, libtorrent 2.1.1 (PyPI)
# SOURCE    torrentfile/recheck.py: HashChecker.__next__. Seen by running
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    torrentfile==0.9.2 libtorrent==2.1.1 || { echo "not to be installed here" >&2; exit 77; }
PYTHONPATH=$work/lib
export PYTHONPATH

mkdir -p tool/data
seq 9000 >tool/README
: >tool/__init__.py
seq 9000 20000 >tool/data/one
seq 20000 90000 >tool/data/two
cat >counts.py <<'PYTHON'
import sys
import time

import libtorrent

session = libtorrent.session({"listen_interfaces": "", "enable_dht": False, "enable_lsd": False})
handle = session.add_torrent({"ti": libtorrent.torrent_info(sys.argv[1]), "save_path": "."})
for _ in range(300):
    status = handle.status()
    if status.state in (status.downloading, status.finished, status.seeding):
        break
    time.sleep(0.1)
print(f"{int(status.progress * 100)}%")
PYTHON
for version in 1 2 3; do
    python3 -m torrentfile create --meta-version "$version" --piece-length 15 -o "$version.torrent" tool >made 2>&1 \
        || { cat made; exit 1; }
done
# Prints how much of the folder either finds to be there.
recheck() {
    for version in 1 2 3; do
        status=0
        python3 -m torrentfile recheck "$version.torrent" tool >said 2>errors || status=$?
        percent=$(tr '\r' '\n' <said | sed -n 's/.*<- \([0-9]*\)[.0-9]*% ->.*/\1%/p' | tail -n 1)
        echo "$1, version $version: $percent, exit $status; libtorrent $(python3 -W ignore counts.py "$version.torrent")"
    done
}
{
    recheck 'whole'
    seq 30000 99999 | head -c "$(wc -c <tool/data/two)" >other
    mv other tool/data/two
    recheck 'one file is of another release'
    rm -r tool/data
    recheck 'a folder has not come'
} >seen
cat seen
diff - seen <<'TOLD'
whole, version 1: 100%, exit 0; libtorrent 100%
whole, version 2: 100%, exit 0; libtorrent 100%
whole, version 3: 100%, exit 0; libtorrent 100%
one file is of another release, version 1: 18%, exit 0; libtorrent 18%
one file is of another release, version 2: 100%, exit 0; libtorrent 20%
one file is of another release, version 3: 100%, exit 0; libtorrent 20%
a folder has not come, version 1: 6%, exit 0; libtorrent 6%
a folder has not come, version 2: 100%, exit 0; libtorrent 8%
a folder has not come, version 3: 100%, exit 0; libtorrent 8%
TOLD
