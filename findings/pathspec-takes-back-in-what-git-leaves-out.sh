#!/bin/sh
# GUESS     pathspec's GitIgnoreSpec does as git does with the same .gitignore: its docs say that it is to "fully replicate Git's
#           handling". The last line that matches decides, and from a folder that is left out git takes no file back in.
# HAPPENS   A line that names a file wins over one that names its folder, wherever they stand. Below `!*.md` the whole of node_modules/ is
#           left out but its readmes; below `/secrets/` and then `!*.yml` it is the .yml that goes along, and `!audit.log` takes
#           build/audit.log in although `/build/` comes after it. git leaves out all of these, and has no file under the folder.
#           hatchling packs what git never had, as it asks pathspec. With the documented PathSpec order counts.
# VERSIONS  pathspec 1.1.1 (PyPI, 2026), hatchling 1.33.0 (PyPI, 2026), git
# SOURCE    pathspec/_backends/simple/gitignore.py: priority 2 for a file, 1 for a folder; gitignore(5): "It is not possible to
#           re-include a file if a parent directory of that file is excluded"
# NEEDS     git, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib pathspec==1.1.1 hatchling==1.33.0 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "pathspec 1.1.1, hatchling 1.33.0, $(git --version)"

# What is left out is told: of a .gitignore and one file, by git and by both kinds of pathspec.
ask() {
    rm -rf repo
    git init -q repo
    echo "$1" | tr ' ' '\n' >repo/.gitignore
    mkdir -p "repo/${2%/*}"
    echo text >"repo/$2"
    git -C repo check-ignore -q "$2" && git=out || git=in
    echo "$1: $2: git $git, $(PYTHONPATH=lib python3 - "$2" <<'PYTHON'
import sys

import pathspec

lines = open("repo/.gitignore").read().splitlines()
words = {True: "out", False: "in"}
as_git = pathspec.GitIgnoreSpec.from_lines(lines).match_file(sys.argv[1])
as_told = pathspec.PathSpec.from_lines("gitignore", lines).match_file(sys.argv[1])
print(f"GitIgnoreSpec {words[as_git]}, PathSpec {words[as_told]}")
PYTHON
)"
}
(
    ask 'node_modules/' node_modules/left/index.md
    ask '!*.md node_modules/' node_modules/left/index.md
    ask 'node_modules/ !*.md' node_modules/left/index.md
    ask '/secrets/ !*.yml' secrets/keys.yml
    ask '*.log !audit.log /build/' build/audit.log
    ask '*.log /build/' build/audit.log

    rm -rf repo
    git init -q repo
    cd repo
    printf '%s\n' '*.log' '!audit.log' '/build/' >.gitignore
    printf '%s\n' '[build-system]' 'requires = ["hatchling"]' 'build-backend = "hatchling.build"' '[project]' 'name = "tool"' \
        'version = "1.0"' >pyproject.toml
    mkdir build tool
    touch tool/__init__.py build/audit.log build/run.log
    git add .
    echo "git has $(git ls-files | paste -s -d ' ')"
    PYTHONPATH=../lib python3 -m hatchling build -t sdist >/dev/null 2>&1
    echo "hatchling packs $(tar --list --file dist/tool-1.0.tar.gz | sed 's,^tool-1.0/,,' | LC_ALL=C sort | paste -s -d ' ')"
) >seen
cat seen
diff - seen <<'TOLD'
node_modules/: node_modules/left/index.md: git out, GitIgnoreSpec out, PathSpec out
!*.md node_modules/: node_modules/left/index.md: git out, GitIgnoreSpec in, PathSpec out
node_modules/ !*.md: node_modules/left/index.md: git out, GitIgnoreSpec in, PathSpec in
/secrets/ !*.yml: secrets/keys.yml: git out, GitIgnoreSpec in, PathSpec in
*.log !audit.log /build/: build/audit.log: git out, GitIgnoreSpec in, PathSpec out
*.log /build/: build/audit.log: git out, GitIgnoreSpec out, PathSpec out
git has .gitignore pyproject.toml tool/__init__.py
hatchling packs .gitignore PKG-INFO build/audit.log pyproject.toml tool/__init__.py
TOLD
