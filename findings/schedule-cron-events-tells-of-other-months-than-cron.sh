#!/bin/sh
# GUESS     Schedule::Cron::Events tells "the time at which cron will next run the line", of all forms of lines: `0 4 1 */3
#           *`, the first of each quarter, is in January, April, July and October, and `0 4 */2 * *` on the 1st, 3rd and
#           5th.
# HAPPENS   The first value of a star is 0 for months and days of the month too, and goes when the steps are taken: a
#           quarter begins in March, June, September and December, half a year in June and December, and every other day is
#           an even one. 1-12/3 and 1-31/2 are right, as are hours, minutes and weekdays. Where two parts of a list overlap,
#           as in 8-17,12-20, the next event after 17:54 is 17:00 of the same day.
# VERSIONS  Schedule::Cron::Events 1.96, Set::Crontab 1.03 (Debian 12), perl 5.36
# SOURCE    Schedule::Cron::Events(3pm); its code gives Set::Crontab 0 to 12 and 0 to 31, and takes a 0 out of the result;
#           crontab(5): a star is first to last, and months and days begin with 1
# NEEDS     perl, Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download libschedule-cron-events-perl=1.96-2 libset-crontab-perl=1.03-1.1 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
export TZ=UTC
perl -Iroot/usr/share/perl5 -MSchedule::Cron::Events -e 'print "Schedule::Cron::Events $Schedule::Cron::Events::VERSION\n"'

cat >events.pl <<'PERL'
use strict;
use warnings;
use Schedule::Cron::Events;

while (my $line = <STDIN>) {
    chomp $line;
    # The 30th of December 2026, 17:54.
    my $cron = Schedule::Cron::Events->new($line, Date => [0, 54, 17, 30, 11, 126]);
    my @events;
    for (1 .. 4) {
        my (undef, $minute, $hour, $day, $month) = $cron->nextEvent;
        push @events, sprintf '%02d-%02d %02d:%02d', $month + 1, $day, $hour, $minute;
    }
    print "$line: ", join(', ', @events), "\n";
}
PERL
perl -Iroot/usr/share/perl5 events.pl >seen <<'LINES'
0 4 1 1,4,7,10 *
0 4 1 */3 *
0 4 1 1-12/3 *
0 4 1 */6 *
0 4 */2 * *
0 4 1-31/2 * *
0 */6 * * *
0 4 * * */2
0 8-17,12-20 * * *
LINES
cat seen
diff - seen <<'TOLD'
0 4 1 1,4,7,10 *: 01-01 04:00, 04-01 04:00, 07-01 04:00, 10-01 04:00
0 4 1 */3 *: 03-01 04:00, 06-01 04:00, 09-01 04:00, 12-01 04:00
0 4 1 1-12/3 *: 01-01 04:00, 04-01 04:00, 07-01 04:00, 10-01 04:00
0 4 1 */6 *: 06-01 04:00, 12-01 04:00, 06-01 04:00, 12-01 04:00
0 4 */2 * *: 01-02 04:00, 01-04 04:00, 01-06 04:00, 01-08 04:00
0 4 1-31/2 * *: 12-31 04:00, 01-01 04:00, 01-03 04:00, 01-05 04:00
0 */6 * * *: 12-30 18:00, 12-31 00:00, 12-31 06:00, 12-31 12:00
0 4 * * */2: 12-31 04:00, 01-02 04:00, 01-03 04:00, 01-05 04:00
0 8-17,12-20 * * *: 12-30 17:00, 12-30 18:00, 12-30 19:00, 12-30 20:00
TOLD
