#!/bin/sh
# GUESS     coerce() is the forgiving door: it finds a version in nearly any text, so v2026.11.02 becomes 2026.11.2.
# HAPPENS   It answers null. It does find the three numbers, then hands them to the strict parser, which bears no leading
#           zero. Tags by date therefore work on the 10th to the 31st and in October to December only; those without
#           any dots do better: 20261102 is 20261102.0.0, and 2026-11-02 is 2026.0.0, the same for each day of the year.
#           { loose: true } mends the first kind.
# VERSIONS  semver 7.8.6 (npm)
# SOURCE    functions/coerce.js: its last statement
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" semver@7.8.6 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

cd "$work"
node - <<'NODE'
const semver = require('semver');
console.log('semver', require('semver/package.json').version);
const told = [
  ['v2026.11.02', 'null', '2026.11.2'],
  ['v2026.11.12', '2026.11.12', '2026.11.12'],
  ['v2026.08.15', 'null', '2026.8.15'],
  ['20261102', '20261102.0.0', '20261102.0.0'],
  ['2026-11-02', '2026.0.0', '2026.0.0'],
];
let asTold = true;
for (const [tag, plain, loose] of told) {
  const seen = [String(semver.coerce(tag)), String(semver.coerce(tag, { loose: true }))];
  console.log(tag.padEnd(12), 'coerce:', seen[0].padEnd(13), 'loose:', seen[1]);
  asTold = asTold && seen[0] === plain && seen[1] === loose;
}
process.exit(asTold ? 0 : 1);
NODE
