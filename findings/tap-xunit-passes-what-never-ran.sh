#!/bin/sh
# GUESS     A TAP stream begins with the plan, 1..3, so that a run which ends early is known for one. Who turns it into JUnit's XML
#           for a CI that reads no TAP gets a failure there, and an exit status other than 0.
# HAPPENS   Of a Test::More script that dies after the second of its three tests tap-xunit makes 2 tests with 0 failures, and
#           exits 0. What the script exits with alone would tell, and that is lost in the pipe. tap-junit has failures="1" in
#           its heading and no failed test, so who counts tests finds none, and tap-mocha-reporter's xunit exits 1 beside an
#           XML in which all is well. A test that fails is told by all three, and tap-xunit refuses what has no plan.
# VERSIONS  tap-xunit 2.4.1, tap-junit 5.0.4, tap-mocha-reporter 5.0.4 (npm); Test::More 1.302190 (perl 5.36)
# SOURCE    seen by running; TAP 13's and 14's specification: too few tests are a failure of the whole
# NEEDS     node, npm, perl. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . tap-xunit@2.4.1 tap-junit@5.0.4 \
    tap-mocha-reporter@5.0.4 >/dev/null || { echo "not to be installed here" >&2; exit 77; }
perl -MTest::More -e 'print "Test::More $Test::More::VERSION\n"' || { echo "no Test::More here" >&2; exit 77; }

cat >whole.t <<'PERL'
use Test::More tests => 3;
ok(1, 'is there');
ok(1, 'starts');
ok(1, 'answers');
PERL
sed 's/^ok(1, .answers.*/ok(0, "answers");/' whole.t >failed.t
sed 's/^ok(1, .answers.*/die "no answer\\n";/' whole.t >early.t
sed 's/ tests => 3//' early.t >planless.t

for run in whole failed early planless; do
    perl "$run.t" >"$run.tap" 2>"$run.errors" && status=0 || status=$?
    echo "$run: perl exits $status"
    for tool in tap-xunit tap-junit 'tap-mocha-reporter xunit'; do
        # shellcheck disable=SC2086 # The last has an argument.
        node_modules/.bin/$tool <"$run.tap" >xml 2>/dev/null && status=0 || status=$?
        heading=$(grep -o '<testsuites* [^>]*>' xml | head -n 1 | grep -o ' \(tests\|failures\)="[0-9]*"' | tr -d '\n' || true)
        echo "    $tool exits $status:$heading, failed in it: $(grep -o '<failure' xml | wc -l)"
    done
done >seen
cat seen
diff - seen <<'TOLD'
whole: perl exits 0
    tap-xunit exits 0: tests="3" failures="0", failed in it: 0
    tap-junit exits 0: tests="3" failures="0", failed in it: 0
    tap-mocha-reporter xunit exits 0: tests="3" failures="0", failed in it: 0
failed: perl exits 1
    tap-xunit exits 1: tests="3" failures="1", failed in it: 1
    tap-junit exits 0: tests="3" failures="1", failed in it: 1
    tap-mocha-reporter xunit exits 1: tests="3" failures="1", failed in it: 1
early: perl exits 255
    tap-xunit exits 0: tests="2" failures="0", failed in it: 0
    tap-junit exits 0: tests="2" failures="1", failed in it: 0
    tap-mocha-reporter xunit exits 1: tests="2" failures="0", failed in it: 0
planless: perl exits 255
    tap-xunit exits 1:, failed in it: 0
    tap-junit exits 0: tests="2" failures="1", failed in it: 0
    tap-mocha-reporter xunit exits 1: tests="2" failures="0", failed in it: 0
TOLD
