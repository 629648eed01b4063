#!/bin/sh
# GUESS     compare-versions' satisfies takes a range "compatible with npm package versioning". A fleet on 1.0.0-rc.1 with the range
#           ^1.0.0-rc.1 goes on to rc.2, to 1.0.0 and to 1.2.0, and 2.x is what npm takes it for.
# HAPPENS   A range of ~ or ^ that names a candidate is for candidates of those three numbers alone: rc.2 satisfies
#           ^1.0.0-rc.1, and 1.0.0 does not, nor anything after it. As >=1.0.0-rc.1 it is well. 2.x and 2.* let in 2.1.0 and
#           keep out 2.1.1, and 2 is 2.0.0 alone, where 2.x.x, ^2 and ^2.x have them all. No error is raised.
# VERSIONS  compare-versions 6.1.1, semver 7.8.6 (npm)
# SOURCE    the package's README, on satisfies; src/satisfies.ts: no version without a candidate's part where the range has one
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . compare-versions@6.1.1 semver@7.8.6 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "compare-versions 6.1.1, semver 7.8.6"

cat >ranges.js <<'NODE'
const { satisfies } = require('compare-versions');
const semver = require('semver');

const candidates = ['1.0.0-rc.1', '1.0.0-rc.2', '1.0.0', '1.0.1', '1.2.0'];
const releases = ['2.0.0', '2.1.0', '2.1.1', '3.0.0'];
for (const [range, versions] of [
  ...['^1.0.0-rc.1', '~1.0.0-rc.1', '>=1.0.0-rc.1 <2.0.0'].map((range) => [range, candidates]),
  ...['2.x', '2.*', '2', '2.x.x', '2.1.x', '^2', '^2.x'].map((range) => [range, releases]),
]) {
  const some = (test) => versions.filter((version) => test(version, range)).join(' ') || 'none';
  console.log(`${range}: npm ${some(semver.satisfies)}; compare-versions ${some(satisfies)}`);
}
NODE
node ranges.js >seen
cat seen
diff - seen <<'TOLD'
^1.0.0-rc.1: npm 1.0.0-rc.1 1.0.0-rc.2 1.0.0 1.0.1 1.2.0; compare-versions 1.0.0-rc.1 1.0.0-rc.2
~1.0.0-rc.1: npm 1.0.0-rc.1 1.0.0-rc.2 1.0.0 1.0.1; compare-versions 1.0.0-rc.1 1.0.0-rc.2
>=1.0.0-rc.1 <2.0.0: npm 1.0.0-rc.1 1.0.0-rc.2 1.0.0 1.0.1 1.2.0; compare-versions 1.0.0-rc.1 1.0.0-rc.2 1.0.0 1.0.1 1.2.0
2.x: npm 2.0.0 2.1.0 2.1.1; compare-versions 2.0.0 2.1.0
2.*: npm 2.0.0 2.1.0 2.1.1; compare-versions 2.0.0 2.1.0
2: npm 2.0.0 2.1.0 2.1.1; compare-versions 2.0.0
2.x.x: npm 2.0.0 2.1.0 2.1.1; compare-versions 2.0.0 2.1.0 2.1.1
2.1.x: npm 2.1.0 2.1.1; compare-versions 2.1.0 2.1.1
^2: npm 2.0.0 2.1.0 2.1.1; compare-versions 2.0.0 2.1.0 2.1.1
^2.x: npm 2.0.0 2.1.0 2.1.1; compare-versions 2.0.0 2.1.0 2.1.1
TOLD
