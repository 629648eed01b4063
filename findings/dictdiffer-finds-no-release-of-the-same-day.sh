#!/bin/sh
# GUESS     dictdiffer's `tolerance` is, as its docs say, for comparing two floats: load and temperature may differ by a millionth. A
#           release, a build number or an id is an int, and two ints are the same or they are not.
# HAPPENS   It is for ints as well, as a share of them. With that millionth the releases 20261130080000 and 20261120233000 are one,
#           as any two of less than twenty days. And ints are compared as floats whatever the tolerance is, 0 as well: two times
#           in nanoseconds, or two ids of 19 digits, are the same though they differ by a hundred. diff() is empty, so a sync
#           finds nothing to do. Strings are compared as they are.
# VERSIONS  dictdiffer 0.10.0 (PyPI)
# SOURCE    dictdiffer/utils.py: are_different, math.isclose; the docs of diff(): "when comparing two float numbers"
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib dictdiffer==0.10.0 \
    || { echo "not to be installed here" >&2; exit 77; }
PYTHONPATH=lib python3 - >seen <<'PYTHON'
from importlib.metadata import version

import dictdiffer

print("dictdiffer", version("dictdiffer"))
cases = [
    ("load", 0.5, 0.5000001),
    ("release", 20261130080000, 20261120233000),
    ("release", "20261130080000", "20261120233000"),
    ("build", 41234567, 41234568),
    ("mtime_ns", 1796028036000000001, 1796028036000000099),
    ("id", 1862345678901234567, 1862345678901234568),
]
for name, old, new in cases:
    words = []
    for options in ({}, {"tolerance": 1e-6}, {"tolerance": 0}):
        found = list(dictdiffer.diff({name: old}, {name: new}, **options))
        words.append("differs" if found else "the same")
    print(f"{name} {old!r} and {new!r}: {words[0]}; with a millionth {words[1]}; with 0 {words[2]}")
PYTHON
cat seen
diff - seen <<'TOLD'
dictdiffer 0.10.0
load 0.5 and 0.5000001: differs; with a millionth the same; with 0 differs
release 20261130080000 and 20261120233000: differs; with a millionth the same; with 0 differs
release '20261130080000' and '20261120233000': differs; with a millionth differs; with 0 differs
build 41234567 and 41234568: differs; with a millionth the same; with 0 differs
mtime_ns 1796028036000000001 and 1796028036000000099: the same; with a millionth the same; with 0 the same
id 1862345678901234567 and 1862345678901234568: the same; with a millionth the same; with 0 the same
TOLD
