#!/bin/sh
# GUESS     A window of DURATION:PT4H is open for four hours: RFC 5545 has days and weeks follow the calendar, and hours, minutes and
#           seconds be exact, so P1D may be 25 hours long, and PT24H is not.
# HAPPENS   icalendar reckons event.end on the clock of the wall: from 23:00 in Berlin the window ends at three, which in the night of
#           spring is after three hours and in that of autumn after five; event.duration says four all the same. One hour from
#           half past two is two hours in autumn, and in spring none at all, as it ends when it starts: nothing ever happens
#           in it. PT24H is P1D. recurring-ical-events, for the days of a series, has the same ends. With a start in UTC, or
#           with a DTEND, it is as told.
# VERSIONS  icalendar 7.3.2 (PyPI, 2026), recurring-ical-events 3.8.2 (PyPI, 2026)
# SOURCE    RFC 5545, 3.3.6: nominal and accurate durations; icalendar, Event.end: DTSTART + DURATION, which python adds on the wall
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2 recurring-ical-events==3.8.2 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "icalendar 7.3.2, recurring-ical-events 3.8.2"

venv/bin/python - >seen <<'PYTHON'
from datetime import timezone

import recurring_ical_events
from icalendar import Calendar


def length(event):
    return event.end.astimezone(timezone.utc) - event.start.astimezone(timezone.utc)


for start, duration, night in [
    (";TZID=Europe/Berlin:20260327T230000", "PT4H", "of winter"),
    (";TZID=Europe/Berlin:20260328T230000", "PT4H", "of spring"),
    (";TZID=Europe/Berlin:20261024T230000", "PT4H", "of autumn"),
    (":20260328T220000Z", "PT4H", "of spring, in UTC"),
    (";TZID=Europe/Berlin:20260329T023000", "PT1H", "of spring"),
    (";TZID=Europe/Berlin:20261025T023000", "PT1H", "of autumn"),
    (";TZID=Europe/Berlin:20261024T120000", "PT24H", "of autumn"),
]:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:windows", "BEGIN:VEVENT", "UID:window", "DTSTAMP:20260101T000000Z"]
    lines += [f"DTSTART{start}", f"DURATION:{duration}", "RRULE:FREQ=WEEKLY;COUNT=1", "END:VEVENT", "END:VCALENDAR", ""]
    calendar = Calendar.from_ical("\r\n".join(lines))
    window = calendar.events[0]
    occurrence = recurring_ical_events.of(calendar).first
    print(f"{duration} from {window.start:%H:%M}, night {night}: to {window.end:%H:%M}, {length(window)};", end=" ")
    print(f"duration {window.duration}; as a series {length(occurrence)}")
PYTHON
cat seen
diff - seen <<'TOLD'
PT4H from 23:00, night of winter: to 03:00, 4:00:00; duration 4:00:00; as a series 4:00:00
PT4H from 23:00, night of spring: to 03:00, 3:00:00; duration 4:00:00; as a series 3:00:00
PT4H from 23:00, night of autumn: to 03:00, 5:00:00; duration 4:00:00; as a series 5:00:00
PT4H from 22:00, night of spring, in UTC: to 02:00, 4:00:00; duration 4:00:00; as a series 4:00:00
PT1H from 02:30, night of spring: to 03:30, 0:00:00; duration 1:00:00; as a series 0:00:00
PT1H from 02:30, night of autumn: to 03:30, 2:00:00; duration 1:00:00; as a series 2:00:00
PT24H from 12:00, night of autumn: to 12:00, 1 day, 1:00:00; duration 1 day, 0:00:00; as a series 1 day, 1:00:00
TOLD
