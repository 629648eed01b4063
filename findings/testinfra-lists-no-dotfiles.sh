#!/bin/sh
# GUESS     testinfra's host.file(PATH).listdir() is the "list of items under the directory", as os.listdir, whose name it has. A test
#           that nothing was left in a folder, or that two folders have the same in them, asks it.
# HAPPENS   Names with a dot in front are not in it: it runs `ls -1 -q`. So a folder with .env, .git and the part of a download that
#           rsync has left, .tool.tar.gz.Xa3k9Z, is empty, and the test that a rollout clears up behind itself passes. Asked for
#           by its name, .env is there.
# VERSIONS  pytest-testinfra 10.2.2, pytest 9.2.0 (PyPI)
# SOURCE    testinfra/modules/file.py: listdir; its docs, File.listdir
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib pytest-testinfra==10.2.2 \
    pytest==9.2.0 || { echo "not to be installed here" >&2; exit 77; }

mkdir -p staging/.git cleared
: >staging/.env
: >staging/.tool.tar.gz.Xa3k9Z
cat >test_staging.py <<'PYTHON'
import os


def test_nothing_is_left(host):
    assert host.file("staging").listdir() == []


def test_it_is_as_the_cleared_one(host):
    assert host.file("staging").listdir() == host.file("cleared").listdir()


def test_by_name(host):
    assert host.file("staging/.env").exists


def test_python(host):
    assert os.listdir("staging") == []
PYTHON
PYTHONPATH=lib python3 -m pytest -q --no-header -rA test_staging.py >words 2>&1 || true
sed -n 's/^\(PASSED\|FAILED\) [^:]*::\([a-z_]*\).*/\2: \1/p' words | sort >seen
cat seen
diff - seen <<'TOLD'
test_by_name: PASSED
test_it_is_as_the_cleared_one: PASSED
test_nothing_is_left: PASSED
test_python: FAILED
TOLD
