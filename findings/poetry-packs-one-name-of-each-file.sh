#!/bin/sh
# GUESS     A wheel knows no links, so a build backend packs a link as a copy of the file it leads to: hatchling, uv_build,
#           setuptools, flit and pdm do, and an old issue has it that poetry does for files.
# HAPPENS   poetry-core packs a file under one name. Each path is resolved first and kept in a set, so a link is the file it
#           leads to, and is there already: migrate -> tool and conf -> v2/conf are missing from the wheel and from the
#           sdist, exit 0, no word. The work tree and an editable install have them, so tests pass; what is installed has not.
# VERSIONS  poetry-core 2.5.0, hatchling 1.33.0, uv_build 0.13.6, setuptools 84.2.1, flit_core 4.2.0, pdm-backend 2.5.0 (PyPI)
# SOURCE    poetry-core: BuildIncludeFile, __eq__ and __hash__; poetry issue 1998. Seen by running
# NEEDS     python3 with pip and venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check build==1.6.1 poetry-core==2.5.0 hatchling==1.33.0 uv_build==0.13.6 \
    setuptools==84.2.1 flit_core==4.2.0 pdm-backend==2.5.0 || { echo "not to be installed here" >&2; exit 77; }
PATH=$work/venv/bin:$PATH

# Builds a tool with a backend, and prints which of its paths are in the wheel and in the sdist.
builds() {
    mkdir -p "$1/src/tool/libexec" "$1/src/tool/v2"
    cd "$1"
    echo '"""A tool."""' >src/tool/__init__.py
    printf '#!/bin/sh\n' >src/tool/libexec/tool
    ln -s tool src/tool/libexec/migrate
    echo 'retries = 3' >src/tool/v2/conf
    ln -s v2/conf src/tool/conf
    cat >pyproject.toml <<TOML
[build-system]
requires = ["$1"]
build-backend = "$2"
[project]
name = "tool"
version = "1.0"
description = "A tool"
[tool.setuptools.package-data]
tool = ["**"]
[tool.hatch.build.targets.wheel]
packages = ["src/tool"]
TOML
    python -m build --no-isolation . >log 2>&1 || { cat log; exit 1; }
    python - "$1" <<'PYTHON'
import glob
import sys
import tarfile
import zipfile

wheel = zipfile.ZipFile(glob.glob("dist/*.whl")[0]).namelist()
sdist = tarfile.open(glob.glob("dist/*.tar.gz")[0]).getnames()
for kind, names in (("wheel", wheel), ("sdist", sdist)):
    paths = ("libexec/tool", "libexec/migrate", "v2/conf", "conf")
    print(f"{sys.argv[1]}, {kind}:", *(path for path in paths if any(name.endswith("tool/" + path) for name in names)))
PYTHON
    cd ..
}
{
    builds poetry-core poetry.core.masonry.api
    builds hatchling hatchling.build
    builds uv_build uv_build
    builds setuptools setuptools.build_meta
    builds flit_core flit_core.buildapi
    builds pdm-backend pdm.backend
} >seen
cat seen
diff - seen <<'TOLD'
poetry-core, wheel: libexec/tool v2/conf
poetry-core, sdist: libexec/tool v2/conf
hatchling, wheel: libexec/tool libexec/migrate v2/conf conf
hatchling, sdist: libexec/tool libexec/migrate v2/conf conf
uv_build, wheel: libexec/tool libexec/migrate v2/conf conf
uv_build, sdist: libexec/tool libexec/migrate v2/conf conf
setuptools, wheel: libexec/tool libexec/migrate v2/conf conf
setuptools, sdist: libexec/tool libexec/migrate v2/conf conf
flit_core, wheel: libexec/tool libexec/migrate v2/conf conf
flit_core, sdist: libexec/tool libexec/migrate v2/conf conf
pdm-backend, wheel: libexec/tool libexec/migrate v2/conf conf
pdm-backend, sdist: libexec/tool libexec/migrate v2/conf conf
TOLD
