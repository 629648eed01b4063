#!/bin/sh
# GUESS     Hatchling leaves out what git ignores: its manual says that it respects the first .gitignore that it finds, in the
#           project's folder or above it. In a repository of several projects that is the one at the top, and what it says of
#           paths is said from the top.
# HAPPENS   It reads the file of the top as if it lay beside pyproject.toml. /tool/data/, which is out of the way of
#           projects/tool for git, takes tool/data out of that project, though all in it is committed; and of
#           /projects/tool/tool/site.py, the site's own settings with their password, nothing is known: it is packed. So in
#           the wheel as in the sdist, exit 0, no word. A .gitignore of the project's own, even an empty one, puts the other
#           out of force, for which git would have both.
# VERSIONS  hatchling 1.33.0, build 1.6.1 (PyPI), git 2.47
# SOURCE    hatchling/builders/config.py: load_vcs_exclusion_patterns; hatch issues 1069, 1897 and 1964 are of the same reader
# NEEDS     python3 with venv, PyPI, git. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check hatchling==1.33.0 build==1.6.1 pathspec==1.1.1 \
    || { echo "not to be installed here" >&2; exit 77; }
git --version
venv/bin/pip list --disable-pip-version-check | grep -E '^(hatchling|build|pathspec) '

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init --quiet --initial-branch=main repository
mkdir -p repository/projects/tool/tool/data
printf '/tool/data/\n/projects/tool/tool/site.py\n' >repository/.gitignore
cd repository/projects/tool
printf '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n' >pyproject.toml
printf '[project]\nname = "tool"\nversion = "1.0"\n' >>pyproject.toml
touch tool/__init__.py
echo 'PASSWORD = "secret"' >tool/site.py
echo 'a table' >tool/data/table

# Prints which of the three files are in a list of names.
which_of() {
    grep -o -E 'tool/(__init__\.py|site\.py|data/table)$' | sort | paste -s -d ' '
}
git add --all .
{
    echo "git: $(git ls-files | which_of)"
    "$work/venv/bin/python" -m build --no-isolation . >/dev/null
    echo "wheel: $(python3 -m zipfile --list dist/*.whl | sed 's/  .*//' | which_of)"
    echo "sdist: $(tar -tzf dist/*.tar.gz | which_of)"
    touch .gitignore
    rm -r dist
    "$work/venv/bin/python" -m build --no-isolation --wheel . >/dev/null
    echo "with a .gitignore of its own: $(python3 -m zipfile --list dist/*.whl | sed 's/  .*//' | which_of)"
    git add --all .
    echo "git then: $(git ls-files | which_of)"
} >"$work/seen"
cat "$work/seen"
diff - "$work/seen" <<'TOLD'
git: tool/__init__.py tool/data/table
wheel: tool/__init__.py tool/site.py
sdist: tool/__init__.py tool/site.py
with a .gitignore of its own: tool/__init__.py tool/data/table tool/site.py
git then: tool/__init__.py tool/data/table
TOLD
