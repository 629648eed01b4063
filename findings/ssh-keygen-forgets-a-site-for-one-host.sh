#!/bin/sh
# GUESS     `ssh-keygen -R web01.eqiad` makes known_hosts forget web01.eqiad. A line whose pattern covers it with others,
#           *.eqiad, is either left alone (as `ssh-keygen -H` does, which says so) or gets !web01.eqiad.
# HAPPENS   The whole line goes, and with it the key of all hosts that had no other: web02.eqiad is unknown too, and a strict
#           run reaches nobody there. Exit 0; the message names the one host, with a second line number. The port is
#           taken by letter: -F and -R '[web01.eqiad]:22' know nothing of web01.eqiad, which `ssh -p 22` does know.
# VERSIONS  OpenSSH 9.2p1 (Debian 12)
# SOURCE    ssh-keygen(1), -R; ssh-keygen.c: known_hosts_find_delete
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract openssh-client_*.deb root
keygen=$work/root/usr/bin/ssh-keygen
"$work/root/usr/bin/ssh" -V 2>&1

"$keygen" -q -t ed25519 -N '' -C '' -f key
key=$(cat key.pub)
printf '%s\n' "web01.eqiad $key" "*.eqiad,!db01.eqiad $key" "web01.codfw $key" >known

# Tells whether a host is known there, by ssh-keygen's own word.
known() {
    if "$keygen" -F "$1" -f known >/dev/null 2>&1; then echo known; else echo unknown; fi
}
survey() {
    for host in web01.eqiad web02.eqiad web01.codfw '[web01.codfw]:22'; do
        printf '%s %s; ' "$host" "$(known "$host")"
    done
}

before=$(survey)
echo "before: $before"
status=0
"$keygen" -R web01.eqiad -f known || status=$?
after=$(survey)
echo "exit $status; after: $after"

[ "$before" = 'web01.eqiad known; web02.eqiad known; web01.codfw known; [web01.codfw]:22 unknown; ' ]
[ "$after" = 'web01.eqiad unknown; web02.eqiad unknown; web01.codfw known; [web01.codfw]:22 unknown; ' ]
[ "$status" = 0 ]
