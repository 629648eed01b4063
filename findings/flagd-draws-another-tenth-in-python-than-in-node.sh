#!/bin/sh
# GUESS     flagd's evaluators in each language give the same user the same variant of a flag, from the same file: a canary at 10% is the
#           same tenth in the web's Node and in the API's Python. Raising it to 20% adds users and takes none away, and so does
#           an upgrade of the evaluator: no user who was in is out.
# HAPPENS   Python's evaluator 2.0.0 hashes the flag and the user in another form than Node's 4.0.1 does, the newest of each: of those whom
#           one has in the canary the other has a tenth, as if drawn anew, so nearly all canary users get the new page with the
#           old API or the reverse. Python's 1.0.0 agreed with Node's, so that the upgrade to 2.0.0 swaps nine of ten users
#           of each rollout that is under way, while its percentage stays. By a key of one's own it is the same.
# VERSIONS  @openfeature/flagd-core 4.0.1 (npm, 2026), openfeature-flagd-core 1.0.0 and 2.0.0 (PyPI, 2026)
# SOURCE    custom_ops.py of 2.0.0: cbor2.dumps([flag_key, targeting_key], canonical=True); flagd-core's index.cjs.js: MurmurHash3 of
#           the two as one string; open-feature/java-sdk-contrib#1831: without consistency "users get bucketed differently in
#           different apps for the same flag"
# NEEDS     node, npm, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @openfeature/flagd-core@4.0.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
for version in 1.0.0 2.0.0; do
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "lib-$version" \
        "openfeature-flagd-core==$version" || { echo "not to be installed here" >&2; exit 77; }
done
echo "@openfeature/flagd-core 4.0.1, openfeature-flagd-core 1.0.0 and 2.0.0"

cat >flags.py <<'PYTHON'
import json

on = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
own = {"cat": [{"var": "$flagd.flagKey"}, {"var": "customer"}]}
for share in (10, 20):
    parts = [["on", share], ["off", 100 - share]]
    flags = {"canary": {**on, "targeting": {"fractional": parts}}, "own-key": {**on, "targeting": {"fractional": [own, *parts]}}}
    json.dump({"flags": flags}, open(f"flags-{share}.json", "w"))
PYTHON
python3 flags.py
cat >draw.js <<'NODE'
const { readFileSync } = require('fs');
const { FlagdCore } = require('@openfeature/flagd-core');

const core = new FlagdCore();
core.setConfigurations(readFileSync(process.argv[2], 'utf8'));
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
for (let user = 0; user < 10000; user++) {
  const context = { targetingKey: `user-${user}`, customer: `customer-${user}` };
  if (core.resolveBooleanEvaluation(process.argv[3], false, context, quiet).value) console.log(user);
}
NODE
cat >draw.py <<'PYTHON'
import sys

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

core = FlagdCore()
core.set_flags(open(sys.argv[1]).read())
for user in range(10000):
    context = EvaluationContext(f"user-{user}", {"customer": f"customer-{user}"})
    if core.resolve_boolean_value(sys.argv[2], False, context).value:
        print(user)
PYTHON
# Who has the flag, by each evaluator.
for share in 10 20; do
    for flag in canary own-key; do
        node draw.js "flags-$share.json" "$flag" | sort >"node-$flag-$share"
        for version in 1.0.0 2.0.0; do
            PYTHONPATH=lib-$version python3 draw.py "flags-$share.json" "$flag" | sort >"python-$version-$flag-$share"
        done
    done
done
count() {
    comm "$@" | wc -l
}
for flag in canary own-key; do
    for share in 10 20; do
        echo "$flag at $share%, of 10000 users: Node $(wc -l <"node-$flag-$share")"
        for version in 1.0.0 2.0.0; do
            both=$(count -12 "node-$flag-$share" "python-$version-$flag-$share")
            echo "    Python $version $(wc -l <"python-$version-$flag-$share"), $both of them as in Node"
        done
        echo "    out by the upgrade of Python's: $(count -23 "python-1.0.0-$flag-$share" "python-2.0.0-$flag-$share")"
    done
    for of in node python-1.0.0 python-2.0.0; do
        echo "$flag: $of: out by the raise from 10% to 20%: $(count -23 "$of-$flag-10" "$of-$flag-20")"
    done
done >seen
cat seen
diff - seen <<'TOLD'
canary at 10%, of 10000 users: Node 1014
    Python 1.0.0 1014, 1014 of them as in Node
    Python 2.0.0 1022, 100 of them as in Node
    out by the upgrade of Python's: 914
canary at 20%, of 10000 users: Node 2036
    Python 1.0.0 2036, 2036 of them as in Node
    Python 2.0.0 2029, 407 of them as in Node
    out by the upgrade of Python's: 1629
canary: node: out by the raise from 10% to 20%: 0
canary: python-1.0.0: out by the raise from 10% to 20%: 0
canary: python-2.0.0: out by the raise from 10% to 20%: 0
own-key at 10%, of 10000 users: Node 963
    Python 1.0.0 963, 963 of them as in Node
    Python 2.0.0 977, 94 of them as in Node
    out by the upgrade of Python's: 869
own-key at 20%, of 10000 users: Node 1993
    Python 1.0.0 1993, 1993 of them as in Node
    Python 2.0.0 2000, 388 of them as in Node
    out by the upgrade of Python's: 1605
own-key: node: out by the raise from 10% to 20%: 0
own-key: python-1.0.0: out by the raise from 10% to 20%: 0
own-key: python-2.0.0: out by the raise from 10% to 20%: 0
TOLD
