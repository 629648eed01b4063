#!/bin/sh
# GUESS     `pipx install --quiet tool==2.0`, run on each host of a fleet, brings 2.0 or fails. So it is with `pip install tool==2.0`, and
#           with `uv tool install tool==2.0`.
# HAPPENS   A host that has the tool keeps what it has, 1.0, and the exit is 0; with --quiet, without a word. Only hosts that never had it
#           get 2.0. What was pinned is no more held than that: `pipx upgrade` goes past an ==1.0 of install to the newest, which
#           uv's does not, and `pipx upgrade-all` with it. --force installs what was asked for; `pipx pin` holds a release.
# VERSIONS  pipx 1.18.4, uv 0.13.9, pycowsay 0.0.0.1 and 0.0.0.2 (PyPI)
# SOURCE    pipx install --help, --force: "Modify existing virtual environment"; without --quiet it says "already seems to be". Seen
#           by running
# NEEDS     python3 with venv. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv desk
desk/bin/pip install --quiet --disable-pip-version-check pipx==1.18.4 uv==0.13.9 || { echo "not to be installed here" >&2; exit 77; }
export PIPX_HOME="$work/pipx" PIPX_BIN_DIR="$work/pipx-bin" PIPX_MAN_DIR="$work/pipx-man" UV_CACHE_DIR="$work/cache" \
    UV_TOOL_DIR="$work/uv" UV_TOOL_BIN_DIR="$work/uv-bin" UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1
desk/bin/pipx --version
desk/bin/uv --version

# Runs a command, and prints its status, how many lines it said, and which version there is then.
does() {
    status=0
    # shellcheck disable=SC2086 # Words of a command.
    desk/bin/$1 >words 2>&1 || status=$?
    version=$(find pipx uv -path '*/pycowsay-*/METADATA' -exec sed -n 's/^Version: //p' {} + 2>/dev/null || :)
    echo "$1: exit $status, $([ -s words ] && echo 'says so' || echo 'no word'), has $version"
}
{
    does 'pipx install --quiet pycowsay==0.0.0.1' | sed 's/, says so\|, no word//'
    does 'pipx install pycowsay==0.0.0.2'
    does 'pipx install --quiet pycowsay==0.0.0.2'
    does 'pipx upgrade pycowsay'
    does 'pipx install --quiet pycowsay==0.0.0.1'
    does 'pipx install --quiet --force pycowsay==0.0.0.1' | sed 's/, says so\|, no word//'
    desk/bin/pipx uninstall pycowsay >/dev/null 2>&1
    does 'uv --quiet tool install pycowsay==0.0.0.1'
    does 'uv tool upgrade pycowsay'
    does 'uv --quiet tool install pycowsay==0.0.0.2'
} >seen
cat seen
diff - seen <<'TOLD'
pipx install --quiet pycowsay==0.0.0.1: exit 0, has 0.0.0.1
pipx install pycowsay==0.0.0.2: exit 0, says so, has 0.0.0.1
pipx install --quiet pycowsay==0.0.0.2: exit 0, no word, has 0.0.0.1
pipx upgrade pycowsay: exit 0, says so, has 0.0.0.2
pipx install --quiet pycowsay==0.0.0.1: exit 0, no word, has 0.0.0.2
pipx install --quiet --force pycowsay==0.0.0.1: exit 0, has 0.0.0.1
uv --quiet tool install pycowsay==0.0.0.1: exit 0, no word, has 0.0.0.1
uv tool upgrade pycowsay: exit 0, says so, has 0.0.0.1
uv --quiet tool install pycowsay==0.0.0.2: exit 0, no word, has 0.0.0.2
TOLD
