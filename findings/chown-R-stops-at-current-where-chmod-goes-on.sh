#!/bin/sh
# GUESS     `chown -R tool:tool /srv/tool/current && chmod -R g+w /srv/tool/current` are about the same files, those of the release that
#           current leads to, or both about the link alone. Whatever it is, it is the same on hosts with GNU's tools and others.
# HAPPENS   chown and chgrp change the link, and not even the folder that it leads to; GNU's chmod goes through the whole release. So
#           each file is open to its group, and the group is root's as before; exit 0. busybox's, toybox's and uutils' chmod change
#           the folder behind the link and nothing in it: there the second command does less as well. GNU's chown has -H for it, as
#           have the others; chmod, in this version, no option at all. With a slash behind current both go through it, with each.
# VERSIONS  GNU coreutils 9.1, busybox 1.35.0, toybox 0.8.9, rust-coreutils 0.0.17 (Debian 12)
# SOURCE    chown(1), -P: "do not traverse any symbolic links (default)"; chmod(1): it ignores those "encountered during recursive directory
#           traversals", and of the one that is named says nothing. Found by running one matrix with all of them
# NEEDS     Debian 12's packages, root. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

[ "$(id -u)" = 0 ] || { echo "not to be run here" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in coreutils=9.1-1 busybox-static=1:1.35.0-4+deb12u1+b1 toybox=0.8.9+dfsg-1 rust-coreutils=0.0.17-2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" "${package%%_*}"
done
if ldd coreutils/bin/chown toybox/bin/toybox rust-coreutils/usr/bin/coreutils | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

# Runs a tool's command on current, or on current with a slash, and prints what has another group or mode than before.
on() {
    rm -rf tool
    mkdir -p tool/releases/2/bin
    echo tool >tool/releases/2/bin/tool
    ln -s releases/2 tool/current
    chmod -R u=rwX,go= tool
    case $name in
    GNU) command=coreutils/bin/$1 && shift && set -- "$command" "$@" ;;
    busybox) set -- busybox-static/bin/busybox "$@" ;;
    toybox) set -- toybox/bin/toybox "$@" ;;
    uutils) set -- rust-coreutils/usr/bin/coreutils "$@" ;;
    esac
    "$@" || echo "exit $?"
    changed=$(cd tool && find ./* \( -group 3 -o ! -type l -perm -g=w \) | sed 's|^./||' | sort | paste -s -d ' ')
    echo "$name, $what: ${changed:-nothing}"
}
{
    for name in GNU busybox toybox uutils; do
        what='chown -R current' && on chown -R 3:3 tool/current
        what='chgrp -R current' && on chgrp -R 3 tool/current
        what='chmod -R current' && on chmod -R g+w tool/current
        what='chown -R -H current' && on chown -R -H 3:3 tool/current
        what='chown -R current/' && on chown -R 3:3 tool/current/
        what='chmod -R current/' && on chmod -R g+w tool/current/
    done
} >seen
cat seen
diff - seen <<'TOLD'
GNU, chown -R current: current
GNU, chgrp -R current: current
GNU, chmod -R current: releases/2 releases/2/bin releases/2/bin/tool
GNU, chown -R -H current: releases/2 releases/2/bin releases/2/bin/tool
GNU, chown -R current/: releases/2 releases/2/bin releases/2/bin/tool
GNU, chmod -R current/: releases/2 releases/2/bin releases/2/bin/tool
busybox, chown -R current: current
busybox, chgrp -R current: current
busybox, chmod -R current: releases/2
busybox, chown -R -H current: releases/2 releases/2/bin releases/2/bin/tool
busybox, chown -R current/: releases/2 releases/2/bin releases/2/bin/tool
busybox, chmod -R current/: releases/2 releases/2/bin releases/2/bin/tool
toybox, chown -R current: current
toybox, chgrp -R current: current
toybox, chmod -R current: releases/2
toybox, chown -R -H current: releases/2 releases/2/bin releases/2/bin/tool
toybox, chown -R current/: releases/2 releases/2/bin releases/2/bin/tool
toybox, chmod -R current/: releases/2 releases/2/bin releases/2/bin/tool
uutils, chown -R current: current
uutils, chgrp -R current: current
uutils, chmod -R current: releases/2
uutils, chown -R -H current: releases/2 releases/2/bin releases/2/bin/tool
uutils, chown -R current/: releases/2 releases/2/bin releases/2/bin/tool
uutils, chmod -R current/: releases/2 releases/2/bin releases/2/bin/tool
TOLD
