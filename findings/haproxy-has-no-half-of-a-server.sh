#!/bin/sh
# GUESS     `set weight tool/web1 50%` gives web1 half of what it had: so a fresh release is let in softly, and an agent that answers
#           75% on a busy host takes a quarter off. haproxy's servers are equal where no weight is written.
# HAPPENS   A server without a weight has the weight 1, and percents of it are whole numbers, cut off: 50% is 0, and so is 99%, which
#           is to drain it. No error, the server is UP, and nothing new comes to it. 150% is 1, nothing at all. So with
#           agents that all say 75% the whole backend is drained, and each request is answered 503, while every host is well
#           and says so. Of `weight 3` a third is 1, and 33% is 0. `weight 100` on each, which is as equal as none, mends it.
# VERSIONS  haproxy 2.6.12 (Debian 12)
# SOURCE    haproxy's configuration manual: weight, 1 by default, advises 10 to 100 to leave room; agent-check: 75% is relative to
#           the initial weight. src/server.c: server_parse_weight_change_request. Seen by running
# NEEDS     Debian 12's packages, python3. Serves on the loopback. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
haproxy=$work/root/usr/sbin/haproxy
if ldd "$haproxy" | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
"$haproxy" -v | head -n 1

cat >ask.py <<'PYTHON'
import http.client
import http.server
import socket
import socketserver
import subprocess
import sys
import threading
import time


class Tool(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Served-By", self.server.name)
        self.end_headers()

    def log_message(self, *_):
        pass


class Agent(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"75%\n")


def serve(kind, handler, name=None):
    server = kind(("127.0.0.1", 0), handler)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


ports = [serve(http.server.ThreadingHTTPServer, Tool, name) for name in ("web1", "web2")]
agent = serve(socketserver.ThreadingTCPServer, Agent)


def over(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def command(words):
    with over("control") as control:
        control.sendall(f"{words}\n".encode())
        return control.makefile().read().strip()


def hosts():
    seen = []
    for _ in range(24):
        client = http.client.HTTPConnection("tool")
        client.sock = over("front")
        client.request("GET", "/")
        answer = client.getresponse()
        seen.append(answer.getheader("Served-By") or str(answer.status))
        client.close()
    return ", ".join(f"{name} {seen.count(name)}" for name in sorted(set(seen)))


def states():
    rows = [line.split(",") for line in command("show stat").splitlines()]
    return ", ".join(f"{row[1]} {row[17].split()[0]}" for row in rows if row[0] == "tool" and row[1].startswith("web"))


def run(what, options, *changes):
    with open("config", "w") as config:
        config.write("global\n    stats socket unix@control level admin\ndefaults\n    mode http\n    timeout connect 5s\n")
        config.write("    timeout client 5s\n    timeout server 5s\n    timeout queue 1s\n")
        config.write("frontend front\n    bind unix@front\n    default_backend tool\nbackend tool\n")
        for name, port in zip(("web1", "web2"), ports):
            config.write(f"    server {name} 127.0.0.1:{port} check inter 1s fall 20 {options}\n")
    haproxy = subprocess.Popen([sys.argv[1], "-db", "-q", "-f", "config"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                over("control").close()
                break
            except OSError:
                time.sleep(0.1)
        if "agent-check" in options:
            time.sleep(2)
        else:
            print(f"{what}: {hosts()}")
        for change in changes:
            answer = command(f"set weight tool/web1 {change}")
            print(f"{what}, {change}: {answer or 'done'}, {command('get weight tool/web1')}; {states()}; {hosts()}")
        if "agent-check" in options:
            print(f"{what}: {command('get weight tool/web1')}; {states()}; {hosts()}")
    finally:
        haproxy.terminate()
        haproxy.wait()


run("no weight", "", "50%", "99%", "150%")
run("weight 3", "weight 3", "33%", "34%")
run("weight 100", "weight 100", "50%")
run("agents of 75%", f"agent-check agent-port {agent} agent-inter 200ms")
run("agents of 75%, weight 100", f"weight 100 agent-check agent-port {agent} agent-inter 200ms")
PYTHON
python3 ask.py "$haproxy" >seen
cat seen
diff - seen <<'TOLD'
no weight: web1 12, web2 12
no weight, 50%: done, 0 (initial 1); web1 UP, web2 UP; web2 24
no weight, 99%: done, 0 (initial 1); web1 UP, web2 UP; web2 24
no weight, 150%: done, 1 (initial 1); web1 UP, web2 UP; web1 12, web2 12
weight 3: web1 12, web2 12
weight 3, 33%: done, 0 (initial 3); web1 UP, web2 UP; web2 24
weight 3, 34%: done, 1 (initial 3); web1 UP, web2 UP; web1 6, web2 18
weight 100: web1 12, web2 12
weight 100, 50%: done, 50 (initial 100); web1 UP, web2 UP; web1 8, web2 16
agents of 75%: 0 (initial 1); web1 UP, web2 UP; 503 24
agents of 75%, weight 100: 75 (initial 100); web1 UP, web2 UP; web1 12, web2 12
TOLD
