#!/bin/sh
# GUESS     A timer with OnCalendar=minutely elapses every minute. Where the clock goes back, what is due at 02:30 may run twice
#           or once; what is due every minute has nothing to decide.
# HAPPENS   The hour that comes twice is left out the second time: after 02:59 summer time comes 03:00 winter time, 61 minutes
#           later. *:0/20 has a gap of 80 minutes, hourly one of two hours. A timer that is started anew inside that hour
#           does run, each minute of it: the pause depends on when systemd looked. The name of a zone in the expression
#           mends nothing, UTC does; croniter and cronsim run through.
# VERSIONS  systemd 252.38 (Debian 12)
# SOURCE    systemd issue 8647, open since 2018; systemd.time(7) tells nothing of it
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in systemd libsystemd-shared libsystemd0; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=252.38-1~deb12u1" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'libsystemd*.so*' -exec dirname {} + | sort -u | paste -s -d :)
# Central Europe's rule, so that no zone files are needed.
export LD_LIBRARY_PATH LC_ALL=C TZ=CET-1CEST,M3.5.0,M10.5.0/3
analyze=$work/root/usr/bin/systemd-analyze
"$analyze" --version | head -n 1

# Prints the next elapses in UTC, from a time in UTC on the day that the clock goes back from 03:00 to 02:00.
elapses() {
    "$analyze" calendar --base-time="2026-10-25 $2 UTC" --iterations=3 "$1" \
        | awk '/UTC/ { printf "%s%s", sep, $(NF - 1); sep = " " } END { print "" }'
}
changed=0
while read -r expression base told; do
    seen=$(elapses "$expression" "$base")
    printf '%-9s from %s UTC: %s\n' "$expression" "$base" "$seen"
    [ "$seen" = "$told" ] || changed=1
done <<'EXPRESSIONS'
minutely 00:57:30 00:58:00 00:59:00 02:00:00
*:0/20 00:30:00 00:40:00 02:00:00 02:20:00
hourly 00:00:00 02:00:00 03:00:00 04:00:00
minutely 01:10:30 01:11:00 01:12:00 01:13:00
EXPRESSIONS
exit "$changed"
