#!/bin/sh
# GUESS     START_HOURS_RANGE=3-22 in an anacrontab keeps its jobs within these hours, and RANDOM_DELAY=45 spreads a fleet over
#           three quarters of an hour: so anacrontab(5) has it, as one finds it, and so an anacrontab came from another host.
# HAPPENS   Debian's anacron is another program than cronie's of the same name and format: it knows neither word. What it does
#           not know is a variable for the job, as PATH is, so there is no error: the job runs at once, at any hour, on all
#           hosts in the same minute, with START_HOURS_RANGE in its environment. anacron -T finds the file valid.
# VERSIONS  anacron 2.3-36 (Debian 12)
# SOURCE    anacrontab(5) of Debian, which names neither, of cronie, which does, and of systemd-cron, which keeps the first of
#           the hours. Seen by running
# NEEDS     Debian 12's packages; not run at a full hour. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed
#           here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download anacron=2.3-36 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --show anacron_*.deb
dpkg-deb --extract anacron_*.deb root
anacron=$work/root/usr/sbin/anacron

# Two hours of today that are not this one.
case $(date +%H) in
0[0-9] | 1[01]) range=20-21 ;;
*) range=3-4 ;;
esac
mkdir spool
cat >anacrontab <<TAB
START_HOURS_RANGE=$range
RANDOM_DELAY=600
1 0 tool env >$work/ran
TAB
{
    status=0
    "$anacron" -T -t "$work/anacrontab" -S "$work/spool" >said 2>&1 || status=$?
    echo "anacron -T: exit $status, $(grep -c . said || :) lines"
    status=0
    "$anacron" -d -t "$work/anacrontab" -S "$work/spool" >said 2>&1 || status=$?
    echo "anacron: exit $status, $(grep -o 'Will run job.*' said)"
    echo "the job's environment: $(grep -E 'START_HOURS_RANGE|RANDOM_DELAY' ran | sed "s/$range/the range/" | sort | paste -s -d ' ')"
    echo "the stamp is of today: $([ "$(cat spool/tool)" = "$(date +%Y%m%d)" ] && echo yes || echo no)"
} >seen
cat seen
diff - seen <<'TOLD'
anacron -T: exit 0, 0 lines
anacron: exit 0, Will run job `tool' in 0 min.
the job's environment: RANDOM_DELAY=600 START_HOURS_RANGE=the range
the stamp is of today: yes
TOLD
