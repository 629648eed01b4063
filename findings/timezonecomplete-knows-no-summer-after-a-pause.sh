#!/bin/sh
# GUESS     timezonecomplete reckons with the IANA data of the package tzdata beside it, and is right where the data is new enough.
#           What goes wrong in such libraries is the year 1900, and the hour in which clocks change.
# HAPPENS   Where summer time was given up and taken up again for good, it has none: Cairo, without from 2015 to 2022, is an hour
#           slow from April to October, and Port-au-Prince, without in 2016, from March to November, this year and every
#           other. The data has the rules, "2023 to max" and "2017 to max". The way back knows them: 03:00 in Cairo is 00:00
#           UTC, and that is 02:00 in Cairo. No test of New York or Berlin shows it. moment-timezone is right.
# VERSIONS  timezonecomplete 5.15.1, tzdata 1.0.51, moment-timezone 0.6.6 (npm)
# SOURCE    tz's africa, Rule Egypt, and northamerica, Rule Haiti. Seen by comparing all zones, week by week from 2025 to 2028,
#           with Python's zoneinfo
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . timezonecomplete@5.15.1 tzdata@1.0.51 \
    moment-timezone@0.6.6 moment@2.30.1 >/dev/null || { echo "not to be installed here" >&2; exit 77; }

node - >seen <<'NODE'
const moment = require('moment-timezone');
const { DateTime, TimeZone, TimeStruct } = require('timezonecomplete');
const tzdata = require('tzdata');

for (const [zone, rules, years] of [
  ['Africa/Cairo', 'Egypt', [2010, 2012, 2014, 2022, 2023, 2026, 2030]],
  ['America/Port-au-Prince', 'Haiti', [2006, 2009, 2013, 2015, 2016, 2017, 2026, 2030]],
  ['America/New_York', 'US', [2006, 2016, 2026, 2030]],
]) {
  const [from, to, , month] = tzdata.rules[rules].find(([, last, , , , , minutes]) => last === 'max' && minutes === '60');
  console.log(`${zone}: the data has summers from ${month} ${from} to ${to}`);
  for (const year of years) {
    const noon = Date.UTC(year, 5, 20, 12);
    const one = TimeZone.zone(zone).offsetForUtc(new TimeStruct(noon)) / 60;
    const other = moment.tz(noon, zone).utcOffset() / 60;
    console.log(`  June ${year}: timezonecomplete ${one} h, moment-timezone ${other} h${one === other ? '' : ', not the same'}`);
  }
}
const local = new DateTime('2026-06-20T03:00:00 Africa/Cairo');
const utc = local.toZone(TimeZone.utc());
console.log(`${local.format('HH:mm')} in Cairo is ${utc.format('HH:mm')} UTC is ${utc.toZone(TimeZone.zone('Africa/Cairo')).format('HH:mm')} in Cairo`);
NODE
cat seen
diff - seen <<'TOLD'
Africa/Cairo: the data has summers from Apr 2023 to max
  June 2010: timezonecomplete 3 h, moment-timezone 3 h
  June 2012: timezonecomplete 2 h, moment-timezone 2 h
  June 2014: timezonecomplete 3 h, moment-timezone 3 h
  June 2022: timezonecomplete 2 h, moment-timezone 2 h
  June 2023: timezonecomplete 2 h, moment-timezone 3 h, not the same
  June 2026: timezonecomplete 2 h, moment-timezone 3 h, not the same
  June 2030: timezonecomplete 2 h, moment-timezone 3 h, not the same
America/Port-au-Prince: the data has summers from Mar 2017 to max
  June 2006: timezonecomplete -4 h, moment-timezone -4 h
  June 2009: timezonecomplete -5 h, moment-timezone -5 h
  June 2013: timezonecomplete -4 h, moment-timezone -4 h
  June 2015: timezonecomplete -4 h, moment-timezone -4 h
  June 2016: timezonecomplete -5 h, moment-timezone -5 h
  June 2017: timezonecomplete -5 h, moment-timezone -4 h, not the same
  June 2026: timezonecomplete -5 h, moment-timezone -4 h, not the same
  June 2030: timezonecomplete -5 h, moment-timezone -4 h, not the same
America/New_York: the data has summers from Mar 2007 to max
  June 2006: timezonecomplete -4 h, moment-timezone -4 h
  June 2016: timezonecomplete -4 h, moment-timezone -4 h
  June 2026: timezonecomplete -4 h, moment-timezone -4 h
  June 2030: timezonecomplete -4 h, moment-timezone -4 h
03:00 in Cairo is 00:00 UTC is 02:00 in Cairo
TOLD
