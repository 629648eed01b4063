#!/bin/sh
# GUESS     mcron reads Vixie's crontabs, and its manual has the section on them from Vixie's own: a job of the 1st of June is
#           `0 4 1 6 *` or `0 4 1 jun *`, as a name is another way to write the number. That 0 to 12 are allowed for the
#           month looks like the slip of crontab(5) that it is.
# HAPPENS   Numbers count from 0 and names do not: month 6 is July, 1 is February and 12 is January of the next year, while jun is
#           June. A step is right, */3 begins with January, and a range is a month late: 4-6 is May to July, and
#           10-12 is November, December and January. The manual says of 12 that mcron waits for January,
#           and nothing of 1 to 11.
# VERSIONS  mcron 1.0.8, guile 3.0.8 (Debian 12)
# SOURCE    mcron(info), Vixie Syntax; vixie-time.scm: the month is the system's, from 0 on, and so are the numbers put for names
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download mcron=1.0.8-1.1 guile-3.0 guile-3.0-libs libgc1 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
dpkg-deb --show mcron_*.deb
# mcron looks for its own modules in ./scm as well.
ln -s root/usr/share scm
libraries=$work/root/usr/lib/$(uname -m)-linux-gnu
export HOME="$work" XDG_CONFIG_HOME="$work/config" TZ=UTC0 LC_ALL=C GUILE_AUTO_COMPILE=0 LD_LIBRARY_PATH="$libraries"
export GUILE_LOAD_PATH="$work/root/usr/share/guile/3.0:$work/root/usr/share" GUILE_SYSTEM_PATH="$work/root/usr/share/guile/3.0"
export GUILE_SYSTEM_COMPILED_PATH="$libraries/guile/3.0/ccache"
root/usr/bin/mcron --version >version || { echo "no library for guile here" >&2; exit 77; }
mkdir -p config/cron

while read -r month; do
    echo "0 4 1 $month * true" >config/cron/jobs.vixie
    # The three runs that follow, whatever the day is: their months in the order of a year.
    months=$(root/usr/bin/mcron --schedule=3 | grep -a -o '[A-Z][a-z][a-z]  1 04:00' | cut -c 1-3 | sort -u -M | paste -s -d ' ')
    echo "$month: $months"
done >seen <<'MONTHS'
1
jan
6
jun
12
dec
4-6
10-12
*/6
MONTHS
cat seen
diff - seen <<'TOLD'
1: Feb
jan: Jan
6: Jul
jun: Jun
12: Jan
dec: Dec
4-6: May Jun Jul
10-12: Jan Nov Dec
*/6: Jan Jul
TOLD
