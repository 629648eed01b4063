#!/bin/sh
# GUESS     python-crontab puts a job into somebody's crontab, or takes it out again, and leaves the lines of others as they are. At
#           worst it writes them in another way that means the same.
# HAPPENS   "MAILTO = ops@example.org", the form that crontab(5) has, is gone after it, like each variable with a space before its "=":
#           mails go elsewhere, and "$STORE/tool" is /tool for the jobs below. A comment with an "=" in it is gone too. Of
#           other jobs the days change: 2-7/2, Tuesday, Thursday and Saturday, is written as 0,2-6/2, which has Sunday too; and
#           1-31/2 with a weekday, the odd days and Mondays, as */2, which is for cron the Mondays that are odd days. A step longer
#           than the field, */90, puts the job out of service, with a word in the log. Nothing is raised. It is what each
#           program does that adds a line by it, on its first run.
# VERSIONS  python-crontab 3.4.0 (PyPI)
# SOURCE    crontab(5): "name = value, where the spaces around the equal-sign (=) are optional". cron's entry.c: day and weekday are
#           both to match where one of them begins with "*". crontab.py: CronTab.append, line.index('=') < line.index(' ')
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib python-crontab==3.4.0 \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -c 'import importlib.metadata as m; print("python-crontab", next(m.distributions(name="python-crontab", path=["lib"])).version)'

cat >table <<'CRONTAB'
MAILTO = ops@example.org
STORE = /srv/store
SHELL=/bin/bash

# keep=3 releases at least
0 1 * * * rm -rf "$STORE/tool/old"
0 2 * * 2-7/2 /srv/tool/check
0 3 1-31/2 * mon /srv/tool/report
*/90 * * * * /srv/tool/measure
30 4 * * 1-5 /srv/tool/install
CRONTAB
cp table before
cat >adds.py <<'PYTHON'
from crontab import CronTab

crontab = CronTab(tabfile="table")
job = crontab.new(command="/srv/other/job", comment="other")
job.setall("15 5 * * *")
crontab.write()
crontab = CronTab(tabfile="table")
crontab.remove_all(comment="other")
crontab.write()
PYTHON
PYTHONPATH=lib python3 adds.py 2>words
cat words table
diff before table | grep '^[<>].' >seen || :
diff - seen <<'TOLD'
< MAILTO = ops@example.org
< STORE = /srv/store
< # keep=3 releases at least
< 0 2 * * 2-7/2 /srv/tool/check
< 0 3 1-31/2 * mon /srv/tool/report
< */90 * * * * /srv/tool/measure
> 0 2 * * 0,2-6/2 /srv/tool/check
> 0 3 */2 * mon /srv/tool/report
> # DISABLED LINE
> # */90 * * * * /srv/tool/measure
TOLD
