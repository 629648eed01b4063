#!/bin/sh
# GUESS     ms('5 min') of itty-time, whose README sets it beside ms as "smaller and faster" for strings to milliseconds, is 300000 as there,
#           or else NaN, as it is for '5m', or an error.
# HAPPENS   It is 5: a unit that it does not know is a millisecond. It knows second to year by their whole names, in small letters; so
#           '5 mins', '5 Minutes', '1 hr' and '30 d' are 5, 5, 1 and 30 milliseconds, and seconds('30 d') is 0.03. A timeout of
#           '5 min' has passed before the health check has begun, a lock for '1 hr' is held by nobody, datePlus('30 d') is
#           now, and a backup kept for it is too old at once. '5m' is NaN, which setTimeout takes for 1. What its own duration()
#           writes, "1 hour, 30 minutes", is NaN as well.
# VERSIONS  itty-time 2.0.2 (npm, 2026), ms 2.1.3 (npm)
# SOURCE    itty-time: ms.mjs, t * (n[r] || 1); its README
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . itty-time@2.0.2 ms@2.1.3 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "itty-time 2.0.2, ms 2.1.3"

cat >times.mjs <<'NODE'
import { datePlus, duration, ms, seconds } from 'itty-time';
import other from 'ms';

for (const text of ['5 minutes', '5 min', '5 mins', '5 Minutes', '1 hr', '30 days', '30 d', '10 secs', '5m', duration(5400000)]) {
  console.log(`${text}: ${ms(text)}, seconds ${seconds(text)}; ms: ${other(text)}`);
}
const now = new Date('2026-06-01T12:00:00Z');
console.log(`30 d from ${now.toISOString()}: ${datePlus('30 d', now).toISOString()}`);
// A check that takes half a second, with a deadline.
for (const text of ['5 minutes', '5 min', '5m']) {
  const check = new Promise((done) => setTimeout(done, 500, 'healthy'));
  const deadline = new Promise((done) => setTimeout(done, ms(text), 'timed out').unref());
  console.log(`a check with a deadline of ${text}: ${await Promise.race([check, deadline])}`);
}
NODE
node times.mjs >seen
cat seen
diff - seen <<'TOLD'
5 minutes: 300000, seconds 300; ms: 300000
5 min: 5, seconds 0.005; ms: 300000
5 mins: 5, seconds 0.005; ms: 300000
5 Minutes: 5, seconds 0.005; ms: 300000
1 hr: 1, seconds 0.001; ms: 3600000
30 days: 2592000000, seconds 2592000; ms: 2592000000
30 d: 30, seconds 0.03; ms: 2592000000
10 secs: 10, seconds 0.01; ms: 10000
5m: NaN, seconds NaN; ms: 300000
1 hour, 30 minutes: NaN, seconds NaN; ms: undefined
30 d from 2026-06-01T12:00:00.000Z: 2026-06-01T12:00:00.030Z
a check with a deadline of 5 minutes: healthy
a check with a deadline of 5 min: timed out
a check with a deadline of 5m: timed out
TOLD
