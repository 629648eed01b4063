#!/bin/sh
# GUESS     `git diff A B | filterdiff -x '*/etc/*'` is the change without etc/: applied, nothing in etc/ is touched.
# HAPPENS   What is new in etc/ arrives, empty. filterdiff takes the body out and leaves git's heading, "new file mode 100644", and
#           that is all git apply and GNU patch need for a file without content: both create it, exit 0. So the flag
#           etc/maintenance, left out on purpose, is there, and whoever asks with test -e finds it. busybox's and
#           toybox's patch create none. Files that only change or go do stay out. git diff A B -- ':!etc' is right,
#           and so is --clean, which drops renames and modes of all files too.
# VERSIONS  patchutils 0.4.2, GNU patch 2.7.6, busybox 1.35.0 (Debian 12); git 2.47.3
# SOURCE    filterdiff(1), -x; patchutils issues 27 and 46, closed, of headings that made patch ask. Seen by running
# NEEDS     Debian 12's packages, git. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
for package in patchutils=0.4.2-1 patch=2.7.6-7 busybox-static=1:1.35.0-4+deb12u1+b1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
git --version
filterdiff=$work/root/usr/bin/filterdiff

export HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.org
export GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.org
git init --quiet --initial-branch main site
cd site
mkdir bin etc
echo tool >bin/tool
echo limit=1 >etc/limits
echo 'the old key' >etc/key
git add .
git commit --quiet --message 'Begin'
echo more >>bin/tool
echo limit=2 >etc/limits
git rm --quiet etc/key
echo 'deny all' >etc/maintenance
git add .
git commit --quiet --message 'Go on'
git diff HEAD~1 HEAD >../all
git diff HEAD~1 HEAD -- ':!etc' >../without
"$filterdiff" -x '*/etc/*' ../all >../filtered
"$filterdiff" --clean -x '*/etc/*' ../all >../cleaned
git checkout --quiet HEAD~1

# Prints what a patch does to the files of the old commit.
applied() {
    patch=$1
    shift
    "$@" <"../$patch" >/dev/null
    maintenance=none
    if [ -e etc/maintenance ]; then
        maintenance="$(wc -c <etc/maintenance) bytes"
    fi
    echo "$patch, ${1##*/}: $(git status --short --untracked-files=all | tr -s ' ' | paste -s -d ' '), maintenance: $maintenance"
    git reset --quiet --hard
    git clean --quiet --force -d
}
{
    for patch in without cleaned filtered; do
        applied "$patch" git apply
        applied "$patch" "$work/root/usr/bin/patch" --silent -p1
    done
    applied filtered "$work/root/bin/busybox" patch -p1
} >../seen
cat ../seen
diff - ../seen <<'TOLD'
without, git:  M bin/tool, maintenance: none
without, patch:  M bin/tool, maintenance: none
cleaned, git:  M bin/tool, maintenance: none
cleaned, patch:  M bin/tool, maintenance: none
filtered, git:  M bin/tool ?? etc/maintenance, maintenance: 0 bytes
filtered, patch:  M bin/tool ?? etc/maintenance, maintenance: 0 bytes
filtered, busybox:  M bin/tool, maintenance: none
TOLD
