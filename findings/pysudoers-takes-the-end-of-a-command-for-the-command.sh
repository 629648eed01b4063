#!/bin/sh
# GUESS     pysudoers reads a sudoers file for a report of who may run what on which host. What it cannot read it reports: it has an
#           exception for a rule that is not one.
# HAPPENS   Where a command has an argument with =, as in `--env\=prod`, a rule is cut at the last = of the line: the command is "prod",
#           and the host is "ALL=(tool)". The user to run as is root, whoever is named. Likewise of `web01 = ... : db01 = ...` what is
#           for web01 is gone, and of commands in a list all but the end of the last. Nothing is raised. The README says that it
#           is not all of the grammar, and shows rules with one = each.
# VERSIONS  pysudoers 3.0.0 (PyPI), sudo 1.9.13p3 (Debian 12)
# SOURCE    pysudoers/__init__.py: parse_rule, ([\S\s]*)=; sudoers(5): in arguments "=" is written with a backslash
# NEEDS     Debian 12's packages, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download sudo=1.9.13p3-1+deb12u4 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract sudo_*.deb root
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib pysudoers==3.0.0 \
    || { echo "not to be installed here" >&2; exit 77; }
cvtsudoers() {
    LD_LIBRARY_PATH=$work/root/usr/libexec/sudo "$work/root/usr/bin/cvtsudoers" "$@"
}
cvtsudoers --version >version || { echo "no libraries for it here" >&2; exit 77; }
head -n 1 version

cat >rules <<'SUDOERS'
deploy ALL = (tool) /srv/switch
deploy ALL = (tool) /srv/switch --env\=prod
deploy ALL = (tool) /srv/switch, (tool) /srv/restart --wait\=5
deploy web01 = (tool) /srv/switch : db01 = (tool) /srv/status
SUDOERS
{
    echo sudo
    cvtsudoers -c /dev/null -f csv rules | sed 's/^rule,/  /; 1d'
    echo pysudoers
    PYTHONPATH=lib python3 - <<'PYTHON'
import pysudoers

for rule in pysudoers.Sudoers("rules").rules:
    for command in rule["commands"]:
        print(f"  {','.join(rule['users'])},{','.join(rule['hosts'])},{','.join(command['run_as'])},,\"\",{command['command']}")
PYTHON
} >seen
cat seen
diff - seen <<'TOLD'
sudo
  deploy,ALL,tool,,"",/srv/switch
  deploy,ALL,tool,,"",/srv/switch --env=prod
  deploy,ALL,tool,,"",/srv/switch
  deploy,ALL,tool,,"",/srv/restart --wait=5
  deploy,web01,tool,,"",/srv/switch
  deploy,db01,tool,,"",/srv/status
pysudoers
  deploy,ALL,tool,,"",/srv/switch
  deploy,ALL=(tool),root,,"",prod
  deploy,ALL=(tool),root,,"",5
  deploy,web01=(tool),tool,,"",/srv/status
TOLD
