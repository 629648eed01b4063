#!/bin/sh
# GUESS     `sarif --check error diff old new` fails a build that has more errors than the one before: --check exits with an error, says its
#           help, "for diff, an increase in issues at that level".
# HAPPENS   It counts codes, not issues: five hundred errors where there was one are no increase as long as the code is an old one, be
#           they in files that had none. It prints "Number of occurrences 1 -> 500 (+499)", "all levels: +0 +0", and exits 0. A
#           single new one of another code exits 1, with 500 old ones gone. What the tool that wrote the report has marked as
#           suppressed, or as "absent" since the last run, is counted as an error like any other.
# VERSIONS  sarif-tools 3.0.5 (PyPI)
# SOURCE    sarif/operations/diff_op.py: "+" is raised where old_count is 0; `sarif --help`; SARIF 2.1.0, 3.27.23 and 3.27.24
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib sarif-tools==3.0.5 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "sarif-tools 3.0.5"

cat >write.py <<'PYTHON'
import json


def issue(code, file, line, **more):
    place = {"artifactLocation": {"uri": file}, "region": {"startLine": line}}
    return {
        "ruleId": code,
        "level": "error",
        "message": {"text": "a secret in the code"},
        "locations": [{"physicalLocation": place}],
        **more,
    }


def write(name, results):
    run = {"tool": {"driver": {"name": "scan"}}, "results": results}
    with open(f"{name}.sarif", "w") as file:
        json.dump({"version": "2.1.0", "runs": [run]}, file)


many = [issue("S1", f"src/{n}.py", 7) for n in range(500)]
write("none", [])
write("one", [issue("S1", "src/old.py", 3)])
write("many", many)
write("other", [issue("S2", "src/old.py", 9)])
write("suppressed", [issue("S1", "src/old.py", 3, suppressions=[{"kind": "inSource", "status": "accepted"}])])
write("absent", [issue("S1", "src/old.py", 3, baselineState="absent")])
PYTHON
python3 write.py
for pair in 'none one' 'one one' 'one many' 'many other' 'none suppressed' 'none absent'; do
    echo "from $pair"
    # shellcheck disable=SC2086 # They are two names.
    set -- $pair
    PYTHONPATH=lib python3 -m sarif --check error diff "$1.sarif" "$2.sarif" >printed 2>errors && status=0 || status=$?
    grep -E 'error level|occurrence|Eliminated|all levels' printed | sed 's/^ */    /'
    echo "    exits $status"
done >seen
cat seen
diff - seen <<'TOLD'
from none one
    error level: +1 +0
    New issue "S1 a secret in the code" (1 occurrence)
    all levels: +1 +0
    exits 1
from one one
    error level: +0 -0 no changes
    all levels: +0 +0
    exits 0
from one many
    error level: +0 +0
    Number of occurrences 1 -> 500 (+499) for issue "S1 a secret in the code"
    all levels: +0 +0
    exits 0
from many other
    error level: +1 -1
    New issue "S2 a secret in the code" (1 occurrence)
    Eliminated issue "S1 a secret in the code"
    all levels: +1 -1
    exits 1
from none suppressed
    error level: +1 +0
    New issue "S1 a secret in the code" (1 occurrence)
    all levels: +1 +0
    exits 1
from none absent
    error level: +1 +0
    New issue "S1 a secret in the code" (1 occurrence)
    all levels: +1 +0
    exits 1
TOLD
