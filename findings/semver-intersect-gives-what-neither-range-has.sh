#!/bin/sh
# GUESS     The intersection of two ranges has what both have: of `<2.2.0` and `2.x` it is 2.0.0 up to 2.1, and of `2.2` and
#           `<2.2.1` it is 2.2.0 alone. semver-intersect is for that, and its README has ~ and ^ for an example.
# HAPPENS   Bounds that can be written with ~ or ^ are, without a look at the upper one: the first pair gives ~2.0.0, so
#           2.1.0, which both have, is out, and the second gives ~2.2.0, so 2.2.1 is in, which one of them rules out.
#           `<0.2.0` with 0.x loses 0.1.0. No error is raised. semver's own reading of both ranges side by side, "<2.2.0
#           2.x", is right.
# VERSIONS  semver-intersect 1.5.0, semver 7.8.6 (npm)
# SOURCE    the package's README; semver-intersect.js: createShorthand
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . semver-intersect@1.5.0 semver@7.8.6 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "semver-intersect 1.5.0, semver 7.8.6"

cat >ranges.js <<'NODE'
const { intersect } = require('semver-intersect');
const { satisfies } = require('semver');

const versions = [];
for (let major = 0; major < 4; major++)
  for (let minor = 0; minor < 4; minor++)
    for (let patch = 0; patch < 4; patch++) versions.push(`${major}.${minor}.${patch}`);
const some = (list) => (list.length > 3 ? `${list[0]} to ${list[list.length - 1]}` : list.join(' ') || 'none');
for (const [one, other] of [['^1.0.0', '~1.2.0'], ['<2.2.0', '2.x'], ['<0.2.0', '0.x'], ['2.2', '<2.2.1'], ['2.2', '<=2.2.2']]) {
  const both = intersect(one, other);
  const right = (version) => satisfies(version, `${one} ${other}`);
  const lost = versions.filter((version) => right(version) && !satisfies(version, both));
  const added = versions.filter((version) => !right(version) && satisfies(version, both));
  console.log(`${one} and ${other}: ${both}; of ${some(versions.filter(right))} lost: ${some(lost)}; added: ${some(added)}`);
}
NODE
node ranges.js >seen
cat seen
diff - seen <<'TOLD'
^1.0.0 and ~1.2.0: ~1.2.0; of 1.2.0 to 1.2.3 lost: none; added: none
<2.2.0 and 2.x: ~2.0.0; of 2.0.0 to 2.1.3 lost: 2.1.0 to 2.1.3; added: none
<0.2.0 and 0.x: ~0.0.0; of 0.0.0 to 0.1.3 lost: 0.1.0 to 0.1.3; added: none
2.2 and <2.2.1: ~2.2.0; of 2.2.0 lost: none; added: 2.2.1 2.2.2 2.2.3
2.2 and <=2.2.2: 2.2.0 - 2.2.2; of 2.2.0 2.2.1 2.2.2 lost: none; added: none
TOLD
