#!/bin/sh
# GUESS     `wget -N` fetches what is newer over there, or of another size: the manual says that where the sizes do not match it
#           fetches whatever the times say. So what a killed run left in half the next run mends, be it cron's or a unit's.
# HAPPENS   The next run keeps the half, "not modified on server", exit 0, and so does each after it, until there is a newer one.
#           What was left by a run that was killed has the time of that moment, which is later than the file's own; and
#           wget sends it along, If-Modified-Since: the server says 304, and no size is compared. --no-if-modified-since
#           asks for the size beforehand and mends it, and -c beside -N does not.
# VERSIONS  wget 1.21.3 (Debian 12)
# SOURCE    wget(info), Time-Stamping Usage and HTTP Time-Stamping Internals; wget(1), --no-if-modified-since. Seen by running
# NEEDS     Debian 12's packages, with what wget depends on, python3. Serves on the loopback. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download wget=1.21.3-1+deb12u1 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract wget_*.deb root
if ldd root/usr/bin/wget | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
wget() { root/usr/bin/wget --no-config --no-verbose --no-proxy "$@" 2>>words; }
root/usr/bin/wget --version | sed -n 1p

cat >serve.py <<'PYTHON'
import http.server
import os
import time


class Release(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; of what is under slow/ it sends the half and then waits."""

    def do_GET(self):
        if not self.path.startswith("/slow/"):
            return super().do_GET()
        name = "served/tool"
        self.send_response(200)
        self.send_header("Content-Length", str(os.path.getsize(name)))
        self.send_header("Last-Modified", self.date_time_string(os.path.getmtime(name)))
        self.end_headers()
        with open(name, "rb") as release:
            self.wfile.write(release.read(50000))
        self.wfile.flush()
        time.sleep(30)

    def translate_path(self, path):
        return "served/tool"

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Release)
with open("port.new", "w") as port:
    port.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PYTHON
mkdir served
head -c 100000 /dev/urandom >served/tool
touch -d '2026-01-01 00:00:00 UTC' served/tool
python3 serve.py &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e port ] || sleep 0.5
done
url=http://127.0.0.1:$(cat port)

# Has a first run killed in its midst, and prints what the next makes of it.
next() {
    rm -f tool
    root/usr/bin/wget --no-config --quiet --no-proxy -N "$url/slow/tool" &
    first=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ "$(stat -c %s tool 2>/dev/null || echo 0)" -eq 50000 ] || sleep 0.25
    done
    kill -KILL "$first"
    wait "$first" 2>/dev/null || :
    size=$(stat -c %s tool)
    status=0
    wget "$@" "$url/tool" || status=$?
    echo "$*: $size of 100000, then exit $status, $(stat -c %s tool)"
}
{
    next -N
    next -N -c
    next -N --no-if-modified-since
} >seen
cat seen
diff - seen <<'TOLD'
-N: 50000 of 100000, then exit 0, 50000
-N -c: 50000 of 100000, then exit 0, 50000
-N --no-if-modified-since: 50000 of 100000, then exit 0, 100000
TOLD
