#!/bin/sh
# GUESS     `symlinks -c /srv/tool/current` makes relative links of the absolute ones in the live release, so that it can be moved
#           or mounted elsewhere. They lead where they led before: the manual speaks of links that "maintain their validity".
# HAPPENS   They lead nowhere. It counts the folders in the name that it was given, and current is a link: from
#           /srv/tool/current/log it is one step up to /srv/tool, from the file itself, /srv/tool/releases/2/log, it is two. So
#           log -> ../shared/log, which would be /srv/tool/releases/shared/log. It says "changed", exit 0, and so it does from
#           inside, by `cd /srv/tool/current && symlinks -c .`, as the shell's word for the folder is taken and not the
#           folder. By releases/2 all is right, and its next run by that name calls the link dangling.
# VERSIONS  symlinks 1.4 (Debian 12)
# SOURCE    seen by running; symlinks(1), -c
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download symlinks=1.4-4 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --show symlinks_*.deb
dpkg-deb --extract symlinks_*.deb root

# Makes a release with an absolute link to what is shared, and a link to the release.
release() {
    rm -rf srv
    mkdir -p srv/tool/releases/2 srv/tool/shared/log
    echo 'a line' >srv/tool/shared/log/tool.log
    ln -s "$work/srv/tool/shared/log" srv/tool/releases/2/log
    ln -s releases/2 srv/tool/current
}
# Prints where the link leads, and what is there.
tell() {
    echo "$1: exit $status, log -> $(readlink srv/tool/releases/2/log)," \
        "$(cat srv/tool/current/log/tool.log 2>/dev/null || echo nothing)"
}
{
    status=0
    release
    root/usr/bin/symlinks -c srv/tool/releases/2 >/dev/null || status=$?
    tell 'releases/2'
    release
    root/usr/bin/symlinks -c srv/tool/current >/dev/null || status=$?
    tell 'current'
    release
    (cd srv/tool/current && "$work/root/usr/bin/symlinks" -c . >/dev/null) || status=$?
    tell 'from inside'
    root/usr/bin/symlinks srv/tool/releases/2 | sed "s,$work/,,"
    release
    (cd -P srv/tool/current && "$work/root/usr/bin/symlinks" -c . >/dev/null) || status=$?
    tell 'from inside, by the real name'
} >seen
cat seen
diff - seen <<'TOLD'
releases/2: exit 0, log -> ../../shared/log, a line
current: exit 0, log -> ../shared/log, nothing
from inside: exit 0, log -> ../shared/log, nothing
dangling: srv/tool/releases/2/log -> ../shared/log
from inside, by the real name: exit 0, log -> ../../shared/log, a line
TOLD
