#!/bin/sh
# GUESS     csvkit guesses what a column holds: numbers, dates, words. A release like 2026.10.2 is none of the first two, as 4.10.1 is
#           not, and stays what it is; csvsort puts the rows of a fleet in order, and csvjoin brings what two tables have of a
#           release together.
# HAPPENS   Where each release of a table is also a day, the column is one of dates: csvsort writes 2026-10-02 for 2026.10.2, a release
#           that nobody has. A table that has one which is no day, 2026.11.0, keeps its words, so csvjoin of the fleet's table
#           with the store's finds nothing in common: only the heading, exit 0, no word. It begins with a release whose last number
#           is 0, and is over when that one has left the table. A column of commits that happen to be all digits loses zeros in
#           front, 0812345 is 812345, until one has a letter. csvgrep, csvcut and csvstack leave all as it is, and so does -I.
# VERSIONS  csvkit 2.2.0, agate 1.14.2, parsedatetime 2.6 (PyPI)
# SOURCE    seen by running; `csvsort --help`, -I; agate's Date, which asks parsedatetime
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check csvkit==2.2.0 agate==1.14.2 parsedatetime==2.6 \
    || { echo "not to be installed here" >&2; exit 77; }
venv/bin/pip list --disable-pip-version-check | grep -E '^(csvkit|agate|parsedatetime) '
PATH=$work/venv/bin:$PATH

cat >fleet.csv <<'CSV'
host,release
web1,2026.11.1
web2,2026.10.2
CSV
cat >store.csv <<'CSV'
release,digest
2026.10.2,aa
2026.11.1,bb
CSV
cat >commits.csv <<'CSV'
host,commit
web1,0812345
web2,7120034
CSV
# Runs a command, and prints its rows in one line.
rows() {
    status=0
    said=$("$@" 2>&1) || status=$?
    echo "$*: exit $status, $(echo "$said" | tail -n +2 | paste -s -d ' ')"
}
{
    rows csvsort -c host fleet.csv
    rows csvsort -I -c host fleet.csv
    rows csvgrep -c release -m 2026.10.2 fleet.csv
    rows csvjoin -c release fleet.csv store.csv
    echo '2026.11.0,cc' >>store.csv
    rows csvjoin -c release fleet.csv store.csv
    rows csvjoin -I -c release fleet.csv store.csv
    rows csvsort -c host commits.csv
    echo 'web3,a812345' >>commits.csv
    rows csvsort -c host commits.csv
} >seen
cat seen
diff - seen <<'TOLD'
csvsort -c host fleet.csv: exit 0, web1,2026-11-01 web2,2026-10-02
csvsort -I -c host fleet.csv: exit 0, web1,2026.11.1 web2,2026.10.2
csvgrep -c release -m 2026.10.2 fleet.csv: exit 0, web2,2026.10.2
csvjoin -c release fleet.csv store.csv: exit 0, web1,2026-11-01,bb web2,2026-10-02,aa
csvjoin -c release fleet.csv store.csv: exit 0, 
csvjoin -I -c release fleet.csv store.csv: exit 0, web1,2026.11.1,bb web2,2026.10.2,aa
csvsort -c host commits.csv: exit 0, web1,812345 web2,7120034
csvsort -c host commits.csv: exit 0, web1,0812345 web2,7120034 web3,a812345
TOLD
