#!/bin/sh
# GUESS     1.2 is broken, so `>=1.1,!=1.2` is asked for, and the mended one comes as 1.2.post1: != without a wildcard is
#           for that one version, and what is greater than 1.1 and is not 1.2 is had. Poetry says that its ranges are PEP
#           440's.
# HAPPENS   Poetry cuts the range in two at what is ruled out, and > of the second part leaves out the post-releases of what
#           it names: no post-release of 1.2 is let in. `!=1.2` alone lets them in, and so does `>=1.1` alone; with
#           1.2.post1 ruled out as well, 1.2.post2 is in. `>=1.2,!=1.2` is written out as `>1.2`. packaging, by which pip
#           selects, lets them in each time.
# VERSIONS  poetry-core 2.5.0, packaging 26.4 (PyPI)
# SOURCE    PEP 440, version exclusion and exclusive ordered comparison; poetry/core/constraints/version: the intersection
#           of a range and of a union of two
# NEEDS     python3 with pip. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib poetry-core==2.5.0 packaging==26.4 \
    || { echo "not to be installed here" >&2; exit 77; }

PYTHONPATH=lib python3 - >seen <<'PYTHON'
from importlib.metadata import version

from packaging.specifiers import SpecifierSet
from poetry.core.constraints.version import Version
from poetry.core.packages.dependency import Dependency

print("poetry-core", version("poetry-core"), "packaging", version("packaging"))
versions = ["1.1", "1.2", "1.2.post1", "1.2.post2", "1.3"]
for specifier in ["!=1.2", ">=1.1", ">=1.1,!=1.2", ">=1.2,!=1.2", "~=1.1,!=1.2", ">=1.1,!=1.2,!=1.2.post1"]:
    asked = Dependency.create_from_pep_508(f"tool ({specifier})").constraint
    print(f"{specifier}, for Poetry {asked}")
    print("    Poetry:", " ".join(found for found in versions if asked.allows(Version.parse(found))))
    print("    packaging:", " ".join(found for found in versions if SpecifierSet(specifier).contains(found)))
PYTHON
cat seen
diff - seen <<'TOLD'
poetry-core 2.5.0 packaging 26.4
!=1.2, for Poetry !=1.2
    Poetry: 1.1 1.2.post1 1.2.post2 1.3
    packaging: 1.1 1.2.post1 1.2.post2 1.3
>=1.1, for Poetry >=1.1
    Poetry: 1.1 1.2 1.2.post1 1.2.post2 1.3
    packaging: 1.1 1.2 1.2.post1 1.2.post2 1.3
>=1.1,!=1.2, for Poetry >=1.1,!=1.2
    Poetry: 1.1 1.3
    packaging: 1.1 1.2.post1 1.2.post2 1.3
>=1.2,!=1.2, for Poetry >1.2
    Poetry: 1.3
    packaging: 1.2.post1 1.2.post2 1.3
~=1.1,!=1.2, for Poetry >=1.1,!=1.2,<2.0
    Poetry: 1.1 1.3
    packaging: 1.1 1.2.post1 1.2.post2 1.3
>=1.1,!=1.2,!=1.2.post1, for Poetry >=1.1,!=1.2,!=1.2.post1
    Poetry: 1.1 1.2.post2 1.3
    packaging: 1.1 1.2.post2 1.3
TOLD
