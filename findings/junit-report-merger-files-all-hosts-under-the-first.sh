#!/bin/sh
# GUESS     A suite that ran on three hosts gives three reports. junit-report-merger makes one of them "by collecting all <testsuite>
#           elements from all XML reports and putting them together": three suites, each with its hostname, its start and its tests.
# HAPPENS   There is one: suites of the same name become the first of them, whichever host they are of. What failed on web03 stands
#           under hostname="web01", with web01's start, in a file that names web03 nowhere but in a property: of those there are
#           three blocks, where JUnit's schema has one, and readers take the first or the last. A reader such as junitparser tells that
#           web01 has failed, and finds each test there three times. junit-merge keeps the suites apart.
# VERSIONS  junit-report-merger 9.0.4 (npm, 2026), junit-merge 2.0.0 (npm), junitparser 5.0.3 (PyPI, 2026)
# SOURCE    junit-report-merger: src/domHelpers.js, findTestSuiteByName; its README
# NEEDS     node, npm, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . junit-report-merger@9.0.4 junit-merge@2.0.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib junitparser==5.0.3 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "junit-report-merger 9.0.4, junit-merge 2.0.0, junitparser 5.0.3"

# write HOST HOUR FAILURE
write() {
    cat >"$1.xml" <<XML
<testsuites>
  <testsuite name="deploy" tests="2" failures="$([ -z "$3" ] && echo 0 || echo 1)" hostname="$1" timestamp="2026-11-30T$2:00:00" time="60">
    <properties><property name="node" value="$1"/></properties>
    <testcase classname="deploy" name="starts" time="30"/>
    <testcase classname="deploy" name="answers" time="30">$3</testcase>
  </testsuite>
</testsuites>
XML
}
write web01 08 ''
write web02 09 ''
write web03 10 '<failure message="no answer"/>'
cat >read.py <<'PYTHON'
import sys

from junitparser import JUnitXml

for suite in JUnitXml.fromfile(sys.argv[1]):
    nodes = [one.value for one in suite.properties()]
    cases = [f"{case.name}{' failed' if case.is_failure else ''}" for case in suite]
    print(f"    {suite.hostname} from {suite.timestamp[11:16]}, node {' '.join(nodes)}: {', '.join(cases)}")
PYTHON
{
    node_modules/.bin/jrm merged.xml web01.xml web02.xml web03.xml >/dev/null
    echo "junit-report-merger"
    PYTHONPATH=lib python3 read.py merged.xml
    echo "    hostname=\"web03\": $(grep -c 'hostname="web03"' merged.xml || true)"
    echo "    blocks of properties: $(grep -c '<properties>' merged.xml)"
    node_modules/.bin/junit-merge -o kept.xml web01.xml web02.xml web03.xml >/dev/null
    echo "junit-merge"
    PYTHONPATH=lib python3 read.py kept.xml
} >seen
cat seen
diff - seen <<'TOLD'
junit-report-merger
    web01 from 08:00, node web01: starts, answers, starts, answers, starts, answers failed
    hostname="web03": 0
    blocks of properties: 3
junit-merge
    web01 from 08:00, node web01: starts, answers
    web02 from 09:00, node web02: starts, answers
    web03 from 10:00, node web03: starts, answers failed
TOLD
