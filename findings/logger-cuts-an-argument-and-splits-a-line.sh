#!/bin/sh
# GUESS     logger "$record" and echo "$record" | logger write the same into the journal: the record. There is a maximum size, and what is
#           longer than that is an error, or is cut in both.
# HAPPENS   Beyond 1 KiB, the header counted, an argument is cut, and the rest is nowhere: a record in JSON of 1,500 letters is half
#           of one. What comes from standard input or a file is split: the rest of the line is a record of its own, with the
#           same time and name, and in JSON neither of the two is one. Exit 0, no word in either case. So a deploy's journal reads
#           well until the day of a long error message, which is the day that it is read. --size 64KiB keeps both whole,
#           and journald and rsyslog take that.
# VERSIONS  util-linux 2.38.1 (bsdutils, Debian 12)
# SOURCE    logger(1): --size, "maximum permitted message size", not what happens beyond it; -f. Seen by running
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download bsdutils=1:2.38.1-5+deb12u3 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract bsdutils_*.deb root
root/usr/bin/logger --version || { echo "not to be run here" >&2; exit 77; }

# Takes what logger sends, for two seconds, and prints how much of the record has come, and in how many messages that are JSON.
cat >journal.py <<'PYTHON'
import json
import socket
import subprocess
import sys

server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind("socket")
server.settimeout(2)
for letters in 100, 1500:
    record = json.dumps({"host": "web1", "result": "failed", "error": "x" * letters})
    with open("record", "w", encoding="ascii") as file:
        file.write(record + "\n")
    for how, words, given in (
        ("as an argument", [record], None),
        ("on standard input", [], record + "\n"),
        ("as a file", ["-f", "record"], None),
        ("as an argument, of --size 64KiB", ["--size", "64KiB", record], None),
        ("on standard input, of --size 64KiB", ["--size", "64KiB"], record + "\n"),
    ):
        done = subprocess.run(
            [sys.argv[1], "-u", "socket", "-t", "deploy", *words], input=given, text=True, check=False, capture_output=True
        )
        messages = []
        try:
            while True:
                messages.append(server.recv(100000).decode().split(": ", 1)[1])
        except TimeoutError:
            pass
        came = "".join(messages)
        whole = sum(message.startswith("{") and message.endswith("}") for message in messages)
        state = "whole" if came == record else "cut" if record.startswith(came) else "something else"
        print(f"{letters} letters, {how}: exit {done.returncode}, {state}, {len(messages)} messages, {whole} of JSON")
PYTHON
python3 journal.py root/usr/bin/logger >seen
cat seen
diff - seen <<'TOLD'
100 letters, as an argument: exit 0, whole, 1 messages, 1 of JSON
100 letters, on standard input: exit 0, whole, 1 messages, 1 of JSON
100 letters, as a file: exit 0, whole, 1 messages, 1 of JSON
100 letters, as an argument, of --size 64KiB: exit 0, whole, 1 messages, 1 of JSON
100 letters, on standard input, of --size 64KiB: exit 0, whole, 1 messages, 1 of JSON
1500 letters, as an argument: exit 0, cut, 1 messages, 0 of JSON
1500 letters, on standard input: exit 0, whole, 2 messages, 0 of JSON
1500 letters, as a file: exit 0, whole, 2 messages, 0 of JSON
1500 letters, as an argument, of --size 64KiB: exit 0, whole, 1 messages, 1 of JSON
1500 letters, on standard input, of --size 64KiB: exit 0, whole, 1 messages, 1 of JSON
TOLD
