#!/bin/sh
# GUESS     `at now + 10 minutes` is in ten minutes, whatever the clock on the wall does by then: that is how a rollback is armed before a
#           change that may cut one off. And `at 09:00 UTC` is the next nine o'clock UTC, at each site the same moment.
# HAPPENS   It is counted on the wall. At 01:55 in the night of spring ten minutes on is 02:05, which there isn't, and becomes 01:05: at
#           refuses, "in the past", and nothing is armed. Half an hour is refused as well, and an hour is now: the rollback comes at
#           once. In the night of autumn 90 minutes take 150. UTC is put on last, behind the day, and the day is tomorrow if that
#           time is past on the wall: for Tokyo at ten in the morning 09:00 UTC is not this evening at six but the next one's, and
#           in New York 20:00 UTC is refused by evening. To sleep 600 in a shell takes ten minutes.
# VERSIONS  at 3.2.5, faketime 0.9.10 (Debian 12)
# SOURCE    at's parsetime.y: add_date and mktime on the broken-down time, isgmt after the day was found; at(1): nothing of UTC or summer
#           time. Seen by running, in a mount namespace with an empty spool
# NEEDS     Debian 12's packages, root, unshare, tzdata. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in at=3.2.5-1+b1 libfaketime=0.9.10-2.1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
    dpkg-deb --show "$package"
done
unshare --mount true || { echo "no namespace here" >&2; exit 77; }
# As a program of nobody else's it may be told another time.
cp root/usr/bin/at at
chmod 755 at
library=$(find "$work/root" -name libfaketime.so.1)
[ -e /usr/share/zoneinfo/Europe/Berlin ] || { echo "no tzdata here" >&2; exit 77; }

# Says when a job would run, by the time of a place.
cat >say.sh <<SAY
mount -t tmpfs none /var/spool
mount -t tmpfs none /run
mkdir -p /var/spool/cron/atjobs /var/spool/cron/atspool
echo 0 >/var/spool/cron/atjobs/.SEQ
chown -R daemon:daemon /var/spool/cron
chmod 1770 /var/spool/cron/at*
while read -r place day hour time; do
    said=\$(echo true | TZ=\$place LD_PRELOAD=$library FAKETIME="@\$day \$hour:00" $work/at \$time 2>&1 \\
        | sed -n 's/^job [0-9]* at //p; s/^at: //p')
    echo "\$place, \$day \$hour: at \$time: \$said"
done
SAY
unshare --mount sh say.sh >seen <<'TIMES'
Europe/Berlin 2027-03-21 01:55 now + 10 minutes
Europe/Berlin 2027-03-28 01:55 now + 10 minutes
Europe/Berlin 2027-03-28 01:30 now + 30 minutes
Europe/Berlin 2027-03-28 01:30 now + 1 hour
Europe/Berlin 2027-03-28 01:30 now + 2 hours
Europe/Berlin 2027-10-31 01:55 now + 90 minutes
Europe/Berlin 2027-10-31 01:55 now + 2 hours
Asia/Tokyo 2026-11-30 08:00 09:00 UTC
Asia/Tokyo 2026-11-30 10:00 09:00 UTC
Europe/Berlin 2026-11-30 20:30 20:00 UTC
America/New_York 2026-11-30 14:00 20:00 UTC
America/New_York 2026-11-30 19:00 20:00 UTC
TIMES
cat seen
diff - seen <<'TOLD'
Europe/Berlin, 2027-03-21 01:55: at now + 10 minutes: Sun Mar 21 02:05:00 2027
Europe/Berlin, 2027-03-28 01:55: at now + 10 minutes: refusing to create job destined in the past
Europe/Berlin, 2027-03-28 01:30: at now + 30 minutes: refusing to create job destined in the past
Europe/Berlin, 2027-03-28 01:30: at now + 1 hour: Sun Mar 28 01:30:00 2027
Europe/Berlin, 2027-03-28 01:30: at now + 2 hours: Sun Mar 28 03:30:00 2027
Europe/Berlin, 2027-10-31 01:55: at now + 90 minutes: Sun Oct 31 03:25:00 2027
Europe/Berlin, 2027-10-31 01:55: at now + 2 hours: Sun Oct 31 03:55:00 2027
Asia/Tokyo, 2026-11-30 08:00: at 09:00 UTC: Mon Nov 30 18:00:00 2026
Asia/Tokyo, 2026-11-30 10:00: at 09:00 UTC: Tue Dec  1 18:00:00 2026
Europe/Berlin, 2026-11-30 20:30: at 20:00 UTC: Tue Dec  1 21:00:00 2026
America/New_York, 2026-11-30 14:00: at 20:00 UTC: Mon Nov 30 15:00:00 2026
America/New_York, 2026-11-30 19:00: at 20:00 UTC: refusing to create job destined in the past
TOLD
