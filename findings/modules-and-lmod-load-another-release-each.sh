#!/bin/sh
# GUESS     `module load tool` loads the newest of the releases that have a module file, where none is set as the default. Lmod takes the
#           place of Environment Modules and reads the same files, so that the jobs of a cluster that moves from one to the other go
#           on with the release that they had. A candidate, or a copy that was put aside, is not the newest.
# HAPPENS   They agree on numbers, 1.10 behind 1.9, and on little else. For Modules what is longer is newer: 2.0-rc1 is loaded where 2.0
#           is there, and so are 2.0.old and 2.0.bak, and a file `old` or `previous` is newer than any number. For Lmod most words
#           take away from the number before them: 1.0b, 1.0-hotfix and 1.0-patch1 are older than 1.0, so that the mended release
#           is never loaded. Both load 2.1-rc1 beside 2.0, and the copy 1.10.bak beside 1.9. No word of it from either.
# VERSIONS  environment-modules 5.2.0, lmod 8.6.19 (Debian 12)
# SOURCE    modulefile(4): the "highest numerically sorted", by lsort's dictionary; Lmod's parseVersion.lua, whose comment has it that a
#           word behind "final" in the alphabet is a patch, where the code compares it with "zfinal"
# NEEDS     Debian 12's packages, procps and what libc has. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in environment-modules=5.2.0-1 lmod=8.6.19-1 tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2 lua5.3 lua-filesystem lua-json \
    lua-lpeg lua-posix lua-term; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
dpkg-deb --show environment-modules_*.deb
dpkg-deb --show lmod_*.deb
machine=$(uname -m)-linux-gnu
LD_LIBRARY_PATH=$work/root/usr/lib/$machine
TCL_LIBRARY=$work/root/usr/share/tcltk/tcl8.6
export LD_LIBRARY_PATH TCL_LIBRARY MODULEPATH="$work/modules" LMOD_IGNORE_CACHE=yes
# Lmod has the folders of Lua's libraries written into it.
lmod=$work/root/usr/share/lmod/8.6.19/libexec
sed "s#/usr/share/lua/5.3#$work/root&#g; s#/usr/lib/$machine/lua/5.3#$work/root&#g" "$lmod/lmod" >"$lmod/here"
root/usr/bin/lua5.3 "$lmod/here" --version 2>&1 | grep -q 'Version 8.6.19' || { echo "not to be run here" >&2; exit 77; }

# Prints which of some releases each of the two loads.
loads() {
    rm -rf modules
    mkdir -p modules/tool
    for release; do
        printf '#%%Module\nsetenv TOOL %s\n' "$release" >"modules/tool/$release"
    done
    modules=$(root/usr/bin/tclsh8.6 "root/usr/lib/$machine/modulecmd.tcl" sh load tool 2>/dev/null | sed -n 's/^TOOL=\([^;]*\);.*/\1/p')
    by_lmod=$(root/usr/bin/lua5.3 "$lmod/here" sh load tool 2>/dev/null | sed -n 's/^TOOL=\([^;]*\);.*/\1/p' | tr -d '\\"')
    echo "of $*: Modules $modules, Lmod $by_lmod"
}
{
    loads 1.9 1.10
    loads 2.0-rc1 2.0
    loads 2.0.old 2.0
    loads 2.0 old
    loads 41 42 previous
    loads 1.0 1.0a 1.0b
    loads 1.0 1.0-hotfix
    loads 1.0 1.0-patch1
    loads 1.0 1.0-1
    loads 2.0 2.1-rc1
    loads 1.9 1.10.bak
} >seen
cat seen
diff - seen <<'TOLD'
of 1.9 1.10: Modules 1.10, Lmod 1.10
of 2.0-rc1 2.0: Modules 2.0-rc1, Lmod 2.0
of 2.0.old 2.0: Modules 2.0.old, Lmod 2.0
of 2.0 old: Modules old, Lmod 2.0
of 41 42 previous: Modules previous, Lmod 42
of 1.0 1.0a 1.0b: Modules 1.0b, Lmod 1.0
of 1.0 1.0-hotfix: Modules 1.0-hotfix, Lmod 1.0
of 1.0 1.0-patch1: Modules 1.0-patch1, Lmod 1.0
of 1.0 1.0-1: Modules 1.0-1, Lmod 1.0-1
of 2.0 2.1-rc1: Modules 2.1-rc1, Lmod 2.1-rc1
of 1.9 1.10.bak: Modules 1.10.bak, Lmod 1.10.bak
TOLD
