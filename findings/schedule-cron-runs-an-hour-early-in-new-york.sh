#!/bin/sh
# GUESS     Schedule::Cron's documentation says that a job in the hour that spring leaves out runs in the next: what is set for 02:43
#           runs at 03:43. What autumn's long hour does it leaves open, for that hour.
# HAPPENS   So it is in Berlin, London and Sydney. In New York and Los Angeles a job of 02:30 runs at 01:30, an hour before its
#           time and before the clock changes, and at 03:30 again: once before a window of 02:00 to 03:00, and once after
#           it. In autumn a job of 01:30 runs three times: in both of the hours, and at 02:30, which no field of it names
#           and which is no part of what is left open.
# VERSIONS  Schedule::Cron 1.05, Time::ParseDate 2015.103 (Debian 12), perl 5.36
# SOURCE    Schedule::Cron(3pm), DST ISSUES; seen by letting it run by a clock of the script's own
# NEEDS     perl, Debian 12's packages, tzdata. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ -e /usr/share/zoneinfo/America/Los_Angeles ] || { echo "no tzdata here" >&2; exit 77; }
apt-get -qq -o APT::Sandbox::User=root download libschedule-cron-perl=1.05-1 libtime-parsedate-perl=2015.103-4 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done

cat >days.pl <<'PERL'
use strict;
use warnings;
our $clock;
BEGIN { *CORE::GLOBAL::time = sub () { $main::clock } }
use POSIX qw(mktime strftime tzset);
use Schedule::Cron;

while (<STDIN>) {
    my ($zone, $year, $month, $day, $time) = /^(\S+) (\d+)-(\d+)-(\d+) (.*)$/;
    $ENV{TZ} = $zone;
    tzset();
    $clock = mktime(0, 0, 12, $day - 1, $month - 1, $year - 1900, 0, 0, -1);
    my $end = $clock + 24 * 3600;
    my @ran;
    my $cron = Schedule::Cron->new(sub { push @ran, strftime('%H:%M %Z', localtime $clock) });
    $cron->add_entry($time);
    my $wait = sub { $clock += $_[0]; die "over\n" if $clock > $end };
    eval { $cron->run(nofork => 1, nostatus => 1, sleep => $wait) };
    die $@ unless $@ eq "over\n";
    printf "%s, %s: %s\n", $zone, $time, join ', ', @ran;
}
PERL
perl -Iroot/usr/share/perl5 -MSchedule::Cron -e 'print "Schedule::Cron $Schedule::Cron::VERSION\n"'
perl -Iroot/usr/share/perl5 days.pl >seen <<'DAYS'
Europe/Berlin 2026-03-29 30 2 * * *
Europe/London 2026-03-29 30 1 * * *
Australia/Sydney 2026-10-04 30 2 * * *
America/New_York 2026-03-08 30 2 * * *
America/Los_Angeles 2026-03-08 30 2 * * *
Europe/Berlin 2026-10-25 30 2 * * *
America/New_York 2026-11-01 30 1 * * *
America/New_York 2026-11-01 30 2 * * *
DAYS
cat seen
diff - seen <<'TOLD'
Europe/Berlin, 30 2 * * *: 03:30 CEST
Europe/London, 30 1 * * *: 02:30 BST
Australia/Sydney, 30 2 * * *: 03:30 AEDT
America/New_York, 30 2 * * *: 01:30 EST, 03:30 EDT
America/Los_Angeles, 30 2 * * *: 01:30 PST, 03:30 PDT
Europe/Berlin, 30 2 * * *: 02:30 CET
America/New_York, 30 1 * * *: 01:30 EDT, 01:30 EST, 02:30 EST
America/New_York, 30 2 * * *: 02:30 EST
TOLD
