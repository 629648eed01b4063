#!/bin/sh
# GUESS     `git clone --bundle-uri=…` takes objects from the bundle to spare the server work; the clone is then as any other: it
#           has the branches that the server has.
# HAPPENS   The bundle's branches stay, as refs/bundles/…, also those that were deleted or rewritten since it was made. No prune
#           removes them and no gc their commits; `git log --all` and `git describe --all` show them, --single-branch or
#           not; and `git push --mirror` hands them on: a branch that the server dropped is in the mirror of its clone.
#           `git branch --all` alone does not tell.
# VERSIONS  git 2.47.3
# SOURCE    git-clone(1), --bundle-uri: says "hidden" of a namespace that it calls refs/bundle/*; seen by running
# NEEDS     git from 2.38 on. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git --version

commit() {
    git -C server -c user.name=nobody -c user.email=nobody@example.org commit --quiet --allow-empty --message "$1"
}
git init --quiet --initial-branch=main server
commit 'The tool'
git -C server checkout --quiet -b dropped
commit 'Not to be published'
git -C server checkout --quiet main
git -C server bundle create --quiet ../server.bundle --all
git -C server branch --quiet -D dropped
commit 'The next release'

# Prints what a repository has of the dropped branch.
has() {
    echo "$1: $(git -C "$1" for-each-ref --format='%(refname)' | grep dropped || echo none)," \
        "in log --all $(git -C "$1" log --all --format=%s | grep -c 'Not to be published' || :)"
}
{
    git clone --quiet "file://$work/server" plain
    has plain
    git clone --quiet --bundle-uri="$work/server.bundle" "file://$work/server" clone \
        || { echo "git knows no bundle URIs here" >&2; exit 77; }
    git -C clone fetch --quiet --prune --prune-tags
    git -C clone -c gc.reflogExpire=now gc --quiet --prune=now
    has clone
    git init --quiet --bare mirror
    git -C clone push --quiet --mirror "$work/mirror"
    has mirror
} >seen
cat seen
diff - seen <<'TOLD'
plain: none, in log --all 0
clone: refs/bundles/dropped, in log --all 1
mirror: refs/bundles/dropped, in log --all 1
TOLD
