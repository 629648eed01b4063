#!/bin/sh
# GUESS     A peer whose piece does not have its sum is banned, and another is asked: a swarm is safe from one bad disk as long as
#           somebody has the right bytes. A peer is an address and a port: behind one address there may be a whole office, or all
#           containers of a machine.
# HAPPENS   aria2 bans the address, with all its ports, for two to ten minutes. An honest seeder at that address which comes later
#           is named by the tracker at each announce and never asked: the download stands still, with nothing said but in the
#           debug log ("rejected because it is marked bad"). An aria2 that is started anew, with the honest one alone in the list,
#           has all of it in seconds. So to put a good seeder in the place of the bad one does not help those who wait, for
#           minutes, and what they have of the good pieces does not grow. The manual has no word of a ban, and no option.
#           Who is connected before the first wrong piece comes stays connected.
# VERSIONS  aria2 1.36.0 (Debian 12)
# SOURCE    seen by running; aria2's DefaultPeerStorage.cc: addBadPeer, isBadPeer, by the address alone
# NEEDS     Debian 12's packages, python3, GNU timeout; two minutes. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
running=
# shellcheck disable=SC2086 # They are numbers.
trap '[ -z "$running" ] || kill $running 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
command -v aria2c >/dev/null || { echo "no aria2c here: apt-get install aria2" >&2; exit 77; }
aria2c --version | head -n 1

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
tracker=$(free_port)
liar=$(free_port)
honest=$(free_port)
mkdir liar honest
head -c 4194304 /dev/urandom >honest/release
cp honest/release liar/release
printf 'a bad disk' | dd of=liar/release bs=1 seek=100000 conv=notrunc 2>/dev/null
cat >torrent.py <<'PYTHON'
import hashlib
import sys

data = open("honest/release", "rb").read()
sums = b"".join(hashlib.sha1(data[at : at + 262144]).digest() for at in range(0, len(data), 262144))
announce = b"http://127.0.0.1:%s/announce" % sys.argv[1].encode()
info = b"d6:lengthi%de4:name7:release12:piece lengthi262144e6:pieces%d:%se" % (len(data), len(sums), sums)
open("release.torrent", "wb").write(b"d8:announce%d:%s4:info%se" % (len(announce), announce, info))
PYTHON
python3 torrent.py "$tracker"
# A tracker that names the ports in a file.
cat >tracker.py <<'PYTHON'
import http.server
import sys


class Tracker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ports = [int(port) for port in open("peers").read().split()]
        peers = b"".join(b"\x7f\0\0\1" + port.to_bytes(2, "big") for port in ports)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"d8:intervali5e5:peers%d:%se" % (len(peers), peers))

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Tracker).serve_forever()
PYTHON
echo "$liar" >peers
python3 tracker.py "$tracker" &
running="$running $!"
cat >aria2.conf <<CONF
enable-dht=false
enable-dht6=false
bt-enable-lpd=false
enable-peer-exchange=false
interface=127.0.0.1
bt-tracker-interval=5
CONF
timeout 300 aria2c --conf-path=aria2.conf --dir=liar --listen-port="$liar" --seed-ratio=0 --bt-seed-unverified=true \
    release.torrent >liar.log 2>&1 &
running="$running $!"
timeout 300 aria2c --conf-path=aria2.conf --dir=honest --listen-port="$honest" --seed-ratio=0 --check-integrity=true \
    release.torrent >honest.log 2>&1 &
running="$running $!"
sleep 3

# Downloads for a minute at most, and prints what came.
download() {
    status=0
    timeout 60 aria2c --conf-path=aria2.conf --dir="$1" --listen-port="$(free_port)" --seed-time=0 --log="$1.log" \
        --log-level=debug release.torrent >"$1.out" 2>&1 || status=$?
    python3 - "$1" "$status" <<'PYTHON'
import sys

right = open("honest/release", "rb").read()
came = open(sys.argv[1] + "/release", "rb").read().ljust(len(right), b"\0")
same = sum(came[at : at + 262144] == right[at : at + 262144] for at in range(0, len(right), 262144))
print(f"{same} of 16 pieces are right", file=sys.stderr)
log = open(sys.argv[1] + ".log").read()
rejected = "rejected because it is marked bad" in log
print(f"{sys.argv[1]}: exit {sys.argv[2]}, whole: {came == right}, banned: {'as bad peer' in log}, the other rejected: {rejected}")
PYTHON
}
{
    (sleep 10; echo "$liar $honest" >peers) &
    download waiting
    echo "$honest" >peers
    download anew
} >seen
cat seen
diff - seen <<'TOLD'
waiting: exit 124, whole: False, banned: True, the other rejected: True
anew: exit 0, whole: True, banned: False, the other rejected: False
TOLD
