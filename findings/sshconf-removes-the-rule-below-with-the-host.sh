#!/bin/sh
# GUESS     sshconf edits ~/.ssh/config and keeps the rest as it is: remove("web01") takes out the block that `Host web01` opens,
#           set() changes a line in it or adds one. A block ends where ssh ends it: at the next Host, or at a Match.
# HAPPENS   Match is a setting like any other to it. What stands below a Match is the host's before: remove("web01") takes the Match
#           with it that sends all hosts through the gate, and its comment too. set("web01", Port=2200) writes 2200 and deletes the
#           Port of the Match; a key added to web01 is added to the Match, so that web02 gets it as well.
#           host("web01") tells the gate as web01's own. Of several keys that are set at once the last comes first.
# VERSIONS  sshconf 0.2.7 (PyPI), OpenSSH 9.2p1 (Debian 12)
# SOURCE    sshconf.py: parse, only "host" begins an entry; remove, range(min(host_lines), max(host_lines) + 1); set, values.pop();
#           ssh_config(5): Host "Restricts the following declarations (up to the next Host or Match keyword)"
# NEEDS     Debian 12's packages, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download openssh-client || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract openssh-client_*.deb root
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib sshconf==0.2.7 \
    || { echo "not to be installed here" >&2; exit 77; }
root/usr/bin/ssh -V || { echo "no libraries for it here" >&2; exit 77; }
echo "sshconf 0.2.7"

cat >config <<'CONFIG'
Host web01
    HostName 10.0.0.1
    Port 22

# All of the fleet is behind the gate.
Match originalhost web*
    ProxyJump gate
    Port 2222

Host web02
    HostName 10.0.0.2

Host *
    User deploy
CONFIG

cat >edit.py <<'PYTHON'
import sys

import sshconf

config = sshconf.read_ssh_config_file("config")
exec(sys.argv[1])
open("edited", "w").write(config.config() + "\n")
PYTHON
# What ssh itself makes of the file for a host.
ask() {
    root/usr/bin/ssh -T -G -F "$1" "$2" | grep -E '^(hostname|port|proxyjump|identityfile /keys/)' \
        | LC_ALL=C sort -s -k 1,1 | paste -s -d ' '
}
{
    echo "web01: $(ask config web01)"
    echo "web02: $(ask config web02)"
    for change in 'config.remove("web01")' 'config.set("web01", Port=2200)' 'config.set("web01", IdentityFile="/keys/web01")' \
        'config.add("db01", HostName="10.1.0.1"); config.set("db01", IdentityFile=["/keys/first", "/keys/second"])'; do
        echo "$change"
        PYTHONPATH=lib python3 edit.py "$change"
        diff config edited | grep '^[<>]' | sed 's/^/    /'
        for host in web01 web02 db01; do echo "    $host: $(ask edited "$host")"; done
    done
    PYTHONPATH=lib python3 -c 'import sshconf; print("host:", sshconf.read_ssh_config_file("config").host("web01"))'
} >seen
cat seen
diff - seen <<'TOLD'
web01: hostname 10.0.0.1 port 22 proxyjump gate
web02: hostname 10.0.0.2 port 2222 proxyjump gate
config.remove("web01")
    < Host web01
    <     HostName 10.0.0.1
    <     Port 22
    < 
    < # All of the fleet is behind the gate.
    < Match originalhost web*
    <     ProxyJump gate
    <     Port 2222
    web01: hostname web01 port 22
    web02: hostname 10.0.0.2 port 22
    db01: hostname db01 port 22
config.set("web01", Port=2200)
    <     Port 22
    >     Port 2200
    <     Port 2222
    web01: hostname 10.0.0.1 port 2200 proxyjump gate
    web02: hostname 10.0.0.2 port 22 proxyjump gate
    db01: hostname db01 port 22
config.set("web01", IdentityFile="/keys/web01")
    >     IdentityFile /keys/web01
    web01: hostname 10.0.0.1 identityfile /keys/web01 port 22 proxyjump gate
    web02: hostname 10.0.0.2 identityfile /keys/web01 port 2222 proxyjump gate
    db01: hostname db01 port 22
config.add("db01", HostName="10.1.0.1"); config.set("db01", IdentityFile=["/keys/first", "/keys/second"])
    > 
    > Host db01
    >     HostName 10.1.0.1
    >     IdentityFile /keys/second
    >     IdentityFile /keys/first
    > 
    web01: hostname 10.0.0.1 port 22 proxyjump gate
    web02: hostname 10.0.0.2 port 2222 proxyjump gate
    db01: hostname 10.1.0.1 identityfile /keys/second identityfile /keys/first port 22
host: {'hostname': '10.0.0.1', 'port': ['22', '2222'], 'match': 'originalhost web*', 'proxyjump': 'gate'}
TOLD
