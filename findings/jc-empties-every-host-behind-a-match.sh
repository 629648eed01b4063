#!/bin/sh
# GUESS     jc's docs say that Match blocks of an ssh_config are ignored. A block ends where the next Host begins, so what is
#           lost is the block.
# HAPPENS   From the first Match on everything is ignored but the Host lines themselves: every later host is listed, with its
#           patterns and nothing else. Exit 0. An inventory made of it has all names, of which some are without User,
#           Port and ProxyJump, as if defaults were meant. What ends it is `Match all` alone, and what follows that is
#           given to the last host. One block of the file's end, moved to its top, empties the whole file.
# VERSIONS  jc 1.26.1 (PyPI), ssh of the machine
# SOURCE    jc/parsers/ssh_conf.py: match_block_found, and the module's first lines
# NEEDS     python3 with pip, PyPI; ssh. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v ssh >/dev/null || { echo "no ssh here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib jc==1.26.1 \
    || { echo "not to be installed here" >&2; exit 77; }

cat >config <<'CONFIG'
Host web01
    Port 2201
Match host ci.example.org
    User builder
Host web02
    Port 2202
    User deploy
Match all
    ServerAliveInterval 5
CONFIG

cat >told <<'TOLD'
jc:  web01: port 2201
jc:  web02: serveraliveinterval 5
ssh: web01: port 2201, serveraliveinterval 5
ssh: web02: port 2202, serveraliveinterval 5, user deploy
TOLD
{
    PYTHONPATH=lib python3 - <<'PYTHON'
import jc

with open("config", encoding="ascii") as config:
    for entry in jc.parse("ssh_conf", config.read()):
        words = ", ".join(f"{key} {value}" for key, value in sorted(entry.items()) if not key.startswith("host"))
        print(f"jc:  {entry['host']}: {words}")
PYTHON
    for host in web01 web02; do
        words=$(ssh -F config -G "$host" </dev/null 2>/dev/null \
            | grep -E -x 'port 22..|serveraliveinterval 5|user deploy' | sort | paste -s -d , | sed 's/,/, /g')
        echo "ssh: $host: $words"
    done
} >seen
python3 -c 'import sys; sys.path.insert(0, "lib"); import jc; print("jc", jc.__version__)'
cat seen
cmp told seen
