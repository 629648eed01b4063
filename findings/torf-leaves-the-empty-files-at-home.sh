#!/bin/sh
# GUESS     A torrent made of a folder has every file in it: a release that came by torrent is the release. What tools differ
#           in is dotfiles, which some leave out.
# HAPPENS   torf leaves out every file of 0 bytes as well, without a word and without an option, and then verifies the very
#           folder against the torrent: whole. __init__.py and py.typed are mostly empty (331 of 13,973 files in one
#           virtual environment), so what arrives imports as namespace packages, untyped.
#           transmission-create 3.00 does the same; mktorrent, ctorrent and libtorrent have every file.
# VERSIONS  torf 4.3.1, libtorrent 2.1.1 (PyPI)
# SOURCE    torf/_torrent.py: _set_files, hidden=False, empty=False; transmission issues 305 and 1453
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    torf==4.3.1 libtorrent==2.1.1 || { echo "not to be installed here" >&2; exit 77; }

mkdir -p release/tool
echo 'VERSION = "1.0"' >release/tool/version.py
echo 'RETRIES=3' >release/.env
touch release/tool/__init__.py release/tool/py.typed

PYTHONPATH=lib python3 -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import libtorrent
import torf


def files_in(metainfo):
    return sorted(
        "/".join(part.decode() for part in entry[b"path"])
        for entry in metainfo[b"info"][b"files"]
        if b"p" not in entry.get(b"attr", b"")
    )


made = torf.Torrent(path="release")
made.generate()
theirs = files_in(libtorrent.bdecode(made.dump()))

storage = libtorrent.file_storage()
libtorrent.add_files(storage, "release")
torrent = libtorrent.create_torrent(storage)
libtorrent.set_piece_hashes(torrent, ".")
others = files_in(torrent.generate())

verified = made.verify("release")
print("torf", version("torf"), "has", theirs, "and verifies the folder:", verified)
print("libtorrent", version("libtorrent"), "has", others)
told = ["tool/version.py"], [".env", "tool/__init__.py", "tool/py.typed", "tool/version.py"]
sys.exit(0 if (theirs, others) == told and verified else 1)
PYTHON
