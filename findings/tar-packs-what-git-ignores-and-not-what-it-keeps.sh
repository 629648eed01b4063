#!/bin/sh
# GUESS     `tar --exclude-vcs-ignores -czf tool.tgz tool` reads the tree's .gitignore, as it says, and packs what git would take: a
#           release without a clone, for whoever has no git on the host that packs.
# HAPPENS   It reads the lines as patterns of its own. /.env and build/, with a slash at either end, as most lines of a .gitignore have,
#           match nothing, and are packed, .env with its secret as well. !keep.log, which takes a file out of *.log, is a name
#           with an exclamation mark, and keep.log is left out. What has no slash at an end and no exception is right, and so are
#           comments; so it looks well at first. exit 0, no word.
# VERSIONS  GNU tar 1.34 (Debian 12); git 2.39.5 beside it
# SOURCE    tar(1), --exclude-vcs-ignores: "patterns read from VCS-specific ignore files"; tar's exclist.c: git_addfn() knows comments and a
#           backslash, and no more; QubesOS/qubes-builderv2 pull request 244 met the exception. Found by comparing with git ls-files
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in tar=1.34+dfsg-1.2+deb12u1 git=1:2.39.5-0+deb12u3; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
if ldd root/bin/tar root/usr/bin/git | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
GIT_EXEC_PATH=$work/root/usr/lib/git-core
export GIT_EXEC_PATH GIT_CONFIG_NOSYSTEM=1 HOME="$work"

mkdir -p tool/build tool/src/cache tool/logs
for name in .env main.o keep.log run.log build/tool src/tool.c src/tool.o src/cache/x logs/1 '#note'; do
    echo "$name" >"tool/$name"
done
git=$work/root/usr/bin/git
"$git" init --quiet --initial-branch=main tool
# Prints what git takes and what tar packs of the tree, for the lines of a .gitignore.
takes() {
    printf '%s\n' "$@" >tool/.gitignore
    "$git" -C tool ls-files --cached --others --exclude-standard | sort >by-git
    root/bin/tar --exclude=.git --exclude-vcs-ignores -C tool -cf tool.tar .
    root/bin/tar -tf tool.tar | grep -v '/$' | cut -c 3- | sort >by-tar
    echo "$(echo "$*" | sed 's/ /, /g'): $(comm -13 by-git by-tar | sed 's/^/packed too: /' | paste -s -d ' ')" \
        "$(comm -23 by-git by-tar | sed 's/^/left out: /' | paste -s -d ' ')"
}
{
    takes '*.o'
    takes '.env'
    takes '/.env'
    takes '/build'
    takes 'build/'
    takes 'logs/' '**/cache'
    takes 'src/*.o'
    takes '*.log' '!keep.log'
    takes '#note'
} >seen
cat seen
diff - seen <<'TOLD'
*.o:  
.env:  
/.env: packed too: .env 
/build: packed too: build/tool 
build/: packed too: build/tool 
logs/, **/cache: packed too: logs/1 
src/*.o:  
*.log, !keep.log:  left out: keep.log
#note:  
TOLD
