#!/bin/sh
# GUESS     `pip wheel` of the sources of 1.0 makes the wheel of 1.0. The build/ that it leaves beside the sources is a cache, and a
#           cache knows when what it was made of has changed.
# HAPPENS   After a build of 2.0 in the same folder the wheel of 1.0 has 2.0 in it: tool-1.0-py3-none-any.whl, metadata of 1.0, and
#           the code of 2.0 with the module that only 2.0 has. A file is copied to build/lib where the source is newer than what
#           lies there, and sources that come with their own times, by tar or `rsync -a`, are older as often as one goes
#           back. No file is ever taken out. Exit 0; `pip install .` does the same. A checkout by git has new times, and then
#           only what was removed is packed. `python -m build` goes by way of the sdist, in a new folder, and is right.
# VERSIONS  setuptools 84.2.1, pip 26.3, build 1.6.1 (PyPI)
# SOURCE    setuptools' build_py: copy_file, which passes over what is not newer; setuptools issue 1871, of what was removed
# NEEDS     python3 with venv, PyPI, unzip. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pip==26.3 setuptools==84.2.1 build==1.6.1 \
    || { echo "not to be installed here" >&2; exit 77; }
venv/bin/pip list | grep -E '^(pip|setuptools|build) '

for version in 1.0 2.0; do
    mkdir -p "$version/tool"
    printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n' >"$version/pyproject.toml"
    printf '[project]\nname = "tool"\nversion = "%s"\n' "$version" >>"$version/pyproject.toml"
    echo "VERSION = '$version'" >"$version/tool/__init__.py"
done
touch 2.0/tool/migration.py
find 1.0 -type f -exec touch -d '2026-10-01' {} +

# Puts one version's sources into the folder where it is built, with their times.
sources() {
    mkdir -p source
    rm -rf source/tool source/pyproject.toml
    tar -C "$1" -c . | tar -C source -x
}
# Prints a wheel's name, and what is in it.
tell() {
    echo "$1: $(basename "$2"), $(unzip -p "$2" tool/__init__.py)," \
        "$(unzip -l "$2" | grep -o 'tool/[a-z_]*\.py' | paste -s -d ' ')"
}
{
    for version in 2.0 1.0; do
        sources "$version"
        venv/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels ./source
        tell 'pip wheel' "wheels/tool-$version-py3-none-any.whl"
    done
    venv/bin/pip install --quiet --no-deps --no-build-isolation --target lib ./source
    echo "pip install: $(cat lib/tool/__init__.py), $(cd lib && echo tool-*.dist-info)"
    find source/tool -type f -exec touch {} +
    venv/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir touched ./source
    tell 'of new times' touched/tool-1.0-py3-none-any.whl
    venv/bin/python -m build --no-isolation source >log 2>&1
    tell 'build' source/dist/tool-1.0-py3-none-any.whl
} >seen
cat seen
diff - seen <<'TOLD'
pip wheel: tool-2.0-py3-none-any.whl, VERSION = '2.0', tool/__init__.py tool/migration.py
pip wheel: tool-1.0-py3-none-any.whl, VERSION = '2.0', tool/__init__.py tool/migration.py
pip install: VERSION = '2.0', tool-1.0.dist-info
of new times: tool-1.0-py3-none-any.whl, VERSION = '1.0', tool/__init__.py tool/migration.py
build: tool-1.0-py3-none-any.whl, VERSION = '1.0', tool/__init__.py
TOLD
