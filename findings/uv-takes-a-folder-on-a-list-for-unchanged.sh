#!/bin/sh
# GUESS     `uv pip install -r requirements.txt`, with ./tool on the list, builds and installs the tool that lies in the folder, as
#           `uv pip install ./tool` does, and as pip does either way. A new environment has the release that was checked out.
# HAPPENS   Given by itself the folder is built each time. On a list, as a source by path in a pyproject.toml and behind --with it is
#           taken from uv's cache until pyproject.toml, setup.py or setup.cfg has another time: what a build machine makes in a
#           new environment, exit 0, "+ tool==1.0 (from file:///…)", is the code of the first commit that it has built there. A
#           checkout that changes the code alone leaves those times. uv sync has a uv.lock and a new .venv, and the old code.
#           --refresh or --reinstall-package mends it, or cache-keys in the tool's own pyproject.toml.
# VERSIONS  uv 0.13.9 (PyPI); pip of the machine beside it
# SOURCE    uv's documentation, Caching, on dependencies: which files are looked at, and "a special case" on the command line; uv issue
#           13876, closed as a question. Of --with, and that an empty .venv does not help, seen by running
# NEEDS     python3 with venv, git. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv desk
desk/bin/pip install --quiet --disable-pip-version-check uv==0.13.9 || { echo "not to be installed here" >&2; exit 77; }
uv=$work/desk/bin/uv
export UV_CACHE_DIR="$work/cache" UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never
"$uv" --version

# A tool with two commits that differ in its code alone.
git init -q -b main tool
printf '%s\n' '[build-system]' 'requires = ["setuptools"]' 'build-backend = "setuptools.build_meta"' \
    '[project]' 'name = "tool"' 'version = "1.0"' >tool/pyproject.toml
printf '%s\n' build '*.egg-info' >tool/.gitignore
for number in 1 2; do
    mkdir -p tool/tool
    echo "code = $number" >tool/tool/__init__.py
    git -C tool add .
    git -C tool -c user.name=desk -c user.email=desk@example.org commit -q -m "$number"
done
mkdir app
printf '%s\n' '[project]' 'name = "app"' 'version = "1"' 'requires-python = ">=3.8"' 'dependencies = ["tool"]' \
    '[tool.uv.sources]' 'tool = { path = "../tool" }' >app/pyproject.toml

# Brings the tool into a new environment by the way given, and prints the number of its code.
brings() {
    rm -rf new app/.venv
    "$uv" -q venv new
    python=$PWD/new/bin/python
    case $1 in
    folder) "$uv" -q pip install --python "$python" ./tool ;;
    list) "$uv" -q pip install --python "$python" -r list ;;
    refresh) "$uv" -q pip install --python "$python" --refresh -r list ;;
    reinstall) "$uv" -q pip install --python "$python" --reinstall-package tool -r list ;;
    sync) (cd app && "$uv" -q sync) && python=$PWD/app/.venv/bin/python ;;
    with) "$uv" run -q --no-project --with ./tool python -c 'import tool; print(tool.code)' && return ;;
    pip) ../desk/bin/python -m pip -q --disable-pip-version-check --python "$python" install -r list ;;
    esac
    "$python" -c 'import tool; print(tool.code)'
}
for way in folder list refresh reinstall sync with pip; do
    mkdir "$way"
    cp -a tool app "$way"
    cd "$way"
    echo ./tool >list
    git -C tool checkout -q HEAD~
    first=$(brings "$way")
    git -C tool checkout -q main
    echo "$way: at commit 1 comes $first, at commit 2 $(brings "$way")"
    cd ..
done >seen
cat seen
diff - seen <<'TOLD'
folder: at commit 1 comes 1, at commit 2 2
list: at commit 1 comes 1, at commit 2 1
refresh: at commit 1 comes 1, at commit 2 2
reinstall: at commit 1 comes 1, at commit 2 2
sync: at commit 1 comes 1, at commit 2 1
with: at commit 1 comes 1, at commit 2 1
pip: at commit 1 comes 1, at commit 2 2
TOLD
