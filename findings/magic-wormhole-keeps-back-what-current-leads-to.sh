#!/bin/sh
# GUESS     `wormhole send tool`, of a folder with releases/1, releases/2 and current, a link to releases/2, sends a link or the
#           files behind it: then releases/2 arrives twice, as itself and as current.
# HAPPENS   It arrives once, as current, and releases/2 is not there: "Transfer complete", exit 0 on both sides, and the receiver has
#           a release fewer. To be safe from loops, a folder that was seen is left out, wherever it was seen, and a link in
#           the top folder is seen before what is below. Of stable and current, both to one release, one comes; of shared/log and a
#           link to it in each release, one. Only "2 files" before the start could tell. The package beneath says that
#           links are followed "unless this would result in infinite recursion".
# VERSIONS  magic-wormhole 0.24.0 (PyPI, 2026), zipstream-ng 1.9.3, by itself as well
# SOURCE    zipstream/ng.py, walk(): visited, for the whole tree and not for the folders above; wormhole/cli/cmd_send.py, walk(what, ...)
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check magic-wormhole==0.24.0 zipstream-ng==1.9.3 \
    magic-wormhole-mailbox-server==0.8.0 magic-wormhole-transit-relay==0.5.0 || { echo "not to be installed here" >&2; exit 77; }
echo "magic-wormhole 0.24.0, zipstream-ng 1.9.3"

# Both servers, and all that is sent, are on this machine.
mailbox=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
transit=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export HOME="$work" PYTHONWARNINGS=ignore
venv/bin/twist wormhole-mailbox --port "tcp:$mailbox:interface=127.0.0.1" >mailbox.log 2>&1 &
mailbox_server=$!
venv/bin/twist transitrelay --port "tcp:$transit:interface=127.0.0.1" >transit.log 2>&1 &
transit_server=$!
trap 'kill "$mailbox_server" "$transit_server"; rm -rf "$work"' EXIT
for log in mailbox.log transit.log; do
    tries=0
    until grep -q 'Starting reactor' "$log"; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || { cat "$log"; exit 1; }
        sleep 0.2
    done
done
wormhole() {
    timeout 60 "$work/venv/bin/wormhole" --relay-url "ws://127.0.0.1:$mailbox/v1" --transit-helper "tcp:127.0.0.1:$transit" "$@"
}
code=100
# Sends a folder and prints what is here, and what comes there.
sends() {
    code=$((code + 1))
    (cd "$1" && wormhole send --no-listen --no-qr --hide-progress --code "$code-canary-rest" tool) >sent.log 2>&1 &
    sender=$!
    mkdir "there-$1"
    status=0
    (cd "there-$1" && wormhole receive --no-listen --accept-file --hide-progress "$code-canary-rest") >received.log 2>&1 || status=$?
    sent=0
    wait "$sender" || sent=$?
    [ "$status-$sent" = 0-0 ] || cat sent.log received.log
    echo "$1, here: $(cd "$1/tool" && find . \( -type f -printf '%P\n' -o -type l -printf '%P -> %l\n' \) | sort | paste -s -d , | sed 's/,/, /g')"
    echo "    exit $sent and $status, there: $(cd "there-$1/tool" && find . -type f -printf '%P\n' | sort | paste -s -d , | sed 's/,/, /g')"
}

mkdir -p current/tool/releases/1 current/tool/releases/2 shared/tool/releases/1 shared/tool/releases/2 shared/tool/shared/log
echo 1 | tee current/tool/releases/1/version >shared/tool/releases/1/version
echo 2 | tee current/tool/releases/2/version >shared/tool/releases/2/version
ln -s releases/2 current/tool/current
echo started >shared/tool/shared/log/today
ln -s ../../shared/log shared/tool/releases/1/log
ln -s ../../shared/log shared/tool/releases/2/log
sends current
sends shared
# Which of the three logs comes is by the order of a folder.
came=$(find there-* -type f | sed 's|/tool/.*/log/today|: a log|' | sort | paste -s -d ,)
[ "$came" = "there-current/tool/current/version,there-current/tool/releases/1/version,there-shared/tool/releases/1/version,\
there-shared/tool/releases/2/version,there-shared: a log" ]
