#!/bin/sh
# GUESS     yamlfix is "a simple opinionated yaml formatter that keeps your comments": it changes blanks, quotes and the length of lines,
#           and what the file says stays. The window's '22:30' has quotes as it has to be a word, and 'yes' in a list of answers too.
# HAPPENS   It takes the quotes away where YAML 1.2 needs none, and Ansible, Salt and whatever else reads by PyYAML reads YAML 1.1: 22:30
#           without quotes is 1350, in sixties, 1:30:00 is 5400, and the port '2222:22' is 133342. 04:00 stays a word, as in 1.1 no
#           number begins so, so that of a window the start is a number and the end is none. A list of 'yes' and 'no' is one of
#           true and false, while the same word behind a key keeps its quotes, as do '1_000', '0644' and dates. A check of the file
#           by yamlfix finds nothing more to mend. With preserve_quotes it is well.
# VERSIONS  yamlfix 1.19.1, ruamel.yaml 0.19.1, PyYAML 6.0.4 (PyPI)
# SOURCE    yamlfix/model.py: preserve_quotes = False; adapters.py: ruamel's YAML, which writes 1.2, and a list of truthy words that looks
#           behind keys; YAML 1.1, Integer Language-Independent Type: base 60
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv desk
desk/bin/pip install --quiet --disable-pip-version-check yamlfix==1.19.1 ruamel.yaml==0.19.1 pyyaml==6.0.4 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "yamlfix 1.19.1, ruamel.yaml 0.19.1, PyYAML 6.0.4"

cat >before.yml <<'YAML'
---
# The upkeep of the web servers.
window: {start: '22:30', end: '04:00'}
longest: '1:30:00'
ports: ['2222:22', '80:80']
answers: ['yes', 'no', 'maybe']
ask: 'no'
limit: '1_000'
mode: '0644'
since: '2026-11-30'
YAML
cp before.yml after.yml
cp before.yml kept.yml
desk/bin/yamlfix after.yml 2>/dev/null
YAMLFIX_PRESERVE_QUOTES=true desk/bin/yamlfix kept.yml 2>/dev/null
status=0
desk/bin/yamlfix --check after.yml 2>/dev/null || status=$?
{
    grep -v '^---' after.yml
    echo "another check: exit $status"
    desk/bin/python - <<'PYTHON'
import yaml

before, after, kept = (yaml.safe_load(open(f"{name}.yml")) for name in ("before", "after", "kept"))
for key, value in before.items():
    print(f"{key}: {value!r}" + (f" is {after[key]!r}" if after[key] != value else " stays"))
print("with preserve_quotes:", "all stays" if kept == before else kept)
PYTHON
} >seen
cat seen
diff - seen <<'TOLD'
# The upkeep of the web servers.
window: {start: 22:30, end: 04:00}
longest: 1:30:00
ports: [2222:22, 80:80]
answers: [yes, no, maybe]
ask: 'no'
limit: '1_000'
mode: '0644'
since: '2026-11-30'
another check: exit 0
window: {'start': '22:30', 'end': '04:00'} is {'start': 1350, 'end': '04:00'}
longest: '1:30:00' is 5400
ports: ['2222:22', '80:80'] is [133342, '80:80']
answers: ['yes', 'no', 'maybe'] is [True, False, 'maybe']
ask: 'no' stays
limit: '1_000' stays
mode: '0644' stays
since: '2026-11-30' stays
with preserve_quotes: all stays
TOLD
