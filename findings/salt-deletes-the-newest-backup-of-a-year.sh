#!/bin/sh
# GUESS     file.retention_schedule with first_of_week: 3 keeps the weekly backups of the last three weeks, of salt's docs "for the last N
#           weeks from now": whatever the day, it is the old ones that go, and the one that was made just now stays.
# HAPPENS   On 29, 30 and 31 December, where the first week of the next year has begun, the backup of that day is taken for the oldest
#           of its year: it is the one that is deleted, right after it was made, and four older ones stay. Files are sorted by the
#           year of the calendar and the week of ISO 8601, so 2025-12-29 is week 1 of 2025; so it was in 2024, and will be in 2029
#           to 2031. Behind a year like 2026, whose week 53 ends on 3 January, the first of January is week 53 of 2027, and
#           takes the place of a newer one all year. The state succeeds. most_recent beside it saves the newest.
# VERSIONS  salt 3008.5 (PyPI, 2026)
# SOURCE    salt/states/file.py, retention_schedule: files_by_y_week_dow[ts.year][ts.isocalendar()[1]]
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
{
    # Of what salt asks for, what a state without a master needs.
    venv/bin/pip install --quiet --disable-pip-version-check --no-deps salt==3008.5
    venv/bin/pip install --quiet --disable-pip-version-check jinja2==3.1.6 msgpack==1.2.4 pyyaml==6.0.4 requests==2.34.2 tornado==6.6.1 \
        distro==1.9.0 looseversion==1.3.0 packaging==26.4 2>/dev/null
} || { echo "not to be installed here" >&2; exit 77; }
mkdir conf srv
printf 'file_client: local\nid: here\nroot_dir: %s\n' "$work/root" >conf/minion
venv/bin/salt-call --local -c conf --version

# Lays a backup of each of the days, in their order, and keeps as told.
keeps() {
    retain=$1
    shift
    rm -f srv/*
    for day in "$@"; do
        touch "srv/tool-$day.tar"
    done
    venv/bin/salt-call --local -c conf --log-level=error --out=json state.single file.retention_schedule \
        name="$work/srv" retain="$retain" strptime_format='tool-%Y-%m-%d.tar' >log || { cat log; exit 1; }
    echo "$retain, the newest $day: $(cd srv && for file in *; do
        file=${file#tool-}
        echo "${file%.tar}"
    done | paste -s -d ' ')"
}
{
    keeps '{first_of_week: 3}' 2025-11-24 2025-12-01 2025-12-08 2025-12-15 2025-12-22
    keeps '{first_of_week: 3}' 2025-12-01 2025-12-08 2025-12-15 2025-12-22 2025-12-29
    keeps '{first_of_week: 3, most_recent: 1}' 2025-12-01 2025-12-08 2025-12-15 2025-12-22 2025-12-29
    keeps '{first_of_week: 3}' 2027-01-01 2027-05-21 2027-05-28 2027-06-04 2027-06-11 2027-06-18
} >seen
cat seen
diff - seen <<'TOLD'
{first_of_week: 3}, the newest 2025-12-22: 2025-12-01 2025-12-08 2025-12-15 2025-12-22
{first_of_week: 3}, the newest 2025-12-29: 2025-12-01 2025-12-08 2025-12-15 2025-12-22
{first_of_week: 3, most_recent: 1}, the newest 2025-12-29: 2025-12-01 2025-12-08 2025-12-15 2025-12-22 2025-12-29
{first_of_week: 3}, the newest 2027-06-18: 2027-01-01 2027-06-04 2027-06-11 2027-06-18
TOLD
