#!/bin/sh
# GUESS     2.1.0-rc.1 was good, so the same commit is tagged 2.1.0: `git-cliff --latest` writes the notes of 2.1.0, and says the
#           next version from there, 2.1.1 after a fix.
# HAPPENS   For git-cliff there is no 2.1.0, not in the whole changelog: a commit has one tag, and it is the last by letter. The
#           notes of the release are headed 2.1.0-rc.1, and after the fix --bumped-version is 2.1.0-rc.2, older than what is
#           out. Exit 0. By letter 2.9.0 beats 2.10.0, and a name beats every number: a tag `production`, moved to what
#           is live, is the latest release while it lies there, and no version follows it (v2.1.0 is safe from that one).
#           --ignore-tags, made for candidates, makes 2.1.0 the next version, not the last; --tag-pattern mends it.
# VERSIONS  git-cliff 2.14.2 (PyPI); git 2.47.3
# SOURCE    git-cliff issues 149 and 1036, of several products in one repository, both open
# NEEDS     git, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib git-cliff==2.14.2 \
    || { echo "not to be installed here" >&2; exit 77; }
cliff=$work/lib/bin/git-cliff
"$cliff" --version
git --version

export HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.org
export GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.org
export GIT_AUTHOR_DATE='2026-01-02T00:00:00Z' GIT_COMMITTER_DATE='2026-01-02T00:00:00Z'
git init --quiet --initial-branch main site
cd site
git commit --quiet --allow-empty --message 'feat: serve'
git tag --annotate --message release 2.0.0
git commit --quiet --allow-empty --message 'feat: cache'

# Prints what the tools make of tags that were set on one commit, in this order, and of the fix that follows.
named() {
    for tag in "$@"; do
        git tag --annotate --message "$tag" "$tag"
    done
    latest=$("$cliff" ${option:+"$option"} --latest 2>/dev/null | sed -n 's/^## \[\(.*\)\].*/\1/p')
    all=$("$cliff" ${option:+"$option"} 2>/dev/null | sed -n 's/^## \[\(.*\)\].*/\1/p' | paste -s -d ' ')
    describe=$(git describe)
    git commit --quiet --allow-empty --message 'fix: leak'
    next=$("$cliff" ${option:+"$option"} --bumped-version 2>/dev/null || echo "exit $?")
    echo "$*${option:+ with $option}: latest $latest of $all, next $next; git describe: $describe"
    git reset --quiet HEAD~1
    git tag --delete "$@" >/dev/null
}
option=
{
    named 2.1.0
    named 2.1.0-rc.1 2.1.0
    named 2.9.0 2.10.0
    named 2.1.0 production
    named v2.1.0 production
    for option in --ignore-tags=rc '--tag-pattern=^[0-9.]*$'; do
        named 2.1.0-rc.1 2.1.0
    done
} >../seen
cat ../seen
diff - ../seen <<'TOLD'
2.1.0: latest 2.1.0 of 2.1.0 2.0.0, next 2.1.1; git describe: 2.1.0
2.1.0-rc.1 2.1.0: latest 2.1.0-rc.1 of 2.1.0-rc.1 2.0.0, next 2.1.0-rc.2; git describe: 2.1.0
2.9.0 2.10.0: latest 2.9.0 of 2.9.0 2.0.0, next 2.9.1; git describe: 2.10.0
2.1.0 production: latest production of production 2.0.0, next exit 1; git describe: 2.1.0
v2.1.0 production: latest 2.1.0 of 2.1.0 2.0.0, next v2.1.1; git describe: production
2.1.0-rc.1 2.1.0 with --ignore-tags=rc: latest unreleased of unreleased 2.0.0, next 2.1.0; git describe: 2.1.0
2.1.0-rc.1 2.1.0 with --tag-pattern=^[0-9.]*$: latest 2.1.0 of 2.1.0 2.0.0, next 2.1.1; git describe: 2.1.0
TOLD
