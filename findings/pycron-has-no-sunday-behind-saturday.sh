#!/bin/sh
# GUESS     pycron.is_now("0 3 * * 7") is true on Sundays at three, as in every crontab: 7 is Sunday (crontab(5): "0 or 7"), so fri-sun
#           is 5-7. What it cannot read it refuses, as croniter does.
# HAPPENS   Sunday is 0 alone. `* * 7` is never, `5-7` ends on Saturday, and 1-7 rests on Sundays. Ranges of names are counted the
#           same way: fri-sun has no Sunday and sat-tue is Saturday alone, and what is listed behind such a range is
#           not looked at: fri-mon,wed has no Wednesday. What it cannot read is not refused but false for good: 30/15, L, 5#1
#           and a word that is no day. Such a job is never due, and no log says so.
# VERSIONS  pycron 3.3.0 (PyPI, 2026), croniter 7.0.0 (PyPI, 2026)
# SOURCE    pycron/__init__.py: is_now asks for 0 on day 7; _parse_arg, return target in range(start_int, end + 6 + 1)
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pycron==3.3.0 croniter==7.0.0 || { echo "not to be installed here" >&2; exit 77; }
echo "pycron 3.3.0, croniter 7.0.0"

venv/bin/python - >seen <<'PYTHON'
from datetime import datetime, timedelta

import pycron
from croniter import croniter

MONDAY = datetime(2026, 6, 1, 3)


def days_of(due):
    return " ".join(f"{day:%a}" for day in (MONDAY + timedelta(days=n) for n in range(7)) if due(day)) or "never"


for days in ["0", "7", "5-7", "1-7", "0-6", "fri-sun", "sat-tue", "fri-mon,wed", "wed,fri-mon", "5#1", "sunny"]:
    line = f"0 3 * * {days}"
    try:
        other = days_of(lambda day: croniter.match(line, day))
    except ValueError as error:
        other = type(error).__name__
    ours = days_of(lambda day: pycron.is_now(line, day))
    print(f"{line}: {ours}" + ("" if ours == other else f"; croniter: {other}"))
PYTHON
cat seen
diff - seen <<'TOLD'
0 3 * * 0: Sun
0 3 * * 7: never; croniter: Sun
0 3 * * 5-7: Fri Sat; croniter: Fri Sat Sun
0 3 * * 1-7: Mon Tue Wed Thu Fri Sat; croniter: Mon Tue Wed Thu Fri Sat Sun
0 3 * * 0-6: Mon Tue Wed Thu Fri Sat Sun
0 3 * * fri-sun: Fri Sat; croniter: Fri Sat Sun
0 3 * * sat-tue: Sat; croniter: Mon Tue Sat Sun
0 3 * * fri-mon,wed: Fri Sat; croniter: Mon Wed Fri Sat Sun
0 3 * * wed,fri-mon: Wed Fri Sat; croniter: Mon Wed Fri Sat Sun
0 3 * * 5#1: never; croniter: Fri
0 3 * * sunny: never; croniter: CroniterNotAlphaError
TOLD
