#!/bin/sh
# GUESS     In an inventory a # behind a value begins a comment, or it does not, for each variable of a section alike. The docs'
#           own example has comments in [web:vars]; their text says that all is a string there, to the end of the line.
# HAPPENS   Both, by value. `ansible_port=2222  # behind the NAT` is 2222, and a number; True, a list and what is in quotes lose
#           their comments too. Of `ansible_user=deploy  # the tool's own` the comment is part of the name, that ssh is
#           given as it stands; of a folder likewise. A value is read as Python, where a comment falls away, and what is no
#           Python is a string with all that follows. On the lines of hosts comments always go. So a commented file
#           works, until somebody comments a word, or takes off the quotes.
# VERSIONS  ansible-core 2.19.14 (2026)
# SOURCE    ansible/plugins/inventory/ini.py: its docs and examples; _parse_value, ast.literal_eval
# NEEDS     python3 from 3.11 on with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib ansible-core==2.19.14 \
    || { echo "not to be installed here" >&2; exit 77; }
touch ansible.cfg
export PYTHONPATH="$work/lib" HOME="$work" ANSIBLE_CONFIG="$work/ansible.cfg" LC_ALL=C.UTF-8
inventory=$work/lib/bin/ansible-inventory
python3 "$inventory" --version | sed -n 1p

cat >hosts <<'HOSTS'
[web]
web01 ansible_host=10.0.0.1 folder=/srv/tool  # the first

[web:vars]
ansible_port=2222  # behind the NAT
ansible_become=True  # for systemctl
sites=["eqiad", "codfw"]  # more to come
title="the wiki"  # for the mails
ansible_user=deploy  # the tool's own
root=/var/lib/tool  # not /opt
HOSTS
cat hosts
python3 "$inventory" --inventory hosts --host web01 >seen
cat seen
diff - seen <<'TOLD'
{
    "ansible_become": true,
    "ansible_host": "10.0.0.1",
    "ansible_port": 2222,
    "ansible_user": "deploy  # the tool's own",
    "folder": "/srv/tool",
    "root": "/var/lib/tool  # not /opt",
    "sites": [
        "eqiad",
        "codfw"
    ],
    "title": "the wiki"
}
TOLD
