#!/bin/sh
# GUESS     A summary of prom-client estimates: "summaries calculate percentiles of observed values". Where 99 of 100 calls take 8 to 12
#           milliseconds and one takes five seconds, its p50 and p95 are near 12, and a gate on p95 passes the release.
# HAPPENS   p95 is 2755, and p90 is 261. The t-digest below it keeps equal values together as one heap, draws a straight line from the
#           middle of each heap to that of the next, and reads the percentile there: the larger a heap, the more of it is drawn
#           towards its neighbor. Where 90 take 10 and 10 take 1000, p50 is 109, a time that no call took. Whole milliseconds,
#           sizes, the depth of a queue, and 0 or 1 for a failure are such heaps, and of a million calls it is the same. Of times with
#           fractions, no two of which are equal, it is right.
# VERSIONS  prom-client 15.1.3, tdigest 0.1.3 (npm, 2026)
# SOURCE    tdigest.js: _percentile, mean_cumn; prom-client/lib/summary.js: entry.td.percentile
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . prom-client@15.1.3 tdigest@0.1.3 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "prom-client 15.1.3, tdigest 0.1.3"

cat >gate.js <<'NODE'
const { Summary } = require('prom-client');

const shares = [0.5, 0.9, 0.95];
// Of a count of calls: what each took, by its number.
const told = async (name, count, took) => {
  const summary = new Summary({ name, help: 'seen', percentiles: shares });
  const seen = Array.from({ length: count }, (_, number) => took(number));
  seen.forEach((value) => summary.observe(value));
  const { values } = await summary.get();
  seen.sort((one, other) => one - other);
  console.log(`${name}, ${count}`);
  for (const share of shares) {
    const estimate = values.find(({ labels }) => labels.quantile === share).value;
    const above = seen.filter((value) => value > estimate).length / count;
    console.log(`    p${share * 100}: ${estimate.toFixed(0)}, really ${seen[Math.ceil(share * count) - 1].toFixed(0)}; `
      + `above it are ${(above * 100).toFixed(0)}%`);
  }
};
(async () => {
  await told('whole_milliseconds', 1000, (number) => (number % 100 === 99 ? 5000 : 8 + (number % 5)));
  await told('whole_milliseconds_of_many', 1000000, (number) => (number % 100 === 99 ? 5000 : 8 + (number % 5)));
  await told('milliseconds_with_fractions', 1000, (number) => (number % 100 === 99 ? 5000 : 8 + (number % 5)) + number / 1000);
  await told('ten_or_a_second', 100, (number) => (number % 10 === 9 ? 1000 : 10));
  await told('hosts_in_the_queue', 1000, (number) => (number % 50 === 49 ? 40 : 0));
})();
NODE
node gate.js >seen
cat seen
diff - seen <<'TOLD'
whole_milliseconds, 1000
    p50: 10, really 10; above it are 40%
    p90: 261, really 12; above it are 1%
    p95: 2755, really 12; above it are 1%
whole_milliseconds_of_many, 1000000
    p50: 10, really 10; above it are 40%
    p90: 261, really 12; above it are 1%
    p95: 2755, really 12; above it are 1%
milliseconds_with_fractions, 1000
    p50: 10, really 10; above it are 50%
    p90: 13, really 13; above it are 10%
    p95: 13, really 13; above it are 5%
ten_or_a_second, 100
    p50: 109, really 10; above it are 10%
    p90: 901, really 10; above it are 10%
    p95: 1000, really 1000; above it are 0%
hosts_in_the_queue, 1000
    p50: 1, really 0; above it are 2%
    p90: 33, really 0; above it are 2%
    p95: 37, really 0; above it are 2%
TOLD
