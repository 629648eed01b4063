#!/bin/sh
# GUESS     FREQ=DAILY;BYHOUR=14,2 is at 2 and at 14 each day, as BYHOUR=2,14 is: a list of a rule has no order, days, months
#           and hours alike, and what is asked by time, after(), before(), between(), goes by time.
# HAPPENS   rrule takes hours and minutes in the order that they are written: 14 o'clock, then 2 o'clock of the same day. after(23:00)
#           is the next day's 14:00, between(23:00, 03:00) is empty, and before(03:00) is of a day ago: it stops at the first
#           that is too late. An upkeep window at night does not exist. Of UNTIL the last is lost, COUNT counts others,
#           and BYSETPOS=1 is the afternoon. Days of the week, of the month and months are put in order.
#           ical.js has the same order; rrule-temporal, rrule-rust and dateutil have the right one.
# VERSIONS  rrule 2.8.1, ical.js 2.2.1, rrule-temporal 2.2.8, rrule-rust 3.1.1 (npm)
# SOURCE    RFC 5545, 3.3.10: a rule's set is in order of time; libical issue 797, which was the same. Seen by running
# NEEDS     node from 20 on, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . rrule@2.8.1 ical.js@2.2.1 rrule-temporal@2.2.8 \
    rrule-rust@3.1.1 >/dev/null || { echo "not to be installed here" >&2; exit 77; }

cat >asks.mjs <<'NODE'
import ICAL from 'ical.js';
import rrule from 'rrule';
import { RRuleTemporal } from 'rrule-temporal';
import rust from 'rrule-rust';

const short = (date) => date.toISOString().slice(8, 16).replace('T', ' ');
const start = '20261101T000000';
for (const hours of ['2,14', '14,2']) {
  const text = (more) => `DTSTART:${start}Z\nRRULE:FREQ=DAILY;BYHOUR=${hours}${more}`;
  const rule = (more) => rrule.rrulestr(text(more));
  const [evening, night] = ['2026-11-28T23:00:00Z', '2026-11-29T03:00:00Z'].map((time) => new Date(time));
  console.log(`BYHOUR=${hours}`);
  console.log('  rrule, after:', short(rule('').after(evening)));
  console.log('  rrule, between:', rule('').between(evening, night).map(short).join(', ') || 'none');
  console.log('  rrule, before:', short(rule('').before(night)));
  console.log('  rrule, UNTIL the 3rd, 03:00:', rule(';UNTIL=20261103T030000Z').all().map(short).join(', '));
  console.log('  rrule, COUNT=3:', rule(';COUNT=3').all().map(short).join(', '));
  console.log('  rrule, BYSETPOS=1:', rule(';BYSETPOS=1').all((_, i) => i < 2).map(short).join(', '));
  const steps = ICAL.Recur.fromString(`FREQ=DAILY;BYHOUR=${hours}`).iterator(ICAL.Time.fromString('2026-11-01T00:00:00'));
  const first = [1, 2, 3].map(() => steps.next().toString().slice(8, 16).replace('T', ' '));
  console.log('  ical.js:', first.join(', '));
  const temporal = new RRuleTemporal({ rruleString: text('') }).all((_, i) => i < 3);
  console.log('  rrule-temporal:', temporal.map((time) => time.toString().slice(8, 16).replace('T', ' ')).join(', '));
  const pad = (number) => String(number).padStart(2, '0');
  const rusty = rust.RRuleSet.fromString(text('')).all(3);
  console.log('  rrule-rust:', rusty.map(({ day, time }) => `${pad(day)} ${pad(time.hour)}:${pad(time.minute)}`).join(', '));
}
NODE
node asks.mjs >seen
cat seen
diff - seen <<'TOLD'
BYHOUR=2,14
  rrule, after: 29 02:00
  rrule, between: 29 02:00
  rrule, before: 29 02:00
  rrule, UNTIL the 3rd, 03:00: 01 02:00, 01 14:00, 02 02:00, 02 14:00, 03 02:00
  rrule, COUNT=3: 01 02:00, 01 14:00, 02 02:00
  rrule, BYSETPOS=1: 01 02:00, 02 02:00
  ical.js: 01 02:00, 01 14:00, 02 02:00
  rrule-temporal: 01 02:00, 01 14:00, 02 02:00
  rrule-rust: 01 02:00, 01 14:00, 02 02:00
BYHOUR=14,2
  rrule, after: 29 14:00
  rrule, between: none
  rrule, before: 28 02:00
  rrule, UNTIL the 3rd, 03:00: 01 14:00, 01 02:00, 02 14:00, 02 02:00
  rrule, COUNT=3: 01 14:00, 01 02:00, 02 14:00
  rrule, BYSETPOS=1: 01 14:00, 02 14:00
  ical.js: 01 14:00, 01 02:00, 02 14:00
  rrule-temporal: 01 02:00, 01 14:00, 02 02:00
  rrule-rust: 01 02:00, 01 14:00, 02 02:00
TOLD
