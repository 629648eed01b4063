#!/bin/sh
# GUESS     Of the tags behind a commit dunamai takes the nearest, as git describe, or else the highest. After 2.0.0 both are
#           2.0.0, whatever old branch is merged.
# HAPPENS   Once the branch of hotfix 1.0.1 is merged, the next build is 1.0.1.post5: older than the release before it, so that
#           no upgrade takes it. Neither distance, nor number, nor any date counts, but which tag `git log --topo-order` meets
#           first, and that shows what was merged before what it was merged into. Who merges the other way round, main into
#           the hotfix's branch, gets 2.0.0.post…, of the same commits. Exit 0; --highest-tag mends it.
# VERSIONS  dunamai 1.26.5, setuptools-scm 10.3.4 beside it (PyPI); git 2.47.3
# SOURCE    dunamai issues 96 and 63; dunamai/__init__.py: _GitRefInfo.sort_key
# NEEDS     git, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    dunamai==1.26.5 setuptools-scm==10.3.4 vcs-versioning==2.6.0 packaging==26.4 setuptools==84.2.1 \
    || { echo "not to be installed here" >&2; exit 77; }
export PYTHONPATH="$work/lib" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=nobody GIT_AUTHOR_EMAIL=nobody@example.org GIT_COMMITTER_NAME=nobody GIT_COMMITTER_EMAIL=nobody@example.org

# Makes a commit of a day in January 2026, and a tag of it where one is named.
commit() {
    export GIT_AUTHOR_DATE="2026-01-$1T12:00:00Z" GIT_COMMITTER_DATE="2026-01-$1T12:00:00Z"
    git commit --quiet --allow-empty --message "Of day $1"
    [ -z "${2:-}" ] || git tag --annotate --message "Release $2" "v$2"
}
git init --quiet tool
cd tool
git checkout --quiet -b main
printf '[project]\nname = "tool"\ndynamic = ["version"]\n[tool.setuptools_scm]\n' >pyproject.toml
git add pyproject.toml
commit 01 1.0.0
git checkout --quiet -b hotfix
commit 02 1.0.1
git checkout --quiet main
commit 03
commit 04
commit 05 2.0.0
commit 06

dunamai() {
    python3 -m dunamai from git --format '{base}.post{distance}' "$@"
}
say() {
    echo "$1: dunamai $(dunamai), with --highest-tag $(dunamai --highest-tag); git $(git describe --abbrev=0)," \
        "setuptools-scm $(python3 -W ignore -m setuptools_scm 2>/dev/null | sed 's/+.*//')"
}
git --version
{
    say 'before the merge'
    git checkout --quiet -b one main
    git merge --quiet --no-ff --message 'Merge the hotfix' hotfix
    say 'hotfix into main'
    git checkout --quiet -b other hotfix
    git merge --quiet --no-ff --message 'Merge main' main
    say 'main into hotfix'
} >seen
cat seen
diff - seen <<'TOLD'
before the merge: dunamai 2.0.0.post1, with --highest-tag 2.0.0.post1; git v2.0.0, setuptools-scm 2.0.1.dev1
hotfix into main: dunamai 1.0.1.post5, with --highest-tag 2.0.0.post3; git v2.0.0, setuptools-scm 2.0.1.dev3
main into hotfix: dunamai 2.0.0.post3, with --highest-tag 2.0.0.post3; git v2.0.0, setuptools-scm 2.0.1.dev3
TOLD
