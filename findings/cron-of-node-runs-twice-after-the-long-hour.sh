#!/bin/sh
# GUESS     A daily job that must not be hit by the clock's changes is put outside of the hour that comes twice: at 03:00 in Berlin,
#           at 02:00 in New York and London. There it runs once a day, under each cron that knows time zones.
# HAPPENS   The npm package cron, which NestJS has its jobs by, runs it twice on the day that summer ends: at the time it was set
#           for, and an hour before, at 02:00 by the winter's clock, which no field of it names. Any minute of that hour has
#           it, and once a week or a year (30 3 25 10 *). What lies in the long hour itself, and what comes later, runs once,
#           and so does all in spring. So who avoided the hour has what was to be avoided. croner has it once.
# VERSIONS  cron 4.4.0, luxon 3.7.2, croner 11.0.1 (npm)
# SOURCE    seen by running jobs under Node's own mock timers; cron-parser 5.10.6 and cronosjs 1.7.1 were asked as well
# NEEDS     node from 20.11 on, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . cron@4.4.0 luxon@3.7.2 croner@11.0.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

node --no-warnings - >seen <<'NODE'
const { mock } = require('node:test');
const { CronJob } = require('cron');
const { Cron } = require('croner');

const there = (date, zone) => date.toLocaleString('sv', { timeZone: zone }).slice(5, 16);
for (const [zone, time, day] of [
  ['Europe/Berlin', '30 2 * * *', '2026-10-24'],
  ['Europe/Berlin', '0 3 * * *', '2026-10-24'],
  ['Europe/Berlin', '45 3 * * *', '2026-10-24'],
  ['Europe/Berlin', '30 3 25 10 *', '2026-10-24'],
  ['Europe/Berlin', '0 4 * * *', '2026-10-24'],
  ['Europe/Berlin', '0 3 * * *', '2026-03-28'],
  ['America/New_York', '0 2 * * *', '2026-10-31'],
  ['Europe/London', '0 2 * * *', '2026-10-24'],
]) {
  const start = new Date(`${day}T00:00:00Z`);
  const end = new Date(start.getTime() + 60 * 3600_000);
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: start });
  const ran = [];
  const onTick = () => ran.push(there(new Date(), zone));
  const job = CronJob.from({ cronTime: time, timeZone: zone, start: true, onTick });
  while (Date.now() < end) mock.timers.tick(60_000);
  job.stop();
  mock.timers.reset();
  const other = new Cron(time, { timezone: zone, paused: true }).nextRuns(9, start).filter((date) => date <= end);
  console.log(`${time} in ${zone}\n  cron:   ${ran.join(', ')}\n  croner: ${other.map((date) => there(date, zone)).join(', ')}`);
}
NODE
cat seen
diff - seen <<'TOLD'
30 2 * * * in Europe/Berlin
  cron:   10-24 02:30, 10-25 02:30, 10-26 02:30
  croner: 10-24 02:30, 10-25 02:30, 10-26 02:30
0 3 * * * in Europe/Berlin
  cron:   10-24 03:00, 10-25 02:00, 10-25 03:00, 10-26 03:00
  croner: 10-24 03:00, 10-25 03:00, 10-26 03:00
45 3 * * * in Europe/Berlin
  cron:   10-24 03:45, 10-25 02:45, 10-25 03:45, 10-26 03:45
  croner: 10-24 03:45, 10-25 03:45, 10-26 03:45
30 3 25 10 * in Europe/Berlin
  cron:   10-25 02:30, 10-25 03:30
  croner: 10-25 03:30
0 4 * * * in Europe/Berlin
  cron:   10-24 04:00, 10-25 04:00, 10-26 04:00
  croner: 10-24 04:00, 10-25 04:00, 10-26 04:00
0 3 * * * in Europe/Berlin
  cron:   03-28 03:00, 03-29 03:00, 03-30 03:00
  croner: 03-28 03:00, 03-29 03:00, 03-30 03:00
0 2 * * * in America/New_York
  cron:   10-31 02:00, 11-01 01:00, 11-01 02:00, 11-02 02:00
  croner: 10-31 02:00, 11-01 02:00, 11-02 02:00
0 2 * * * in Europe/London
  cron:   10-24 02:00, 10-25 01:00, 10-25 02:00, 10-26 02:00
  croner: 10-24 02:00, 10-25 02:00, 10-26 02:00
TOLD
