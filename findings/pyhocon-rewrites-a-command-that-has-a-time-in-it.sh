#!/bin/sh
# GUESS     In HOCON quotes may be left out: settle = sleep 10s is a string, and so is wait = 90s, until a program asks for a duration. The
#           specification has it so: there is no type for durations, only a way of reading a string as one.
# HAPPENS   pyhocon reads whatever looks like a time, at the beginning of a value or behind a word, as one, and writes it into the string
#           as Python prints it: sleep 10s is "sleep 0:00:10", which sleep rejects, timeout 5m restart is
#           "timeout 0:05:00restart", without the space. Where python-dateutil is installed, by anybody, the same file has
#           "sleep relativedelta(seconds=+10)". get_string() of wait = 90s gives 0:01:30; in JSON it is the number 90000. With 10
#           hosts, 3 mirrors or 5min nothing happens, so a file is well until it has the right letters. No error. In quotes all
#           is well.
# VERSIONS  pyhocon 0.3.63, pyparsing 3.3.3, python-dateutil 2.9.0.post0 (PyPI)
# SOURCE    lightbend/config, HOCON.md: "string value concatenation", "duration format", which is for the one who reads the value;
#           pyhocon/config_parser.py: get_period_expr() stands before numbers and strings
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
install() {
    venv/bin/pip install --quiet --disable-pip-version-check "$1" || { echo "not to be installed here" >&2; exit 77; }
    venv/bin/pip list --disable-pip-version-check | grep -i "^${1%%==*} "
}
install pyparsing==3.3.3
install pyhocon==0.3.63

cat >deploy.conf <<'HOCON'
settle = sleep 10s
quoted = "sleep 10s"
restart = timeout 5m systemctl restart tool
notice = the old release goes in 2 days
wait = 90s
fleet = deploy to 10 hosts
mirrors = from 3 mirrors
minutes = 5min
HOCON
cat >reads.py <<'PYTHON'
import json

from pyhocon import ConfigFactory, HOCONConverter

config = ConfigFactory.parse_file("deploy.conf")
converted = json.loads(HOCONConverter.to_json(config))
for key in config:
    print(f"{key}: {type(config[key]).__name__}, get_string {config.get_string(key)!r}, in JSON {json.dumps(converted[key])}")
PYTHON
venv/bin/python -W ignore reads.py >seen
install python-dateutil==2.9.0.post0
venv/bin/python -W ignore reads.py | grep delta | sed 's/^/with python-dateutil, /' >>seen
cat seen
diff - seen <<'TOLD'
settle: str, get_string 'sleep 0:00:10', in JSON "sleep 0:00:10"
quoted: str, get_string 'sleep 10s', in JSON "sleep 10s"
restart: str, get_string 'timeout 0:05:00systemctl restart tool', in JSON "timeout 0:05:00systemctl restart tool"
notice: str, get_string 'the old release goes in 2 days, 0:00:00', in JSON "the old release goes in 2 days, 0:00:00"
wait: timedelta, get_string '0:01:30', in JSON 90000
fleet: str, get_string 'deploy to 10 hosts', in JSON "deploy to 10 hosts"
mirrors: str, get_string 'from 3 mirrors', in JSON "from 3 mirrors"
minutes: str, get_string '5min', in JSON "5min"
with python-dateutil, settle: str, get_string 'sleep relativedelta(seconds=+10)', in JSON "sleep relativedelta(seconds=+10)"
with python-dateutil, restart: str, get_string 'timeout relativedelta(minutes=+5)systemctl restart tool', in JSON "timeout relativedelta(minutes=+5)systemctl restart tool"
with python-dateutil, notice: str, get_string 'the old release goes in relativedelta(days=+2)', in JSON "the old release goes in relativedelta(days=+2)"
with python-dateutil, wait: relativedelta, get_string 'relativedelta(minutes=+1, seconds=+30)', in JSON 90000
TOLD
