#!/bin/sh
# GUESS     A download that is cut off fails: wget counts the bytes where the server has said how many, and where it sends in chunks
#           the last chunk is an empty one, so that a client knows the end from a broken connection. curl says 18.
# HAPPENS   wget takes what has come within a chunk for all there is: exit 0, "saved", no second try. A proxy or a server that is
#           restarted in the midst, and sends an archive made as it is sent, in chunks of 8 kB or of megabytes, is nearly always
#           cut within one. Between two chunks wget does notice, and tries again. So the same cut is seen or not by where it
#           falls, and a test that ends after whole chunks shows nothing. Where a Content-Length is sent all is well.
#           busybox's wget notices either.
# VERSIONS  wget 1.21.3, busybox 1.35.0, curl 7.88.1 (Debian 12)
# SOURCE    RFC 9112, 8: a chunked message without its last chunk is incomplete; wget's src/retr.c: fd_read_body. Seen by running
# NEEDS     Debian 12's packages, with what wget depends on, curl, python3. Serves on the loopback. Exits 0: as told; 1: it
#           behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
command -v curl >/dev/null || { echo "no curl here" >&2; exit 77; }
for package in wget=1.21.3-1+deb12u1 busybox-static=1:1.35.0-4+deb12u1+b1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
if ldd root/usr/bin/wget | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
root/usr/bin/wget --version | sed -n 1p

# Serves 100,000 bytes in chunks of 10,000, or with their number, and hangs up where the path says.
cat >serve.py <<'PYTHON'
import http.server
import os


class Release(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        how, end = self.path[1:].split("/")
        self.send_response(200)
        if how == "length":
            self.send_header("Content-Length", "100000")
            stream = b"." * 100000
        else:
            self.send_header("Transfer-Encoding", "chunked")
            stream = (b"2710\r\n" + b"." * 10000 + b"\r\n") * 10 + b"0\r\n\r\n"
        self.end_headers()
        chunk = len(b"2710\r\n\r\n") + 10000
        ends = {"whole": len(stream), "between": 5 * chunk, "early": 5 * chunk + 6 + 10, "late": 9 * chunk + 6 + 9990}
        self.wfile.write(stream[:ends[end]])
        self.close_connection = True

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Release)
with open("port.new", "w") as port:
    port.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PYTHON
python3 serve.py &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e port ] || sleep 0.5
done
url=http://127.0.0.1:$(cat port)

# Prints the status, and how much came where it is 0.
gets() {
    what=$1
    shift
    rm -f tool
    status=0
    "$@" 2>words || status=$?
    [ "$status" -ne 0 ] || status="0, $(stat -c %s tool)"
    echo "    $what: exit $status"
}
for path in chunked/whole chunked/between chunked/early chunked/late length/early; do
    echo "$path"
    gets wget root/usr/bin/wget --no-config --no-proxy --quiet --tries=2 -O tool "$url/$path"
    gets busybox env -u http_proxy root/bin/busybox wget -q -O tool "$url/$path"
    gets curl curl --disable --noproxy '*' --silent -o tool "$url/$path"
done >seen
cat seen
diff - seen <<'TOLD'
chunked/whole
    wget: exit 0, 100000
    busybox: exit 0, 100000
    curl: exit 0, 100000
chunked/between
    wget: exit 4
    busybox: exit 1
    curl: exit 18
chunked/early
    wget: exit 0, 50010
    busybox: exit 1
    curl: exit 18
chunked/late
    wget: exit 0, 99990
    busybox: exit 1
    curl: exit 18
length/early
    wget: exit 4
    busybox: exit 1
    curl: exit 18
TOLD
