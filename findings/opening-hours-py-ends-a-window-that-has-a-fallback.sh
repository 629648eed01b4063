#!/bin/sh
# GUESS     `Mo-Fr 22:00-23:00 || off` is the window of `Mo-Fr 22:00-23:00` and says what holds else. Who asks when it opens next is
#           told 22:00 of the next working day, by each reader of OpenStreetMap's opening_hours.
# HAPPENS   opening-hours-py (the Rust crate opening-hours) knows no next time once today's window is over: next_change is None,
#           which stands for "never", and intervals has one, shut up to its end. is_open is right at each moment, so on
#           Monday evening the window is open after all. || "on call" and || unknown do the same, || Mo-Su off,
#           which covers the same days, does not. The npm package opening_hours names Tuesday, 22:00.
# VERSIONS  opening-hours-py 2.1.4 (PyPI); opening_hours 3.15.0 (npm)
# SOURCE    the format's specification, fallback rules; the package's opening_hours/__init__.pyi: next_change is None past the
#           last date it knows, the year 9999
# NEEDS     python3 with pip, node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export TZ=UTC

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib opening-hours-py==2.1.4 \
    || { echo "not to be installed here" >&2; exit 77; }
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . opening_hours@3.15.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

cat >windows <<'WINDOWS'
Mo-Fr 22:00-23:00
Mo-Fr 22:00-23:00 || off
Mo-Fr 22:00-23:00 || "on call"
Mo-Fr 22:00-23:00 || Mo-Su off
WINDOWS
PYTHONPATH=lib python3 - >seen <<'PYTHON'
from datetime import datetime
from importlib.metadata import version

from opening_hours import OpeningHours

print("opening-hours-py", version("opening-hours-py"))
for line in open("windows").read().splitlines():
    hours = OpeningHours(line)
    # 2026-11-30 is a Monday.
    asked = [hours.next_change(datetime(2026, 11, *at)) for at in ((28, 12), (30, 12), (30, 23))]
    times = ", ".join("never" if time is None else f"{time:%a %H:%M}" for time in asked)
    spans = len(list(hours.intervals(datetime(2026, 11, 28), datetime(2026, 12, 5))))
    tuesday = hours.is_open(datetime(2026, 12, 1, 22, 30))
    print(f"{line}: {times}; {spans} spans; Tuesday 22:30 {'open' if tuesday else 'shut'}")
PYTHON
node - >>seen <<'NODE'
const OpeningHours = require('opening_hours');
console.log('opening_hours', require('opening_hours/package.json').version);
for (const line of require('fs').readFileSync('windows', 'utf8').trim().split('\n')) {
  const hours = new OpeningHours(line);
  const times = ['11-28T12', '11-30T12', '11-30T23'].map((at) => {
    const time = hours.getNextChange(new Date(`2026-${at}:00`));
    return time ? `${time.toString().slice(0, 3)} ${time.toTimeString().slice(0, 5)}` : 'never';
  });
  console.log(`${line}: ${times.join(', ')}`);
}
NODE
cat seen
diff - seen <<'TOLD'
opening-hours-py 2.1.4
Mo-Fr 22:00-23:00: Mon 22:00, Mon 22:00, Tue 22:00; 11 spans; Tuesday 22:30 open
Mo-Fr 22:00-23:00 || off: never, Mon 22:00, never; 1 spans; Tuesday 22:30 open
Mo-Fr 22:00-23:00 || "on call": never, Mon 22:00, never; 1 spans; Tuesday 22:30 open
Mo-Fr 22:00-23:00 || Mo-Su off: Mon 22:00, Mon 22:00, Tue 22:00; 11 spans; Tuesday 22:30 open
opening_hours 3.15.0
Mo-Fr 22:00-23:00: Mon 22:00, Mon 22:00, Tue 22:00
Mo-Fr 22:00-23:00 || off: Mon 22:00, Mon 22:00, Tue 22:00
Mo-Fr 22:00-23:00 || "on call": Mon 22:00, Mon 22:00, Tue 22:00
Mo-Fr 22:00-23:00 || Mo-Su off: Mon 22:00, Mon 22:00, Tue 22:00
TOLD
