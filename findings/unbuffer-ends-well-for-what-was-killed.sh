#!/bin/sh
# GUESS     `unbuffer COMMAND | tee log`, for a command that holds its lines back in a pipe, ends as the command does: unbuffer
#           hands the status on, and a command that a signal ended is no success, be it 137 as a shell says or another.
# HAPPENS   It hands on what the command exited with, and what a signal ended has exited with nothing: 0. A step that was shot
#           for want of memory or crashed is done, under set -e and pipefail too. -p is the same. script -e, which is the
#           other way to have a terminal, says 137, and so do timeout, setsid and stdbuf.
# VERSIONS  expect 5.45.4, bsdutils 2.38.1 (Debian 12)
# SOURCE    unbuffer(1), which says nothing of it; unbuffer: exit [lindex [wait] 3]; expect(1), wait: CHILDKILLED is in a fifth
#           element. Seen by running
# NEEDS     Debian 12's packages, a pseudo-terminal. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in expect=5.45.4-2+b1 tcl-expect=5.45.4-2+b1 tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2 \
    bsdutils=1:2.38.1-5+deb12u3; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
# Where Expect's library lies, in a path that Debian's package has in full.
sed -i "s|file join /usr |file join $work/root/usr |" root/usr/lib/tcltk/*/expect*/pkgIndex.tcl
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
export TCL_LIBRARY="$work/root/usr/share/tcltk/tcl8.6" TCLLIBPATH="$work/root/usr/lib/tcltk/x86_64-linux-gnu"
PATH=$work/root/usr/bin:$PATH
unbuffer true || { echo "not to be run here" >&2; exit 77; }
expect -v

# Prints how a wrapper ends, for a command that the shell it is given runs in its place.
ends() {
    status=0
    "$@" >out 2>&1 </dev/null || status=$?
    echo "$*: $status"
}
# shellcheck disable=SC2016 # The shell in there is the one to be killed.
{
    ends unbuffer sh -c 'exit 3'
    for signal in KILL TERM SEGV; do
        ends unbuffer sh -c "kill -$signal "'$$'
    done
    ends unbuffer -p sh -c 'kill -KILL $$'
    ends script -q -e -c 'kill -KILL $$' /dev/null
    ends timeout 9 sh -c 'kill -KILL $$'
    ends setsid -w sh -c 'kill -KILL $$'
} >seen
cat seen
diff - seen <<'TOLD'
unbuffer sh -c exit 3: 3
unbuffer sh -c kill -KILL $$: 0
unbuffer sh -c kill -TERM $$: 0
unbuffer sh -c kill -SEGV $$: 0
unbuffer -p sh -c kill -KILL $$: 0
script -q -e -c kill -KILL $$ /dev/null: 137
timeout 9 sh -c kill -KILL $$: 137
setsid -w sh -c kill -KILL $$: 137
TOLD
