#!/bin/sh
# GUESS     `check_procs -C tool-dispatcher-old -c 0:0` of the monitoring plugins is critical as long as a process of that name runs: a
#           gate that the release before has ended. -C is for "exact matches of COMMAND (without path)".
# HAPPENS   It is OK, "0 processes", while the process runs. Linux keeps 15 letters of a name, and the name in full is compared with
#           that, so a longer one is never found: what is to be there alarms for ever, and is noticed; what is to be
#           gone is gone for ever. pgrep warns of such a pattern. By its first 15 letters, -C tool-dispatcher, it is found,
#           together with each other name that begins so; -a finds it by its arguments.
# VERSIONS  monitoring-plugins 2.3.3, procps 4.0.2 (Debian 12)
# SOURCE    `check_procs --help`, -C; proc(5), comm; seen by running
# NEEDS     Debian 12's packages, /proc. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
tools=
# shellcheck disable=SC2086 # They are numbers.
trap '[ -z "$tools" ] || kill $tools 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in monitoring-plugins-basic=2.3.3-5+deb12u2 monitoring-plugins-common=2.3.3-5+deb12u2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
check_procs=root/usr/lib/nagios/plugins/check_procs
"$check_procs" --version || :
command -v pgrep >/dev/null || { echo "no pgrep here" >&2; exit 77; }

sleep=$(command -v sleep)
# Names of 15, 16 and 19 letters that nobody else has.
for name in zool-dispatcher zool-dispatchers zool-dispatcher-old; do
    cp "$sleep" "$name"
    "./$name" 600 &
    tools="$tools $!"
done
sleep 1

# Prints what the gate says of a name that is to be gone.
gone() {
    status=0
    said=$("$check_procs" -C "$1" -c 0:0) || status=$?
    echo "$1: exit $status, ${said%%|*}"
}
{
    gone zool-dispatcher-old
    gone zool-dispatchers
    gone zool-dispatcher
    echo "pgrep: $(pgrep -x zool-dispatcher-old 2>&1 | head -n 1)"
} >seen
cat seen
diff - seen <<'TOLD'
zool-dispatcher-old: exit 0, PROCS OK: 0 processes with command name 'zool-dispatcher-old' 
zool-dispatchers: exit 0, PROCS OK: 0 processes with command name 'zool-dispatchers' 
zool-dispatcher: exit 2, PROCS CRITICAL: 3 processes with command name 'zool-dispatcher' 
pgrep: pgrep: pattern that searches for process name longer than 15 characters will result in zero matches
TOLD
