#!/bin/sh
# GUESS     dulwich's describe, in its docs the version of a repository as git describe gives it, knows tags. What branches there
#           are, is of no matter.
# HAPPENS   A ref is a tag if "tags" is anywhere in its name. With a branch fix-metatags on it, 1.0.0-1-g… is fix-metatags, and a
#           branch that somebody pushed and a fetch brought, origin/hashtags, does the same: the version of a build hangs on
#           which refs lie about in the clone. A fresh --single-branch clone is right. Of a tag docs/2.0.0 the version is
#           2.0.0, as for any product in that repository: what precedes the last slash is dropped. Exit 0.
# VERSIONS  dulwich 1.2.21, pygit2 1.21.0 beside it (PyPI); git 2.47.3
# SOURCE    dulwich/porcelain: describe, `if "tags" not in key_str`; seen by running
# NEEDS     git, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    dulwich==1.2.21 pygit2==1.21.0 || { echo "not to be installed here" >&2; exit 77; }
git --version

export HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.org
export GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.org
# Makes a commit of a day in January 2026.
commit() {
    GIT_AUTHOR_DATE="2026-01-0${1}T00:00:00Z" GIT_COMMITTER_DATE="2026-01-0${1}T00:00:00Z" \
        git commit --quiet --allow-empty --message 'Serve'
}
git init --quiet --initial-branch main site
cd site
commit 1
git tag --annotate --message release 1.0.0
commit 2

# Prints the version by each of the three.
version() {
    git=$(git describe)
    others=$(PYTHONPATH=$work/lib python3 -c 'import dulwich.porcelain, pygit2
print("pygit2", pygit2.Repository(".").describe() + ", dulwich", dulwich.porcelain.describe("."))')
    echo "$1: git $git, $others"
}
{
    version 'main alone'
    git branch fix-metatags
    version 'a branch'
    git branch --quiet --delete --force fix-metatags
    git update-ref refs/remotes/origin/hashtags main
    version 'a fetched branch'
    git update-ref -d refs/remotes/origin/hashtags
    git tag --annotate --message release docs/2.0.0
    version 'a tag of the docs'
} | sed "s/-g$(git rev-parse --short HEAD)/-gCOMMIT/g" >../seen
cat ../seen
diff - ../seen <<'TOLD'
main alone: git 1.0.0-1-gCOMMIT, pygit2 1.0.0-1-gCOMMIT, dulwich 1.0.0-1-gCOMMIT
a branch: git 1.0.0-1-gCOMMIT, pygit2 1.0.0-1-gCOMMIT, dulwich fix-metatags
a fetched branch: git 1.0.0-1-gCOMMIT, pygit2 1.0.0-1-gCOMMIT, dulwich hashtags
a tag of the docs: git docs/2.0.0, pygit2 docs/2.0.0, dulwich 2.0.0
TOLD
