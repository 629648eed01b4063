#!/bin/sh
# GUESS     A circuit breaker that is to break where a fifth of the calls fail does so where all of them fail, and sooner than one
#           that is to break at nine tenths. "Break if more than 20% of requests fail in a 30 second time window", says cockatiel of its
#           SamplingBreaker, and that by default it takes 5 failures a second. opossum's errorThresholdPercentage is "the error
#           percentage at which to open the circuit": 100 is for a host where nothing works any more.
# HAPPENS   cockatiel takes five calls a second, divided by the threshold, as the least: at 0.2 that is 750 calls in its 30 seconds. Of 749
#           in a row that fail at 0.2 it lets through each; at 0.9 it breaks after 167, and at 0.05 not after 2900. So the more
#           careful the threshold, the longer it looks on. opossum opens above the percentage, not at it: at 99 it is open after the
#           first failure, and at 100, where all have failed, never.
# VERSIONS  cockatiel 4.0.0, opossum 10.0.0 (npm, 2026)
# SOURCE    cockatiel: SamplingBreaker, minimumRpms = 5 / (threshold * 1000); opossum/lib/circuit.js: errorRate > errorThresholdPercentage;
#           the READMEs of both
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . cockatiel@4.0.0 opossum@10.0.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "cockatiel 4.0.0, opossum 10.0.0"

cat >fail.mjs <<'NODE'
import { circuitBreaker, handleAll, SamplingBreaker } from 'cockatiel';
import CircuitBreaker from 'opossum';

const fail = async () => {
  throw new Error('down');
};
// After how many calls, all of which fail, the next one is refused.
const count = async (call, most) => {
  let ran = 0;
  for (let turn = 0; turn < most; turn++) {
    try {
      await call(async () => {
        ran++;
        await fail();
      });
    } catch { /* It failed, or was refused. */ }
  }
  return ran < most ? `refused after ${ran}` : `all of ${most} let through`;
};
for (const threshold of [0.9, 0.5, 0.2, 0.05]) {
  const breaker = new SamplingBreaker({ threshold, duration: 30000 });
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 60000, breaker });
  console.log(`cockatiel at ${threshold}: ${await count((action) => policy.execute(action), threshold === 0.2 ? 749 : 2900)}`);
}
for (const errorThresholdPercentage of [50, 99, 100]) {
  const circuit = new CircuitBreaker((action) => action(), { errorThresholdPercentage, resetTimeout: 60000 });
  console.log(`opossum at ${errorThresholdPercentage}: ${await count((action) => circuit.fire(action), 2900)}`);
  circuit.shutdown();
}
NODE
node fail.mjs >seen
cat seen
diff - seen <<'TOLD'
cockatiel at 0.9: refused after 167
cockatiel at 0.5: refused after 300
cockatiel at 0.2: all of 749 let through
cockatiel at 0.05: all of 2900 let through
opossum at 50: refused after 1
opossum at 99: refused after 1
opossum at 100: all of 2900 let through
TOLD
