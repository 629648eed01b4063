#!/bin/sh
# GUESS     With proper-lockfile one process at a time has the lock. A lock is stale 10 seconds after its last update, for the case
#           that its holder has died; one that lives updates it every 5, and is told by onCompromised if it ever loses it.
# HAPPENS   The update is a timer of the event loop, and a holder that is busy has none: with execFileSync of an rsync or an npm ci that
#           takes longer than 10 seconds, as scripts that deploy have it, the next one has the lock as well. The first is told
#           nothing: back in the loop it releases, as if all were well, and what it takes away is the other's lock. So the third comes
#           in beside the second, whose release lets in the fourth beside the third: after one that took 14 seconds, all who
#           take 5 run in pairs. With execFile, which waits in the loop, there is one at a time. No error, no warning in either.
# VERSIONS  proper-lockfile 4.1.2 (npm)
# SOURCE    proper-lockfile's README: it "detects cases in which updates take longer than expected", and release "rejects the promise on
#           error (e.g. when the lock was already compromised)"; lib/lockfile.js: unlock does not ask whose it is
# NEEDS     node, npm, sleep; two minutes. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . proper-lockfile@4.1.2 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "proper-lockfile 4.1.2, node $(node --version)"

cat >deploy.js <<'NODE'
const fs = require('fs');
const { execFile, execFileSync } = require('child_process');
const lockfile = require('proper-lockfile');

const [how, seconds] = process.argv.slice(2);
const say = (word) => fs.appendFileSync('log', `${word}\n`);
(async () => {
  const options = { onCompromised: () => say('compromised'), retries: { retries: 300, minTimeout: 250, maxTimeout: 250 } };
  const release = await lockfile.lock('fleet', options);
  say('in');
  if (how === 'execFileSync') execFileSync('sleep', [seconds]);
  else await new Promise((done) => execFile('sleep', [seconds], done));
  say('out');
  await release();
})().catch((error) => say(`error ${error.code}`));
NODE
: >fleet
for how in execFile execFileSync; do
    : >log
    pids=
    for seconds in 14 5 5 5; do
        node deploy.js "$how" "$seconds" &
        pids="$pids $!"
        sleep 1
    done
    # shellcheck disable=SC2086 # They are numbers.
    wait $pids
    paste -s -d ' ' log
    awk -v how="$how" '
        { said[$1]++ }
        $1 == "in" { now++ }
        $1 == "out" { now-- }
        $1 == "in" && now > 1 { beside++ }
        END { printf "%s: %d in, %d beside another, told %d, errors %d\n", how, said["in"], beside, said["compromised"], said["error"] }
    ' log >>seen
done
cat seen
diff - seen <<'TOLD'
execFile: 4 in, 0 beside another, told 0, errors 0
execFileSync: 4 in, 3 beside another, told 0, errors 0
TOLD
