#!/bin/sh
# GUESS     "0 3 1,15 * fri#1" is due on the 1st, on the 15th and on the first Friday of a month: croniter's docs say that a day of the month
#           and a day of the week are joined by or, and have sat#1 and 15W for either.
# HAPPENS   It is due on first Fridays, and on the 1st and the 15th never. What has # or W in it is kept aside from the fields, so
#           when one field is set free to ask for the other, it still holds: 1,15 is asked for among first Fridays, and joined to all
#           of them. The same way 1W beside fri is the weekday next to the 1st alone, and no Friday. day_or=False is right.
#           Where the day can be no first Friday, as the 15th, get_next raises, while is_valid says True; match is False, for
#           good, on the 15th and on the first Friday. Without # or W each is due as told.
# VERSIONS  croniter 7.0.0 (PyPI, 2026), cronsim 2.8 (PyPI, 2026)
# SOURCE    croniter's README, day_or; croniter.py: _calc_next, clean_split and the comment above it
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check croniter==7.0.0 cronsim==2.8 || { echo "not to be installed here" >&2; exit 77; }
echo "croniter 7.0.0, cronsim 2.8"

venv/bin/python - >seen <<'PYTHON'
from datetime import datetime
from itertools import islice

from croniter import croniter
from cronsim import CronSim

START = datetime(2026, 6, 30, 12)


def told(days_of):
    try:
        return ", ".join(f"{day:%a %m-%d}" for day in islice(days_of(), 6))
    except Exception as error:
        return type(error).__name__


for line in ["0 3 1,15 * fri", "0 3 1,15 * fri#1", "0 3 1W * fri", "0 3 15 * fri#1"]:
    print(f"{line}: valid: {croniter.is_valid(line)}")
    print("    croniter:", told(lambda: croniter(line, START).all_next(datetime)))
    print("    cronsim:", told(lambda: CronSim(line, START)))
    matched = [f"07-{day:02}" for day in (1, 3, 15) if croniter.match(line, datetime(2026, 7, day, 3))]
    print("    croniter.match, of 07-01, 07-03 and 07-15:", ", ".join(matched) or "none")
PYTHON
cat seen
diff - seen <<'TOLD'
0 3 1,15 * fri: valid: True
    croniter: Wed 07-01, Fri 07-03, Fri 07-10, Wed 07-15, Fri 07-17, Fri 07-24
    cronsim: Wed 07-01, Fri 07-03, Fri 07-10, Wed 07-15, Fri 07-17, Fri 07-24
    croniter.match, of 07-01, 07-03 and 07-15: 07-01, 07-03, 07-15
0 3 1,15 * fri#1: valid: True
    croniter: Fri 07-03, Fri 08-07, Fri 09-04, Fri 10-02, Fri 11-06, Fri 12-04
    cronsim: Wed 07-01, Fri 07-03, Wed 07-15, Sat 08-01, Fri 08-07, Sat 08-15
    croniter.match, of 07-01, 07-03 and 07-15: 07-03
0 3 1W * fri: valid: True
    croniter: Wed 07-01, Mon 08-03, Tue 09-01, Thu 10-01, Mon 11-02, Tue 12-01
    cronsim: CronSimError
    croniter.match, of 07-01, 07-03 and 07-15: 07-01
0 3 15 * fri#1: valid: True
    croniter: CroniterBadDateError
    cronsim: Fri 07-03, Wed 07-15, Fri 08-07, Sat 08-15, Fri 09-04, Tue 09-15
    croniter.match, of 07-01, 07-03 and 07-15: none
TOLD
