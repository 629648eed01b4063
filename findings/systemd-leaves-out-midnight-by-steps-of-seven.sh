#!/bin/sh
# GUESS     OnCalendar=*:0/7 runs at each full hour and each seven minutes from there, so at 00:00 as at any other hour. 0/5:00 is at 0, 5,
#           10, 15 and 20 o'clock, each day alike. A list that is written out, *:00,07,14 and on, is the same.
# HAPPENS   The run at midnight is left out, each day: behind 23:56 comes 00:07. It is so for each step of minutes that does not divide the
#           hour, such as 0/40 and 0/45. A step of hours that does not divide the day leaves out the first of each month: the run of
#           00:00 that makes the month's report or takes the first backup is not there, and one hour of the first is longer than told.
#           A step of seconds leaves out the first of each hour. Written out, all of them run. What comes behind the last is looked
#           for as 23:63 and put right to 00:03, and only the part above that is set back to its beginning.
# VERSIONS  systemd 252.38 (Debian 12), oncalendar 1.1 (PyPI)
# SOURCE    systemd's calendarspec.c: tm_within_bounds, t.tm_hour = 0 and no t.tm_min where the day has changed; systemd.time(7): "the
#           value itself and the value plus all multiples of the repetition value are matched"
# NEEDS     Debian 12's packages, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C TZ=UTC0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in systemd=252.38-1~deb12u1 libsystemd-shared=252.38-1~deb12u1 libsystemd0=252.38-1~deb12u1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib oncalendar==1.1 \
    || { echo "not to be installed here" >&2; exit 77; }
LD_LIBRARY_PATH=$(find "$work/root" -name 'libsystemd*.so*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
root/usr/bin/systemd-analyze --version | sed 1q || { echo "not to be run here" >&2; exit 77; }

# Prints the next times of an expression, by systemd and by oncalendar.
elapses() {
    root/usr/bin/systemd-analyze calendar --base-time="$1" --iterations=4 "$2" \
        | sed -n 's/^ *\(Next elapse\|Iter[^:]*\): ... .....\(.....\) \(.*\) UTC$/\2 \3/p' | paste -s -d , | sed "s/,/, /g; s|^|$2: |"
    PYTHONPATH=lib python3 - "$1" "$2" <<'PYTHON'
import sys
from datetime import datetime, timezone
from itertools import islice

from oncalendar import OnCalendar

since = datetime.fromisoformat(sys.argv[1]).replace(tzinfo=timezone.utc)
print("    oncalendar:", ", ".join(f"{at:%m-%d %H:%M:%S}" for at in islice(OnCalendar(sys.argv[2], since), 4)))
PYTHON
}
{
    elapses '2026-11-29 22:50:00' '*:0/7'
    elapses '2026-11-29 23:50:00' '*:0/7'
    elapses '2026-11-29 23:50:00' '*:00,07,14,21,28,35,42,49,56'
    elapses '2026-11-29 23:35:00' '*:0/40'
    elapses '2026-11-29 23:35:00' '*:0/20'
    elapses '2026-11-29 18:00:00' '0/5:00'
    elapses '2026-11-30 18:00:00' '0/5:00'
    elapses '2026-12-31 18:00:00' '0/5:00'
    elapses '2026-11-30 18:00:00' '0,5,10,15,20:00'
    elapses '2026-11-30 18:00:00' '0/6:00'
    elapses '2026-11-29 22:59:30' '*:*:0/25'
} >seen
cat seen
diff - seen <<'TOLD'
*:0/7: 11-29 22:56:00, 11-29 23:00:00, 11-29 23:07:00, 11-29 23:14:00
    oncalendar: 11-29 22:56:00, 11-29 23:00:00, 11-29 23:07:00, 11-29 23:14:00
*:0/7: 11-29 23:56:00, 11-30 00:07:00, 11-30 00:14:00, 11-30 00:21:00
    oncalendar: 11-29 23:56:00, 11-30 00:00:00, 11-30 00:07:00, 11-30 00:14:00
*:00,07,14,21,28,35,42,49,56: 11-29 23:56:00, 11-30 00:00:00, 11-30 00:07:00, 11-30 00:14:00
    oncalendar: 11-29 23:56:00, 11-30 00:00:00, 11-30 00:07:00, 11-30 00:14:00
*:0/40: 11-29 23:40:00, 11-30 00:40:00, 11-30 01:00:00, 11-30 01:40:00
    oncalendar: 11-29 23:40:00, 11-30 00:00:00, 11-30 00:40:00, 11-30 01:00:00
*:0/20: 11-29 23:40:00, 11-30 00:00:00, 11-30 00:20:00, 11-30 00:40:00
    oncalendar: 11-29 23:40:00, 11-30 00:00:00, 11-30 00:20:00, 11-30 00:40:00
0/5:00: 11-29 20:00:00, 11-30 00:00:00, 11-30 05:00:00, 11-30 10:00:00
    oncalendar: 11-29 20:00:00, 11-30 00:00:00, 11-30 05:00:00, 11-30 10:00:00
0/5:00: 11-30 20:00:00, 12-01 05:00:00, 12-01 10:00:00, 12-01 15:00:00
    oncalendar: 11-30 20:00:00, 12-01 00:00:00, 12-01 05:00:00, 12-01 10:00:00
0/5:00: 12-31 20:00:00, 01-01 05:00:00, 01-01 10:00:00, 01-01 15:00:00
    oncalendar: 12-31 20:00:00, 01-01 00:00:00, 01-01 05:00:00, 01-01 10:00:00
0,5,10,15,20:00: 11-30 20:00:00, 12-01 00:00:00, 12-01 05:00:00, 12-01 10:00:00
    oncalendar: 11-30 20:00:00, 12-01 00:00:00, 12-01 05:00:00, 12-01 10:00:00
0/6:00: 12-01 00:00:00, 12-01 06:00:00, 12-01 12:00:00, 12-01 18:00:00
    oncalendar: 12-01 00:00:00, 12-01 06:00:00, 12-01 12:00:00, 12-01 18:00:00
*:*:0/25: 11-29 22:59:50, 11-29 23:00:25, 11-29 23:00:50, 11-29 23:01:00
    oncalendar: 11-29 22:59:50, 11-29 23:00:00, 11-29 23:00:25, 11-29 23:00:50
TOLD
