#!/bin/sh
# GUESS     Where a cron time has a day of the month and a weekday, either is enough: `0 4 31 9,10 mon` runs on each Monday of
#           September and October and on the 31st of October. Fugit, which Rails' job queues read times with, says so in
#           its code, in crontab(5)'s words. And 1-12 for the months is as good as a star.
# HAPPENS   A month that has no such day is struck from the list before the weekday is looked at: no Monday of September is
#           left. `0 4 31 * mon` has the Mondays of all months and `0 4 31 1-12 mon` those of seven. `0 4 31 4 mon`, the
#           Mondays of April, is no cron time at all: parse gives nil and do_parse raises. cronsim knows the Mondays.
# VERSIONS  fugit 1.5.2, et-orbi, raabro and ruby 3.1 (Debian 12); cronsim 2.8 (PyPI). The code of fugit 1.13.0 is the same.
# SOURCE    lib/fugit/cron.rb: compact_month_days, and the comment in day_match?
# NEEDS     Debian 12's packages, with what ruby3.1 depends on, python3 with pip, tzdata. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download ruby-fugit=1.5.2-1 ruby-et-orbi ruby-raabro ruby-tzinfo ruby-concurrent ruby3.1 \
    libruby3.1 || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib cronsim==2.8 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --show ruby-fugit_*.deb
machine=$(uname -m)-linux-gnu
LD_LIBRARY_PATH=$work/root/usr/lib/$machine
RUBYLIB=$work/root/usr/lib/ruby/3.1.0:$LD_LIBRARY_PATH/ruby/3.1.0:$work/root/usr/lib/ruby/vendor_ruby
for gem in root/usr/share/rubygems-integration/all/gems/*/lib root/usr/share/rubygems-integration/all/gems/*/lib/concurrent-ruby; do
    RUBYLIB=$RUBYLIB:$work/$gem
done
LD_LIBRARY_PATH=$LD_LIBRARY_PATH RUBYLIB=$RUBYLIB root/usr/bin/ruby3.1 --disable-gems --version \
    || { echo "no library for ruby here" >&2; exit 77; }

cat >entries <<'TIMES'
0 4 31 * mon
0 4 31 1-12 mon
0 4 31 9,10 mon
0 4 31 4 mon
TIMES
cat >year.rb <<'RUBY'
require 'fugit'
puts "fugit #{Fugit::VERSION}"
File.foreach('entries', chomp: true) do |line|
  cron = Fugit::Cron.parse("#{line} UTC")
  months = Hash.new(0)
  at = EtOrbi.parse('2026-01-01 00:00 UTC')
  while cron && (at = cron.next_time(at)).year == 2026
    months[at.month] += 1
  end
  puts "#{line}: #{cron ? months.map { |month, days| "#{days} in #{month}" }.join(', ') : 'nil'}"
end
RUBY
cat >year.py <<'PYTHON'
from collections import Counter
from datetime import datetime
from importlib.metadata import version
from itertools import takewhile

from cronsim import CronSim

print("cronsim", version("cronsim"))
for line in open("entries").read().splitlines():
    months = Counter(at.month for at in takewhile(lambda at: at.year == 2026, CronSim(line, datetime(2026, 1, 1))))
    print(f"{line}: {', '.join(f'{days} in {month}' for month, days in months.items())}")
PYTHON
LD_LIBRARY_PATH=$LD_LIBRARY_PATH RUBYLIB=$RUBYLIB root/usr/bin/ruby3.1 --disable-gems year.rb >seen
PYTHONPATH=lib python3 year.py >>seen
cat seen
diff - seen <<'TOLD'
fugit 1.5.2
0 4 31 * mon: 5 in 1, 4 in 2, 6 in 3, 4 in 4, 5 in 5, 5 in 6, 5 in 7, 5 in 8, 4 in 9, 5 in 10, 5 in 11, 5 in 12
0 4 31 1-12 mon: 5 in 1, 6 in 3, 5 in 5, 5 in 7, 5 in 8, 5 in 10, 5 in 12
0 4 31 9,10 mon: 5 in 10
0 4 31 4 mon: nil
cronsim 2.8
0 4 31 * mon: 5 in 1, 4 in 2, 6 in 3, 4 in 4, 5 in 5, 5 in 6, 5 in 7, 5 in 8, 4 in 9, 5 in 10, 5 in 11, 5 in 12
0 4 31 1-12 mon: 5 in 1, 4 in 2, 6 in 3, 4 in 4, 5 in 5, 5 in 6, 5 in 7, 5 in 8, 4 in 9, 5 in 10, 5 in 11, 5 in 12
0 4 31 9,10 mon: 4 in 9, 5 in 10
0 4 31 4 mon: 4 in 4
TOLD
