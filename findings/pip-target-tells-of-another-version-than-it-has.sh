#!/bin/sh
# GUESS     `pip install --target lib colorama==0.4.6` puts 0.4.6 into lib, or says that it cannot. With --upgrade it takes the place of
#           what was there, and what asks for the version, as importlib.metadata does, is told the one that is there.
# HAPPENS   Without --upgrade the package of before stays, and the metadata of the new one is put beside it: lib has the code of 0.4.5 and
#           two versions, a warning, exit 0; with --force-reinstall it is so too. With --upgrade the code is the new one and the
#           metadata of the old one stays, on going back as well. Which of the two importlib.metadata gives is the first that the
#           disk lists. So a tool's --version, its entry points, a bill of materials and an auditor may go by what is not
#           there. uv's --target has one version, either way.
# VERSIONS  pip 26.3, uv 0.13.9 (PyPI)
# SOURCE    pip install --help, --target: "Use --upgrade to replace existing packages"; pip's commands/install.py, _handle_target_dir(),
#           compares names, and metadata has the version in its own; pip issue 13763. Seen by running
# NEEDS     python3 with venv. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv desk
desk/bin/python -m pip install --quiet --disable-pip-version-check pip==26.3 uv==0.13.9 \
    || { echo "not to be installed here" >&2; exit 77; }
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_CACHE_DIR="$work/cache"
desk/bin/pip --version | cut -d ' ' -f 1-2
desk/bin/uv --version

# Installs one version and then another by the commands given, and prints what lib has.
install() {
    name=$1
    rm -rf lib
    desk/bin/pip -q install --target lib "colorama==$2"
    status=0
    # shellcheck disable=SC2086 # Words of a command.
    desk/bin/$4 --target lib "colorama==$3" 2>words || status=$?
    code=$(sed -n "s/^__version__ = '\(.*\)'/\1/p" lib/colorama/__init__.py)
    told=$(desk/bin/python -c 'import importlib.metadata as of
print(*sorted(one.version for one in of.distributions(path=["lib"])))')
    echo "$name, $2 to $3: exit $status, code of $code, metadata of $told"
}
{
    install 'pip' 0.4.5 0.4.6 'pip -q install'
    install 'pip --upgrade' 0.4.5 0.4.6 'pip -q install --upgrade'
    install 'pip --upgrade' 0.4.6 0.4.5 'pip -q install --upgrade'
    install 'pip --force-reinstall' 0.4.6 0.4.5 'pip -q install --force-reinstall'
    install 'uv' 0.4.5 0.4.6 'uv -q pip install'
    install 'uv --upgrade' 0.4.6 0.4.5 'uv -q pip install --upgrade'
} >seen
cat seen
diff - seen <<'TOLD'
pip, 0.4.5 to 0.4.6: exit 0, code of 0.4.5, metadata of 0.4.5 0.4.6
pip --upgrade, 0.4.5 to 0.4.6: exit 0, code of 0.4.6, metadata of 0.4.5 0.4.6
pip --upgrade, 0.4.6 to 0.4.5: exit 0, code of 0.4.5, metadata of 0.4.5 0.4.6
pip --force-reinstall, 0.4.6 to 0.4.5: exit 0, code of 0.4.6, metadata of 0.4.5 0.4.6
uv, 0.4.5 to 0.4.6: exit 0, code of 0.4.6, metadata of 0.4.6
uv --upgrade, 0.4.6 to 0.4.5: exit 0, code of 0.4.5, metadata of 0.4.5
TOLD
