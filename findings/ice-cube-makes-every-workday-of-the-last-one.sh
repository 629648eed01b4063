#!/bin/sh
# GUESS     A window is kept as iCalendar has it: on the last workday of each month, for four hours. What ice_cube's
#           from_ical does not know it refuses, as it refuses BYWEEKNO, so what it takes it means; and who gives a start, a
#           rule and a DURATION can ask occurring_at? for a moment within.
# HAPPENS   BYSETPOS=-1 is passed over in silence: the last workday becomes every workday, and to_ical writes the rule
#           without it. DURATION is as well: at no moment but the first is it occurring, while the same window with DTEND is
#           occurring for its four hours. `every other week` on Sunday and Tuesday is another week's Sunday, as a week
#           begins on Sunday where nothing is said, and iCalendar's on Monday. `BYMONTHDAY=1` of a yearly rule is the first
#           of one month and not of each.
# VERSIONS  ice_cube 0.16.4, ruby 3.1 (Debian 12); python-dateutil 2.9.0 (PyPI). The code of 0.17.0 passes
#           over BYSETPOS and DURATION as well; what was written since, in 2026, reads BYSETPOS.
# SOURCE    RFC 5545, 3.3.10 (BYSETPOS, WKST, BYMONTHDAY) and 3.8.2.5 (DURATION); lib/ice_cube/parsers/ical_parser.rb
# NEEDS     Debian 12's packages, with what ruby3.1 depends on, python3 with pip. Exits 0: as told; 1: it behaves otherwise;
#           77: cannot be installed here.
set -eu
export TZ=UTC

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download ruby-ice-cube=0.16.4-3 ruby3.1 libruby3.1 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib python-dateutil==2.9.0.post0 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --show ruby-ice-cube_*.deb
libraries=root/usr/lib/$(uname -m)-linux-gnu
ruby() {
    LD_LIBRARY_PATH=$libraries root/usr/bin/ruby3.1 --disable-gems -Iroot/usr/lib/ruby/3.1.0 -I"$libraries/ruby/3.1.0" \
        -I"$(echo root/usr/share/rubygems-integration/all/gems/ice_cube-*/lib)" "$@"
}
ruby --version || { echo "no library for ruby here" >&2; exit 77; }

cat >rules <<'RULES'
FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1
FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU
FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=MO
FREQ=YEARLY;BYMONTHDAY=1
FREQ=YEARLY;BYWEEKNO=1
RULES
cat >read.rb <<'RUBY'
require 'ice_cube'
start = Time.utc(2026, 12, 1, 22)
File.foreach('rules', chomp: true) do |line|
  rule = IceCube::Rule.from_ical(line)
  times = IceCube::Schedule.new(start) { |schedule| schedule.add_recurrence_rule(rule) }.first(4)
  puts "#{line}: #{times.map { |time| time.strftime('%a %d %b') }.join(', ')}; written: #{rule.to_ical}"
rescue ArgumentError => error
  puts "#{line}: #{error.message}"
end
['DURATION:PT4H', 'DTEND:20261202T020000Z'].each do |length|
  window = IceCube::Schedule.from_ical("DTSTART:20261201T220000Z\n#{length}\nRRULE:FREQ=DAILY\n")
  puts "#{length}: #{[0, 1, 3].map { |hours| window.occurring_at?(start + hours * 3600) }.join(', ')}"
end
RUBY
cat >read.py <<'PYTHON'
from datetime import datetime
from importlib.metadata import version
from itertools import islice

from dateutil.rrule import rrulestr

print("python-dateutil", version("python-dateutil"))
for line in open("rules").read().splitlines():
    times = islice(rrulestr(line, dtstart=datetime(2026, 12, 1, 22)), 4)
    print(f"{line}: {', '.join(time.strftime('%a %d %b') for time in times)}")
PYTHON
ruby read.rb >seen
PYTHONPATH=lib python3 read.py >>seen
cat seen
diff - seen <<'TOLD'
FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1: Tue 01 Dec, Wed 02 Dec, Thu 03 Dec, Fri 04 Dec; written: FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR
FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU: Tue 01 Dec, Sun 13 Dec, Tue 15 Dec, Sun 27 Dec; written: FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU
FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=MO: Tue 01 Dec, Sun 06 Dec, Tue 15 Dec, Sun 20 Dec; written: FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=SU,TU
FREQ=YEARLY;BYMONTHDAY=1: Tue 01 Dec, Wed 01 Dec, Fri 01 Dec, Sat 01 Dec; written: FREQ=YEARLY;BYMONTHDAY=1
FREQ=YEARLY;BYWEEKNO=1: Invalid rule validation type: BYWEEKNO
DURATION:PT4H: true, false, false
DTEND:20261202T020000Z: true, true, true
python-dateutil 2.9.0.post0
FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1: Thu 31 Dec, Fri 29 Jan, Fri 26 Feb, Wed 31 Mar
FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU: Tue 01 Dec, Sun 06 Dec, Tue 15 Dec, Sun 20 Dec
FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=MO: Tue 01 Dec, Sun 06 Dec, Tue 15 Dec, Sun 20 Dec
FREQ=YEARLY;BYMONTHDAY=1: Tue 01 Dec, Fri 01 Jan, Mon 01 Feb, Mon 01 Mar
FREQ=YEARLY;BYWEEKNO=1: Mon 04 Jan, Tue 05 Jan, Wed 06 Jan, Thu 07 Jan
TOLD
