#!/bin/sh
# GUESS     `junit2html --max-failures 1 result.xml page.html` makes a page of a run and ends with something else than 0 where a test
#           failed: "exit non-zero if FAILURES or more test cases are failures". What it cannot read it refuses.
# HAPPENS   Of what Robot Framework writes by --xunit the page says "Tests 0, Failures 0", exit 0: Robot has its suites one within
#           the other, and junit2html looks at the outermost alone. Nothing says that tests are missing; where the outer
#           suite has tests of its own, as a folder's has not, those are shown. And --max-failures is not looked at for a
#           page of one run, be it flat: one failure is exit 0. Only with --summary-matrix or --report-matrix it counts, and
#           there the nested ones are missing again; the status is the number of the failures, so that 256 of them, and
#           512, are 0 once more.
# VERSIONS  junit2html 31.1.4, robotframework 7.5, of 2026 (PyPI)
# SOURCE    junit2html --help; junit2htmlreport/runner.py and parser.py; Robot Framework issues 2982 and 4444: nested since 5.0
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib junit2html==31.1.4 \
    robotframework==7.5 || { echo "not to be installed here" >&2; exit 77; }
export PYTHONPATH="$work/lib"
echo "junit2html 31.1.4, robotframework 7.5"

mkdir checks
cat >checks/web.robot <<'ROBOT'
*** Test Cases ***
Answers
    Should Be Equal    503    200

Answers Again
    Should Be Equal    503    200
ROBOT
cat >checks/rows.robot <<'ROBOT'
*** Test Cases ***
Writes
    Should Be Equal    1    1
ROBOT
robot=0
python3 -m robot --xunit nested.xml --output NONE --log NONE --report NONE checks >words || robot=$?
cat >flat.xml <<'XML'
<testsuite name="web" tests="1" failures="1">
<testcase classname="web" name="answers"><failure message="503 != 200"/></testcase>
</testsuite>
XML
{
    echo '<testsuite name="web">'
    for number in $(seq 256); do
        echo "<testcase classname='web' name='answers-$number'><failure message='503 != 200'/></testcase>"
    done
    echo '</testsuite>'
} >many.xml

junit2html() {
    status=0
    python3 lib/bin/junit2html --max-failures 1 "$@" >words 2>&1 || status=$?
    echo "exit $status"
}
# Prints the numbers of a page.
numbers() {
    python3 -c 'import re, sys
text = re.sub(r"<[^>]*>", " ", sys.stdin.read())
print(", ".join(" ".join(found) for found in re.findall(r"(Tests|Failures)\s+(\d+)", text)))' <"$1"
}
{
    echo "robot: exit $robot, of nested.xml $(grep -c '<failure' nested.xml) fail"
    for run in nested flat; do
        echo "$run.xml: $(junit2html "$run.xml" "$run.html"), $(numbers "$run.html")"
    done
    echo "--summary-matrix nested.xml: $(junit2html --summary-matrix nested.xml), $(grep -c 'Failed' words || :) lines of failures"
    echo "--summary-matrix flat.xml: $(junit2html --summary-matrix flat.xml)"
    echo "--summary-matrix many.xml: $(junit2html --summary-matrix many.xml), $(sed -n 's/^ *Failed *: *//p' words) failed"
} >seen
cat seen
diff - seen <<'TOLD'
robot: exit 2, of nested.xml 2 fail
nested.xml: exit 0, Tests 0, Failures 0
flat.xml: exit 0, Tests 1, Failures 1
--summary-matrix nested.xml: exit 0, 0 lines of failures
--summary-matrix flat.xml: exit 1
--summary-matrix many.xml: exit 0, 256 failed
TOLD
