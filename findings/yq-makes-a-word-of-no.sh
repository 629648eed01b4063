#!/bin/sh
# GUESS     `yq -y -i '.version = "2.1.0"' group_vars/all.yml` sets the version and leaves what the other keys mean. The docs name
#           -Y for those who want styles kept as well, and yq writes YAML 1.1, as PyYAML and Ansible read it.
# HAPPENS   It reads by YAML 1.2 and writes for readers of 1.1, so each value on which they differ becomes another for good:
#           `rollback: no` comes out as 'no', in quotes, which a template takes for true, and `mode: 0644` as 644, which as a mode
#           is 01204. Exit 0, and nothing is said. -Y does the same, and --yml-out-ver 1.2 keeps no and loses the mode. yq 3.4.3,
#           the version before 4.0, made 'no' of no already, and kept the mode, as 420.
# VERSIONS  yq 4.4.5 and 3.4.3 (PyPI, kislyuk's), PyYAML 6.0.4, jq of the machine
# SOURCE    yq/loader.py: set_yaml_grammar reads by 1.2; yq/parser.py: --yaml-output-grammar-version, default 1.1; issue 203. The
#           docs tell of no difference between the two
# NEEDS     python3 with pip, PyPI, jq. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v jq >/dev/null || { echo "no jq here" >&2; exit 77; }
for version in 4.4.5 3.4.3; do
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$version" "yq==$version" \
        PyYAML==6.0.4 || { echo "not to be installed here" >&2; exit 77; }
done
# Runs yq of the version given.
yq() {
    version=$1
    shift
    PYTHONPATH=$version python3 -c 'import sys, yq
sys.argv[0] = "yq"
yq.cli()' "$@"
}
for version in 4.4.5 3.4.3; do yq "$version" --version | head -n 1; done
cat >before.yml <<'YAML'
version: "2.0.9"
rollback: no
mode: 0644
YAML
# Prints what a reader as Ansible's makes of the file.
read_it() {
    PYTHONPATH=4.4.5 python3 - "$1" "$2" <<'PYTHON'
import sys

import yaml

with open(sys.argv[2], encoding="ascii") as file:
    values = yaml.safe_load(file)
truth = "true" if values["rollback"] else "false"
print(f"{sys.argv[1]}: version {values['version']}, rollback {values['rollback']!r} is {truth}, mode {values['mode']:o}")
PYTHON
}
{
    read_it before before.yml
    for words in '4.4.5 -y' '4.4.5 -Y' '4.4.5 -y --yml-out-ver 1.2' '3.4.3 -y'; do
        cp before.yml after.yml
        # shellcheck disable=SC2086,SC2094 # They are several, and -i writes the file.
        yq $words -i '.version = "2.1.0"' after.yml 2>words
        if [ -s words ]; then
            cat words
            exit 1
        fi
        read_it "$words" after.yml
    done
} >seen
cat seen
diff - seen <<'TOLD'
before: version 2.0.9, rollback False is false, mode 644
4.4.5 -y: version 2.1.0, rollback 'no' is true, mode 1204
4.4.5 -Y: version 2.1.0, rollback 'no' is true, mode 1204
4.4.5 -y --yml-out-ver 1.2: version 2.1.0, rollback False is false, mode 1204
3.4.3 -y: version 2.1.0, rollback 'no' is true, mode 644
TOLD
