#!/bin/sh
# GUESS     systemd-cron replaces cron: it makes timers of the crontabs that are there. What it cannot read it says, and leaves
#           out; months may be named, and 7 is Sunday as well as 0, as crontab(5) has it.
# HAPPENS   October is missing from its list of months: `0 3 1 nov *` runs on the 1st of October, `dec` in November, without a
#           word, and a line with oct is left out as "garbled time", in the journal. A range that ends with Sunday as 7 is
#           garbled too, but that line is not left out: without its days it runs on all, so a restart on `5-7`, Friday to
#           Sunday, is one each night. In a list the range falls out silently: 1,3,5-7 is Monday and Wednesday. 10, 11 and
#           12 are right, and so are 5,6,0 and 7 alone.
# VERSIONS  systemd-cron 1.15.19 and systemd 252.38 (Debian 12)
# SOURCE    systemd-crontab-generator: month_map, parse_time_unit; systemd-cron issue 57, of the message; crontab(5)
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in systemd-cron=1.15.19-5 systemd=252.38-1~deb12u1 libsystemd-shared=252.38-1~deb12u1 libsystemd0=252.38-1~deb12u1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'libsystemd*.so*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH LC_ALL=C TZ=UTC0
dpkg-deb --show systemd-cron_*.deb

# The generator reads /etc and no other place, so its reading and writing are called for one file.
cat >generate.py <<'PYTHON'
import importlib.machinery
import importlib.util
import sys

path, crontab, target = sys.argv[1:]
loader = importlib.machinery.SourceFileLoader("generator", path)
spec = importlib.util.spec_from_loader("generator", loader)
generator = importlib.util.module_from_spec(spec)
sys.argv[1:] = [target]
loader.exec_module(generator)
generator.TARGET_DIR = generator.TIMERS_DIR = target
numbers = generator.count()
for job in generator.parse_crontab(crontab, withuser=True):
    generator.generate_timer_unit(job, seq=numbers)
PYTHON

# Prints the days that a line's timer elapses on first, after Monday, the 5th of January 2026.
elapses() {
    rm -rf units
    mkdir units
    echo "$1 root restart" >table
    python3 -B generate.py root/lib/systemd/system-generators/systemd-crontab-generator table units 2>said
    calendar=$(cat units/*.timer 2>/dev/null | sed -n 's/^OnCalendar= *//p')
    days='left out'
    if [ "$calendar" ]; then
        days=$(root/usr/bin/systemd-analyze calendar --base-time='2026-01-05 12:00:00' --iterations=3 "$calendar" \
            | sed -n 's/.*: *\([A-Z][a-z]*\) [0-9]*-\([0-9-]*\) .*/\1 \2/p' | paste -s -d , | sed 's/,/, /g')
    fi
    warned=
    if grep -q garbled said; then warned=' (garbled time)'; fi
    echo "$1: $days$warned"
}
{
    while read -r line; do
        elapses "$line"
    done <<'LINES'
0 3 1 sep *
0 3 1 oct *
0 3 1 nov *
0 3 1 dec *
0 3 1 11 *
0 3 * * 5-7
0 3 * * fri-sun
0 3 * * 1,3,5-7
0 3 * * 5,6,0
0 3 * * 7
LINES
} >seen
cat seen
diff - seen <<'TOLD'
0 3 1 sep *: Tue 09-01, Wed 09-01, Fri 09-01
0 3 1 oct *: left out (garbled time)
0 3 1 nov *: Thu 10-01, Fri 10-01, Sun 10-01
0 3 1 dec *: Sun 11-01, Mon 11-01, Wed 11-01
0 3 1 11 *: Sun 11-01, Mon 11-01, Wed 11-01
0 3 * * 5-7: Tue 01-06, Wed 01-07, Thu 01-08 (garbled time)
0 3 * * fri-sun: Tue 01-06, Wed 01-07, Thu 01-08 (garbled time)
0 3 * * 1,3,5-7: Wed 01-07, Mon 01-12, Wed 01-14
0 3 * * 5,6,0: Fri 01-09, Sat 01-10, Sun 01-11
0 3 * * 7: Sun 01-11, Sun 01-18, Sun 01-25
TOLD
