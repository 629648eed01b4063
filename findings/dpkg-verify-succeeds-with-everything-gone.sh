#!/bin/sh
# GUESS     `dpkg --verify tool` fails where an installed package is not as it was installed, as rpm -V does: dpkg(1) has it for
#           all its commands that status 1 is "a check or assertion command returned false". What it does not check, modes and
#           owners, has a question mark in its answer.
# HAPPENS   It exits 0 with a file changed, with a file missing, with all files of the package gone. What it has found is in its
#           output alone, so `dpkg -V tool || exit 1` passes always. And a file whose mode is another has no line of question
#           marks, but none. Of links it sees one thing, whether there is something of that name: a link of the package that leads
#           elsewhere, or nowhere, or is a folder now, has no line either. So current, turned by hand, is as installed.
# VERSIONS  dpkg 1.21.23 (Debian 12)
# SOURCE    dpkg(1): EXIT STATUS; -V, "the only functional check performed is an md5sum verification". Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download dpkg=1.21.23 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --show dpkg_*.deb
dpkg-deb --extract dpkg_*.deb root
dpkg=$work/root/usr/bin/dpkg
"$dpkg" --version >/dev/null || { echo "not to be run here" >&2; exit 77; }

mkdir -p tool/DEBIAN tool/srv/tool/2
echo 2 >tool/srv/tool/2/VERSION
echo code >tool/srv/tool/2/code
ln -s 2 tool/srv/tool/current
(cd tool && find srv -type f -exec md5sum {} + >DEBIAN/md5sums)
printf '%s\n' 'Package: tool-of-no-matter' 'Version: 2' 'Architecture: all' 'Maintainer: a <a@example.org>' 'Description: a tool' \
    >tool/DEBIAN/control
dpkg-deb --root-owner-group --build tool tool.deb >/dev/null

# Installs it anew, changes something, and prints what is said of it.
verify() {
    rm -rf host
    mkdir -p host/var/lib/dpkg/info host/var/lib/dpkg/updates
    : >host/var/lib/dpkg/status
    "$dpkg" --root="$work/host" --force-not-root --log=/dev/null --install tool.deb >words 2>&1 || { cat words; exit 1; }
    (cd host/srv/tool && eval "$2")
    status=0
    said=$("$dpkg" --root="$work/host" --verify tool-of-no-matter 2>&1) || status=$?
    echo "$1: exit $status, $(echo "$said" | sed 's/  */ /g' | paste -s -d ,)"
}
{
    verify 'as installed' :
    verify 'a file changed' 'echo 3 >2/VERSION'
    verify 'a file gone' 'rm 2/VERSION'
    verify 'a mode changed' 'chmod 000 2/code'
    verify 'a link turned' 'ln -sfn /nowhere current'
    verify 'a link is a folder' 'rm current; mkdir current'
    verify 'all gone' 'cd ..; rm -r tool'
} >seen
cat seen
diff - seen <<'TOLD'
as installed: exit 0, 
a file changed: exit 0, ??5?????? /srv/tool/2/VERSION
a file gone: exit 0, missing /srv/tool/2/VERSION
a mode changed: exit 0, 
a link turned: exit 0, 
a link is a folder: exit 0, 
all gone: exit 0, missing /srv/tool,missing /srv/tool/2,missing /srv/tool/2/VERSION,missing /srv/tool/2/code,missing /srv/tool/current
TOLD
