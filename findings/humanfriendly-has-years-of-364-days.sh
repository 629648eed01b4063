#!/bin/sh
# GUESS     humanfriendly's "1y" is 365 days, or 365.25 as systemd's and npm's ms: no two libraries agree, but it is a year.
# HAPPENS   364 days: a year is 52 weeks. 365 days are printed as "1 year and 1 day", and what is to be kept for "7y" goes nine
#           days early. "365d" and "1y" in one file are not the same.
# VERSIONS  humanfriendly 10.0, pytimeparse2 1.7.1 (PyPI)
# SOURCE    humanfriendly/__init__.py: time_units
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$work/lib" \
    humanfriendly==10.0 pytimeparse2==1.7.1 || { echo "not to be installed here" >&2; exit 77; }

PYTHONPATH=$work/lib python3 - <<'PYTHON'
import sys

import humanfriendly
import pytimeparse2

DAY = 86400
print("humanfriendly", humanfriendly.__version__)
seen = {text: humanfriendly.parse_timespan(text) / DAY for text in ("1y", "365d", "7y")}
year = humanfriendly.format_timespan(365 * DAY)
print("days:", seen, "beside", pytimeparse2.parse("1y") / DAY, "of pytimeparse2; 365 days:", year)
told = {"1y": 364, "365d": 365, "7y": 2548}, "1 year and 1 day", 365
sys.exit(0 if (seen, year, pytimeparse2.parse("1y") / DAY) == told else 1)
PYTHON
