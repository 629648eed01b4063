#!/bin/sh
# GUESS     `ts -s` of moreutils has before each line the time since the start, hours, minutes and seconds: of a long run's log it is
#           the hours that count up, 23:59:59 and then 24:00:00, or there are days before them.
# HAPPENS   After a day it is 00:00:00 again. What has passed is taken for a moment of 1 January 1970 and written by strftime, as the
#           manual says of the format and not of its consequence: a copy or a rollout that took 26 hours took two, and of two lines
#           the later has the lesser time. -i, the time since the line before, is the same: a night of 25 hours in which
#           nothing came is a pause of one. %d in the format has 01 for the first day and not 00. '%s' counts on.
# VERSIONS  moreutils 0.67 (Debian 12), under faketime 0.9.10
# SOURCE    ts(1), -i and -s. Seen by running, with a clock that runs fast
# NEEDS     Debian 12's packages, perl, and a sleep that is sleep(1). Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in moreutils=0.67-1 libfaketime=0.9.10-2.1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
faketime=$(find "$work/root" -name libfaketime.so.1)

# Two lines, some seconds apart.
lines() {
    echo 'begins'
    sleep 5
    echo 'ends'
}
# Puts a time before each line, by a clock that runs 20,000 times as fast: five seconds are 27 hours and more.
stamped() {
    lines | LD_PRELOAD=$faketime FAKETIME='@2026-11-02 08:00:00 x20000' root/usr/bin/ts "$@"
}
# Prints whether a time is the whole of what has passed, or what is left of it without the days.
judge() {
    awk -v kind="$1" '{
        split($1, part, ":")
        shown = part[1] * 3600 + part[2] * 60 + part[3]
        verdict = shown == $2 ? "right" : shown == $2 % 86400 ? "without its day" : "something else"
        printf "%s: %s, %s, day %s: %s\n", kind, $4, $2 < 86400 ? "within a day" : "after a day", $3, verdict
    }'
}
stamped -s '%H:%M:%S %s %d' >start
stamped -i '%H:%M:%S %s %d' >line
cat start line
{
    judge 'since the start' <start
    judge 'since the line before' <line
} >seen
cat seen
diff - seen <<'TOLD'
since the start: begins, within a day, day 01: right
since the start: ends, after a day, day 02: without its day
since the line before: begins, within a day, day 01: right
since the line before: ends, after a day, day 02: without its day
TOLD
