#!/bin/sh
# GUESS     Who runs 2.0.0rc1 and asks for `>2.0.0rc1` wants 2.0.0rc2 and then 2.0.0: PEP 440 says of > that it leaves out
#           the post-releases and local versions of what is named, where that is none itself. The library that Renovate
#           compares Python's versions with has the operator, and says that 2.0.0 is greater than 2.0.0rc1.
# HAPPENS   Nothing with the numbers 2.0.0 satisfies `>2.0.0rc1`: neither rc2 nor the release nor its post-release, and
#           maxSatisfying finds none. 2.0.1 does, and `>=2.0.0rc1` is right. A wildcard that is longer than the version
#           matches nothing: 2 is not `==2.0.*`, and so it satisfies `!=2.0.*`; PEP 440 fills with zeros. gt alone has it
#           right.
# VERSIONS  @renovatebot/pep440 5.0.1 (npm), packaging 26.4 (PyPI)
# SOURCE    PEP 440, version matching and exclusive ordered comparison; lib/specifier.js: a "simplified version" of the
#           latter compares the release numbers alone
# NEEDS     node, npm, python3 with pip. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @renovatebot/pep440@5.0.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib packaging==26.4 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "@renovatebot/pep440 5.0.1, packaging 26.4"

cat >asked <<'ASKED'
>2.0.0rc1 2.0.0rc1 2.0.0rc2 2.0.0 2.0.0.post1 2.0.1
>2.0.0.dev3 2.0.0.dev4 2.0.0
>=2.0.0rc1 2.0.0rc1 2.0.0rc2 2.0.0 2.0.1
==2.0.* 2 2.0 2.0.1
!=2.0.* 2 2.0 2.1
ASKED
cat >ask.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import { gt, maxSatisfying, satisfies } from '@renovatebot/pep440';

for (const line of readFileSync('asked', 'utf8').trim().split('\n')) {
  const [range, ...versions] = line.split(' ');
  const found = versions.filter((version) => satisfies(version, range, { prereleases: true }));
  console.log(`@renovatebot/pep440, ${range}: ${found.join(' ') || 'none'}`);
}
console.log('the largest for >2.0.0rc1:', maxSatisfying(['2.0.0rc1', '2.0.0rc2', '2.0.0'], '>2.0.0rc1', { prereleases: true }));
console.log('2.0.0 greater than 2.0.0rc1:', gt('2.0.0', '2.0.0rc1'));
NODE
cat >ask.py <<'PYTHON'
from packaging.specifiers import SpecifierSet

for line in open("asked").read().splitlines():
    specifier, *versions = line.split()
    print(f"packaging, {specifier}: {' '.join(SpecifierSet(specifier).filter(versions, prereleases=True)) or 'none'}")
PYTHON
node ask.mjs >seen
PYTHONPATH=lib python3 ask.py >>seen
cat seen
diff - seen <<'TOLD'
@renovatebot/pep440, >2.0.0rc1: 2.0.1
@renovatebot/pep440, >2.0.0.dev3: none
@renovatebot/pep440, >=2.0.0rc1: 2.0.0rc1 2.0.0rc2 2.0.0 2.0.1
@renovatebot/pep440, ==2.0.*: 2.0 2.0.1
@renovatebot/pep440, !=2.0.*: 2 2.1
the largest for >2.0.0rc1: null
2.0.0 greater than 2.0.0rc1: true
packaging, >2.0.0rc1: 2.0.0rc2 2.0.0 2.0.0.post1 2.0.1
packaging, >2.0.0.dev3: 2.0.0.dev4 2.0.0
packaging, >=2.0.0rc1: 2.0.0rc1 2.0.0rc2 2.0.0 2.0.1
packaging, ==2.0.*: 2 2.0 2.0.1
packaging, !=2.0.*: 2.1
TOLD
