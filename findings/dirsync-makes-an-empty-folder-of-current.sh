#!/bin/sh
# GUESS     `dirsync here there --sync` makes there like here. Of links such tools make links, or copies of what they lead to.
# HAPPENS   A link to a file becomes a link, and a link to a folder an empty folder: of current -> releases/2 the other side has
#           current/ with nothing in it, exit 0, and keeps it, wherever current leads next. And what was rolled back here
#           does not come: a file that is older than the one over there is left as it is, "0 files copied", exit 0, with
#           --purge as well. --content mends the file, not the link.
# VERSIONS  dirsync 2.2.6 (PyPI)
# SOURCE    dirsync/syncer.py: _copy, _cmptimestamps; dirsync issues 38, 35 and 1. Seen by running
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib dirsync==2.2.6 \
    || { echo "not to be installed here" >&2; exit 77; }
# It writes a file of its own into the home folder.
mkdir home
export HOME="$work/home" PYTHONPATH="$work/lib"

mkdir -p here/releases/1 here/releases/2 there
echo 'release 1' >here/releases/1/tool
echo 'release 2' >here/releases/2/tool
ln -s releases/2 here/current
echo 'retries = 5' >here/conf
touch -d '2026-11-02 12:00' here/conf
ln -s conf here/conf.link

# Runs it, and prints its status and what there is over there.
syncs() {
    name=$1
    shift
    status=0
    python3 -W ignore lib/bin/dirsync here there "$@" >said 2>&1 || status=$?
    echo "$name: exit $status, $(grep -o '[0-9]* files copied' said | head -n 1)"
    for path in current conf.link conf; do
        if [ -L "there/$path" ]; then
            echo "  $path -> $(readlink "there/$path")"
        elif [ -d "there/$path" ]; then
            echo "  $path/ with $(find "there/$path" -mindepth 1 | wc -l) files"
        else
            echo "  $path: $(cat "there/$path")"
        fi
    done
}
{
    syncs 'at first' --sync
    echo 'retries = 3' >here/conf
    touch -d '2026-10-01 12:00' here/conf
    rm here/current
    ln -s releases/1 here/current
    syncs 'rolled back' --sync
    syncs 'rolled back, --purge' --sync --purge
    syncs 'rolled back, --content' --sync --content
} >seen
cat seen
diff - seen <<'TOLD'
at first: exit 0, 4 files copied
  current/ with 0 files
  conf.link -> conf
  conf: retries = 5
rolled back: exit 0, 0 files copied
  current/ with 0 files
  conf.link -> conf
  conf: retries = 5
rolled back, --purge: exit 0, 0 files copied
  current/ with 0 files
  conf.link -> conf
  conf: retries = 5
rolled back, --content: exit 0, 0 files copied
  current/ with 0 files
  conf.link -> conf
  conf: retries = 3
TOLD
