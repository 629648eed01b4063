#!/bin/sh
# GUESS     Of two Debian versions one is older, or they are the same; univers, which follows dpkg, says which.
# HAPPENS   2026.11.02 and 2026.11.2 are the same for dpkg. For univers the one is not older, not newer and not equal, and <= and
#           >= are both true: order is by number as dpkg has it, equality and hash are by letter. A range from one to
#           the other does not hold it, though each of its bounds does. RPM's are equal there, and PyPI's.
# VERSIONS  univers 32.0.1 (PyPI), dpkg 1.21
# SOURCE    univers/versions.py: Version and DebianVersion
# NEEDS     python3 with pip, PyPI, dpkg. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v dpkg >/dev/null || { echo "no dpkg here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$work/lib" univers==32.0.1 \
    || { echo "not to be installed here" >&2; exit 77; }

dpkg --compare-versions 2026.11.02 eq 2026.11.2
PYTHONPATH=$work/lib python3 - <<'PYTHON'
import sys
from importlib.metadata import version

from univers.version_range import VersionRange
from univers.versions import DebianVersion, PypiVersion, RpmVersion

print("univers", version("univers"))
seen = {}
for kind in (DebianVersion, RpmVersion, PypiVersion):
    padded, plain = kind("2026.11.02"), kind("2026.11.2")
    holds = {"<": padded < plain, "==": padded == plain, ">": padded > plain, "<=": padded <= plain, ">=": padded >= plain}
    seen[kind] = " ".join(sign for sign, true in holds.items() if true)
    print(f"{kind.__name__}: 2026.11.02 is", seen[kind], "2026.11.2")
held = [
    DebianVersion("2026.11.02") in VersionRange.from_string("vers:deb/" + bounds)
    for bounds in (">=2026.11.2", "<=2026.11.2", ">=2026.11.2|<=2026.11.2")
]
print("held by >=, <= and both at once:", held)
told = list(seen.values()) == ["<= >=", "== <= >=", "== <= >="] and held == [True, True, False]
sys.exit(0 if told else 1)
PYTHON
