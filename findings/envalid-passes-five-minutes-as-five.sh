#!/bin/sh
# GUESS     envalid is there so that a service does not start with a setting that is wrong: num() of a variable that is not a number, such
#           as 5m or 1,000, ends the process with a message, as port() does for 8080/tcp.
# HAPPENS   num() takes the digits at the front and drops the rest. DRAIN_SECONDS=5m is 5, so that connections have five seconds; 10 minutes
#           is 10, 1,000 and 1_000 are 1, a limit of 1.5GB is 1.5, and 0x1F is 0. Release 20261130-2 is 20261130, the one before
#           it, and of the list 5;10 there is the first. Nothing is printed. env-var, envsafe and env-schema refuse all of these but
#           0x1F, which two of them have as 31.
# VERSIONS  envalid 8.2.0, env-schema 8.0.0 (npm, 2026), env-var 7.5.0, envsafe 2.0.3 (npm)
# SOURCE    envalid: validators, num: parseFloat; its README: "makes sure your program only runs when all of its environment dependencies
#           are met"
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . envalid@8.2.0 env-schema@8.0.0 env-var@7.5.0 envsafe@2.0.3 \
    >/dev/null || { echo "not to be installed here" >&2; exit 77; }
echo "envalid 8.2.0, env-schema 8.0.0, env-var 7.5.0, envsafe 2.0.3"

cat >serve.js <<'NODE'
const { cleanEnv, num, port } = require('envalid');

const { DRAIN_SECONDS, PORT } = cleanEnv(process.env, { DRAIN_SECONDS: num(), PORT: port({ default: 80 }) });
console.log(`starts, drains for ${DRAIN_SECONDS} seconds, port ${PORT}`);
NODE
cat >others.js <<'NODE'
const { from } = require('env-var');
const schema = require('env-schema');
const safe = require('envsafe');

const X = process.env.DRAIN_SECONDS;
const object = { type: 'object', required: ['X'], properties: { X: { type: 'number' } } };
const reporter = ({ errors }) => {
  if (Object.keys(errors).length) throw new Error('refused');
};
const tools = {
  'env-var': () => from({ X }).get('X').required().asFloat(),
  envsafe: () => safe.envsafe({ X: safe.num({ input: X }) }, { reporter }).X,
  'env-schema': () => schema({ schema: object, data: { X }, env: false }).X,
};
const words = Object.entries(tools).map(([name, read]) => {
  try {
    return `${name} ${read()}`;
  } catch {
    return `${name} refuses`;
  }
});
console.log(words.join(', '));
NODE
{
    for value in 300 5m '10 minutes' 1,000 1_000 1.5GB 0x1F 20261130-2 '5;10' minutes; do
        # What envalid prints of an error goes to where errors go.
        told=$(DRAIN_SECONDS=$value PORT=8080 node serve.js 2>errors) && status=0 || status=$?
        echo "$value: exit $status${told:+, $told}; $(DRAIN_SECONDS=$value node others.js)"
    done
    DRAIN_SECONDS=300 PORT=8080/tcp node serve.js >/dev/null 2>&1 && status=0 || status=$?
    echo "PORT=8080/tcp: exit $status"
} >seen
cat seen
diff - seen <<'TOLD'
300: exit 0, starts, drains for 300 seconds, port 8080; env-var 300, envsafe 300, env-schema 300
5m: exit 0, starts, drains for 5 seconds, port 8080; env-var refuses, envsafe refuses, env-schema refuses
10 minutes: exit 0, starts, drains for 10 seconds, port 8080; env-var refuses, envsafe refuses, env-schema refuses
1,000: exit 0, starts, drains for 1 seconds, port 8080; env-var refuses, envsafe refuses, env-schema refuses
1_000: exit 0, starts, drains for 1 seconds, port 8080; env-var refuses, envsafe refuses, env-schema refuses
1.5GB: exit 0, starts, drains for 1.5 seconds, port 8080; env-var refuses, envsafe refuses, env-schema refuses
0x1F: exit 0, starts, drains for 0 seconds, port 8080; env-var 0, envsafe 31, env-schema 31
20261130-2: exit 0, starts, drains for 20261130 seconds, port 8080; env-var refuses, envsafe refuses, env-schema refuses
5;10: exit 0, starts, drains for 5 seconds, port 8080; env-var refuses, envsafe refuses, env-schema refuses
minutes: exit 1; env-var refuses, envsafe refuses, env-schema refuses
PORT=8080/tcp: exit 1
TOLD
