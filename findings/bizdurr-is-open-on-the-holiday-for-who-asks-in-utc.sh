#!/bin/sh
# GUESS     is_within_business_hours(now) of bizdurr tells whether the site in Auckland is at work, with its timezone, its holidays and the
#           days that have hours of their own. One moment has one answer, in whichever timezone it is written, and it is that of
#           calculate(), which adds up the time between two moments.
# HAPPENS   The hours are looked up in the site's timezone, and the day in that of the moment. Asked in UTC at eleven in the morning of
#           the 25th, a holiday, it says that they work, as in UTC it is still the 24th; through the first half of the 26th it says
#           that they don't. Asked with the same moment in Auckland's time it is right. A short day is short on the next morning.
#           calculate() is right each time, so that a ticket opened "within hours" has no minute of them.
# VERSIONS  bizdurr 2.0.1 (PyPI, 2026)
# SOURCE    bizdurr: is_within_business_hours, self._is_holiday(dt.date()), beside _to_schedule_timezone in calculate; its docstring:
#           "Considers holidays and per-date overrides"
# NEEDS     python3 with pip, PyPI, tzdata. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib bizdurr==2.0.1 tzdata==2026.1 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "bizdurr 2.0.1"
PYTHONPATH=lib python3 - >seen <<'PYTHON'
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from bizdurr import BusinessDuration

auckland = ZoneInfo("Pacific/Auckland")
days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
site = BusinessDuration(
    business_hours={day: {"start": "09:00", "end": "17:00"} for day in days},
    business_timezone="Pacific/Auckland",
    holidays=["2026-12-25"],
    overrides={"2026-12-31": {"start": "09:00", "end": "10:00"}},
)
words = {True: "open", False: "closed"}
for day, hour in ((24, 11), (25, 11), (25, 14), (26, 11), (26, 14), (30, 11), (31, 11), (32, 11)):
    there = datetime(2026, 12, 1, hour, tzinfo=auckland) + timedelta(days=day - 1)
    utc = there.astimezone(timezone.utc)
    spent = site.calculate(utc, utc + timedelta(minutes=30))
    print(
        f"{there:%d %b %H:%M} there: {words[site.is_within_business_hours(there)]}; "
        f"{utc:%d %b %H:%M} in UTC: {words[site.is_within_business_hours(utc)]}; "
        f"half an hour from then has {spent // timedelta(minutes=1)} minutes"
    )
PYTHON
cat seen
diff - seen <<'TOLD'
24 Dec 11:00 there: open; 23 Dec 22:00 in UTC: open; half an hour from then has 30 minutes
25 Dec 11:00 there: closed; 24 Dec 22:00 in UTC: open; half an hour from then has 0 minutes
25 Dec 14:00 there: closed; 25 Dec 01:00 in UTC: closed; half an hour from then has 0 minutes
26 Dec 11:00 there: open; 25 Dec 22:00 in UTC: closed; half an hour from then has 30 minutes
26 Dec 14:00 there: open; 26 Dec 01:00 in UTC: open; half an hour from then has 30 minutes
30 Dec 11:00 there: open; 29 Dec 22:00 in UTC: open; half an hour from then has 30 minutes
31 Dec 11:00 there: closed; 30 Dec 22:00 in UTC: open; half an hour from then has 0 minutes
01 Jan 11:00 there: open; 31 Dec 22:00 in UTC: closed; half an hour from then has 30 minutes
TOLD
