#!/bin/sh
# GUESS     inventory-guard looks at what is to become the inventory and stops it where more than 5% of the hosts come or go: "Detect when
#           a typo removes 50 hosts instead of 5". A fleet of a thousand hosts is written as a range, web[0001:1000], as in Ansible's
#           docs, and a digit that moves there is just such a typo.
# HAPPENS   A range is one host. Beside 41 others web[0001:1000] to web[0001:0100] is one host less and one more, 4.8% of 42, and passes
#           without a word, exit 0: 900 hosts are gone. Another release for all thousand is one change of 82. Three of the others
#           taken out are 7.1%, and that is stopped. A host that moves from the group canary to web is no change at all, as long as
#           the groups have no variables: which hosts are first, and what plays they get, is not looked at.
# VERSIONS  inventory-guard 0.3.2 (PyPI, 2026), ansible-core 2.19.14 (PyPI)
# SOURCE    inventory-guard: the keys below hosts are the hosts; its README, What It Does and How It Works; Ansible's docs, How to build
#           your inventory, on ranges
# NEEDS     python3 with venv, 3.11 or newer, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv desk
desk/bin/pip install --quiet --disable-pip-version-check inventory-guard==0.3.2 ansible-core==2.19.14 \
    || { echo "not to be installed here" >&2; exit 77; }
export HOME="$work" ANSIBLE_HOME="$work" LC_ALL=C.UTF-8
echo "inventory-guard 0.3.2, ansible-core 2.19.14"

# Writes an inventory: the databases from one number to 40, a range of web servers, the hosts of the canary.
write() {
    echo 'all: {children: {'
    echo 'db: {hosts: {'
    seq -f 'db%g: {disk: /srv, replica: yes},' "$1" 40
    echo "}}, canary: {hosts: {$3}}, web: {hosts: {\"$2\": {}, $4}, vars: {release: \"$5\"}}}}"
}
guard() {
    for file in now new; do
        desk/bin/ansible -i "$file.yml" all --list-hosts 2>/dev/null | sed -n 's/.*hosts (\([0-9]*\)):/\1/p' >"$file.count"
    done
    status=0
    desk/bin/inventory-guard -c now.yml -n new.yml --json >said 2>words || status=$?
    python3 - "$1, $(cat now.count) hosts to $(cat new.count): exit $status" <<'PYTHON'
import json
import sys

said = json.load(open("said"))
hosts = f"counted {said['current_hosts']}, {said['host_delta_pct']:.1f}% changed"
print(f"{sys.argv[1]}, {hosts}, {said['var_changes_total']} of variables")
PYTHON
}
write 1 'web[0001:1000]' 'web2001: {}' '' 41 >now.yml
{
    write 1 'web[0001:1000]' 'web2001: {}' '' 41 >new.yml
    guard 'nothing changed'
    write 1 'web[0001:0100]' 'web2001: {}' '' 41 >new.yml
    guard 'a digit moved'
    write 1 'web[0001:1000]' 'web2001: {}' '' 42 >new.yml
    guard 'another release for all web servers'
    write 4 'web[0001:1000]' 'web2001: {}' '' 41 >new.yml
    guard 'three databases less'
    sed 's/, vars: {release: "41"}//' new.yml >now.yml
    write 4 'web[0001:1000]' '' 'web2001: {}' 41 | sed 's/, vars: {release: "41"}//' >new.yml
    guard 'the canary among the others'
} >seen
cat seen
diff - seen <<'TOLD'
nothing changed, 1041 hosts to 1041: exit 0, counted 42, 0.0% changed, 0 of variables
a digit moved, 1041 hosts to 141: exit 0, counted 42, 4.8% changed, 0 of variables
another release for all web servers, 1041 hosts to 1041: exit 0, counted 42, 0.0% changed, 1 of variables
three databases less, 1041 hosts to 1038: exit 2, counted 42, 7.1% changed, 0 of variables
the canary among the others, 1038 hosts to 1038: exit 0, counted 39, 0.0% changed, 0 of variables
TOLD
