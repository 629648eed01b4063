#!/bin/sh
# GUESS     cron: '0 3 * * 7' runs a job on Sunday: Bree's README sends its readers to crontab.guru for expressions, which reads it so, and
#           Bree looks an expression over with cron-validate, which knows 0 to 7.
# HAPPENS   The job runs on Saturday. What looks it over and what makes days of it are two packages: @breejs/later adds one to the
#           number, and takes 7 for whatever is more, which is its Saturday. 5-7 and 1-7 have no Sunday, and 6,7 is Saturday
#           alone, without a word. sun is refused; 0 is right. With 1,15 for the day of the month and 1 for Monday it runs
#           where both are so: on two days of 2026, and not on 74 as cron does.
# VERSIONS  bree 9.2.9, @breejs/later 4.2.0, cron-validate 1.5.3 (npm); beside them croner 11.0.1 (npm, 2026)
# SOURCE    @breejs/later: parse.cron, getValue: Math.min(Number(value) + offset, max); issue 152 of bunkat/later, of which it is a fork
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . bree@9.2.9 @breejs/later@4.2.0 cron-validate@1.5.3 croner@11.0.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "bree 9.2.9, @breejs/later 4.2.0, cron-validate 1.5.3, croner 11.0.1"

mkdir jobs
touch jobs/backup.js
cat >days.mjs <<'NODE'
import later from '@breejs/later';
import Bree from 'bree';
import { Cron } from 'croner';

later.date.UTC();
const start = new Date('2025-12-31T12:00:00Z');
const told = (dates) => {
  const days = dates.filter((date) => date.getUTCFullYear() === 2026);
  const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].filter((_, day) => days.some((date) => date.getUTCDay() === day));
  return `${days.length} days, ${names.join(' ')}`;
};
for (const cron of ['0 3 * * 0', '0 3 * * 7', '0 3 * * 5-7', '0 3 * * 6,7', '0 3 * * 1-7', '0 3 1,15 * 1', '0 3 * * sun']) {
  const other = told(new Cron(cron, { timezone: 'UTC', paused: true }).nextRuns(366, start));
  let ours;
  try {
    const bree = new Bree({ root: './jobs', logger: false, jobs: [{ name: 'backup', cron }] });
    await bree.init();
    // What Bree hands to its timer.
    ours = told(later.schedule(bree.config.jobs[0].interval).next(366, start));
  } catch (error) {
    ours = error.message.split('\n')[0].replace(/.*(invalid cron pattern).*/, '$1');
  }
  console.log(`${cron}: ${ours}${ours === other ? '' : `; croner: ${other}`}`);
}
NODE
TZ=UTC node days.mjs >seen
cat seen
diff - seen <<'TOLD'
0 3 * * 0: 52 days, Sun
0 3 * * 7: 52 days, Sat; croner: 52 days, Sun
0 3 * * 5-7: 104 days, Fri Sat; croner: 156 days, Sun Fri Sat
0 3 * * 6,7: 52 days, Sat; croner: 104 days, Sun Sat
0 3 * * 1-7: 313 days, Mon Tue Wed Thu Fri Sat; croner: 365 days, Sun Mon Tue Wed Thu Fri Sat
0 3 1,15 * 1: 2 days, Mon; croner: 74 days, Sun Mon Tue Wed Thu Fri Sat
0 3 * * sun: invalid cron pattern; croner: 52 days, Sun
TOLD
