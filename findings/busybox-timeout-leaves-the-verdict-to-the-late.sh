#!/bin/sh
# GUESS     `timeout 1 COMMAND` ends with 124 when the second was not enough, whoever made it: so GNU, uutils and toybox.
# HAPPENS   busybox's ends with what the command ends with. One that hears TERM and leaves in good order, exit 0, has
#           succeeded; a health check under `timeout` that never came to its end is healthy. One that knows no TERM is 143,
#           so 124 is never seen, and cannot be told from somebody else's TERM. busybox's timeout becomes the command,
#           and the clock is a child of its own beside it.
# VERSIONS  busybox 1.35.0 (Debian 12); GNU coreutils 9.1
# SOURCE    seen by running; timeout(1) of GNU coreutils, EXIT STATUS; `busybox timeout --help` tells of none
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download busybox-static=1:1.35.0-4+deb12u1+b1 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract busybox-static_*.deb root
busybox=$work/root/bin/busybox
"$busybox" | head -n 1

# Prints the status of a check that would need three seconds and has one.
status_of() {
    status=0
    "$@" 2>/dev/null || status=$?
    echo "$status"
}
polite='trap "exit 0" TERM; sleep 3 & wait'
theirs=$(status_of "$busybox" timeout 1 sh -c "$polite")
gnu=$(status_of timeout 1 sh -c "$polite")
echo "leaves in good order:  busybox $theirs, GNU $gnu"
theirs_deaf=$(status_of "$busybox" timeout 1 sleep 3)
gnu_deaf=$(status_of timeout 1 sleep 3)
echo "knows no TERM:         busybox $theirs_deaf, GNU $gnu_deaf"
[ "$theirs $gnu $theirs_deaf $gnu_deaf" = '0 124 143 124' ]
