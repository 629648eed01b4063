#!/bin/sh
# GUESS     `git ls-remote origin release | cut -f 1` is the commit that the branch release is at over there, one line, or nothing where
#           there is no such branch. With --heads it is branches alone, so nothing else can come in.
# HAPPENS   What is given is the end of a name: each ref whose last parts are release is in it, hotfix/release and alice/release as well,
#           and in the order of names, so that they come first. `head -n 1` takes hotfix/release, a script that does not cut has
#           two commits in one variable, and where the branch release is gone, the other one alone is there, as if it were it, and
#           --exit-code says 0. A branch that anybody pushes, with a slash in its name, alters what is deployed. With refs/heads/
#           in front it is one, or none. git fetch, git clone --branch and git rev-parse take the whole name.
# VERSIONS  git 2.39.5 (Debian 12)
# SOURCE    git-ls-remote(1) of that version: "only refs matching the given patterns", and not how; git's builtin/ls-remote.c,
#           tail_match(). Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download git=1:2.39.5-0+deb12u3 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract git_*.deb root
if ldd root/usr/bin/git | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
PATH=$work/root/usr/bin:$PATH
GIT_EXEC_PATH=$work/root/usr/lib/git-core
export GIT_EXEC_PATH GIT_CONFIG_NOSYSTEM=1 HOME="$work"
git --version

git init --quiet --initial-branch=main origin
# Makes a commit, and puts branches at it.
commit() {
    message=$1
    shift
    git -C origin -c user.name=desk -c user.email=desk@example.org commit --quiet --allow-empty --message "$message"
    for name in "$@"; do
        git -C origin branch "$name"
    done
}
commit 'half done' hotfix/release
commit 'released' release
# Prints the commits that a command gives, by their messages.
gives() {
    status=0
    "$@" >given 2>/dev/null || status=$?
    echo "$*: exit $status, $(cut -f 1 given | while read -r commit; do git -C origin log -1 --format=%s "$commit"; done | paste -s -d ,)"
}
{
    gives git ls-remote origin release
    gives git ls-remote --heads origin release
    gives git ls-remote --heads origin refs/heads/release
    git -C origin branch --quiet -D release
    gives git ls-remote --exit-code --heads origin release
    gives git ls-remote --exit-code --heads origin refs/heads/release
    git clone --quiet --branch release origin clone 2>/dev/null || echo "git clone --branch release: exit $?"
} >seen
cat seen
diff - seen <<'TOLD'
git ls-remote origin release: exit 0, half done,released
git ls-remote --heads origin release: exit 0, half done,released
git ls-remote --heads origin refs/heads/release: exit 0, released
git ls-remote --exit-code --heads origin release: exit 0, half done
git ls-remote --exit-code --heads origin refs/heads/release: exit 2, 
git clone --branch release: exit 128
TOLD
