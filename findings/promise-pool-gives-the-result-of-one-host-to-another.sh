#!/bin/sh
# GUESS     The settings of a @supercharge/promise-pool are chained, in any order: withConcurrency(2), useCorrespondingResults() and
#           for(hosts). With the second, results[0] is that of the first host, and a failed one has PromisePool.failed in its place.
# HAPPENS   for() makes a new pool, and takes three of the settings along: the concurrency, the timeout and the handler of errors. What
#           corresponds is forgotten if it was said before: results come as they finish, and those that failed are left out. So the
#           first result, "released", is given to web01, which is still at the release before or has failed, and a host at the end
#           has none. The handlers for started and finished tasks are forgotten too, so that who counts them counts none.
#           Nothing is said, and with one host at a time that never fails it is right.
# VERSIONS  @supercharge/promise-pool 3.3.0 (npm, 2026)
# SOURCE    promise-pool: dist/promise-pool.js, for(items); its README: "same position in the results array as their related source items"
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @supercharge/promise-pool@3.3.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "@supercharge/promise-pool 3.3.0"

cat >release.js <<'NODE'
const { PromisePool } = require('@supercharge/promise-pool');

// How long each takes, in turns of 100 ms; web01 is the slowest, and web02 fails.
const hosts = ['web01', 'web02', 'web03', 'web04'];
const turns = { web01: 4, web02: 1, web03: 2, web04: 3 };
const release = async (host) => {
  await new Promise((done) => setTimeout(done, turns[host] * 100));
  if (host === 'web02') throw new Error('no answer');
  return `${host} released`;
};
const told = async (name, make) => {
  let started = 0;
  let failed = 0;
  const pool = make({
    start: () => started++,
    fail: () => failed++,
  });
  const { results } = await pool.process(release);
  console.log(`${name}: started ${started}, failed ${failed}`);
  hosts.forEach((host, place) => console.log(`    ${host}: ${String(results[place])}`));
};
(async () => {
  await told('for() first', ({ start, fail }) => PromisePool.for(hosts).withConcurrency(4)
    .useCorrespondingResults().onTaskStarted(start).handleError(fail));
  await told('for() last', ({ start, fail }) => PromisePool.withConcurrency(4)
    .useCorrespondingResults().onTaskStarted(start).handleError(fail).for(hosts));
})();
NODE
node release.js >seen
cat seen
diff - seen <<'TOLD'
for() first: started 4, failed 1
    web01: web01 released
    web02: Symbol(failed)
    web03: web03 released
    web04: web04 released
for() last: started 0, failed 1
    web01: web03 released
    web02: web04 released
    web03: web01 released
    web04: undefined
TOLD
