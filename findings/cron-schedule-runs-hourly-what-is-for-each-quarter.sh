#!/bin/sh
# GUESS     parseCronExpression reads "0/15 * * * *" as each quarter of an hour, as cron-parser, Quartz and many more do, or refuses it, as
#           croner does: what is beyond it, such as @reboot or MON-, throws an error.
# HAPPENS   Once an hour. What is neither a list nor a range from A to B is read up to where its first number ends, and the rest is
#           dropped: 5L, the last Friday of the month, is each Friday; 1#1, the first Monday, each Monday; 15W is the
#           15th, be it a Sunday; 0 3.5 is three o'clock, and 1;5 Mondays alone. Not a word. So backups run four times as seldom
#           as they are to, and the reboot of the month's last Friday comes each week.
# VERSIONS  cron-schedule 6.0.0 (npm, 2026), cron-parser 5.10.6 (npm, 2026)
# SOURCE    cron-schedule: cron-parser.ts, parseElement, rangeSegments, Number.parseInt(singleElement, 10)
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . cron-schedule@6.0.0 cron-parser@5.10.6 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "cron-schedule 6.0.0, cron-parser 5.10.6"

cat >runs.mjs <<'NODE'
import { CronExpressionParser } from 'cron-parser';
import { parseCronExpression } from 'cron-schedule';

const start = new Date('2026-05-31T23:59:30Z');
// How often it is due in June 2026, and first when.
const told = (next) => {
  try {
    const dates = next().filter((date) => date < new Date('2026-07-01T00:00:00Z'));
    const first = dates.slice(0, 3).map((date) => date.toISOString().slice(8, 16).replace('T', ' '));
    return `${dates.length} times, ${first.join(', ')}`;
  } catch {
    return 'an error';
  }
};
for (const line of [
  '*/15 * * * *', '0-59/15 * * * *', '0/15 * * * *', '0 0/6 * * *', '0 3 * * 5L', '0 3 * * 1#1', '0 3 15W * *', '0 3.5 * * *',
  '0 3 * * 1;5', '0 3 * * mon-', '@reboot',
]) {
  const ours = told(() => parseCronExpression(line).getNextDates(3000, start));
  const other = told(() => CronExpressionParser.parse(line, { currentDate: start, tz: 'UTC' }).take(3000).map((date) => date.toDate()));
  console.log(`${line}: ${ours}${ours === other ? '' : `; cron-parser: ${other}`}`);
}
NODE
TZ=UTC node runs.mjs >seen
cat seen
diff - seen <<'TOLD'
*/15 * * * *: 2880 times, 01 00:00, 01 00:15, 01 00:30
0-59/15 * * * *: 2880 times, 01 00:00, 01 00:15, 01 00:30
0/15 * * * *: 720 times, 01 00:00, 01 01:00, 01 02:00; cron-parser: 2880 times, 01 00:00, 01 00:15, 01 00:30
0 0/6 * * *: 30 times, 01 00:00, 02 00:00, 03 00:00; cron-parser: 120 times, 01 00:00, 01 06:00, 01 12:00
0 3 * * 5L: 4 times, 05 03:00, 12 03:00, 19 03:00; cron-parser: 1 times, 26 03:00
0 3 * * 1#1: 5 times, 01 03:00, 08 03:00, 15 03:00; cron-parser: 1 times, 01 03:00
0 3 15W * *: 1 times, 15 03:00; cron-parser: an error
0 3.5 * * *: 30 times, 01 03:00, 02 03:00, 03 03:00; cron-parser: an error
0 3 * * 1;5: 5 times, 01 03:00, 08 03:00, 15 03:00; cron-parser: an error
0 3 * * mon-: an error
@reboot: an error
TOLD
