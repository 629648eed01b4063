#!/bin/sh
# GUESS     ParallelSSHClient gives what each host wrote line by line: output.stdout of `cat VERSION; curl -I localhost` is the version
#           in the first place, and the headers behind it, with or without the CR that headers end with.
# HAPPENS   The version is 4.283.1, on a host that has 4.283.10. Where there is a CR anywhere behind a line, in what came with the same
#           read, the line loses its last letter: "failed hosts: 12" is "failed hosts: 1", and a line of one letter is empty,
#           exit code 0. A header has a CR, and so has each bar that shows how far git, rsync or pip are. Behind the last CR all
#           is right, and so is what came in another read, so a pause or another wire changes what is lost. The same with the
#           client of libssh, in pssh.clients.ssh. As a remedy: `| tr -d '\r'` over there.
# VERSIONS  parallel-ssh 2.16.0.post1 with ssh2-python 1.2.0.post1 (PyPI), OpenSSH 9.2p1 (Debian 12)
# SOURCE    ssh2-python's ext/find_eol.c: whether a CR stands before the LF is asked by strchr(), which finds any behind it as well;
#           parallel-ssh's clients/base/single.py, _read_output_buffer(). Seen by running against sshd on loopback
# NEEDS     Debian 12's packages, python3 with venv, x86-64, a user sshd where run as root. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check parallel-ssh==2.16.0.post1 ssh2-python==1.2.0.post1 \
    ssh-python==1.2.0.post1 || { echo "not to be installed here" >&2; exit 77; }
keygen=$work/root/usr/bin/ssh-keygen
sshd=$work/root/usr/sbin/sshd

# A server on loopback that lets in whoever runs this, by a key.
"$keygen" -q -t ed25519 -N '' -C '' -f host
"$keygen" -q -t ed25519 -N '' -C '' -f own
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' "HostKey $work/host" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' \
    'PidFile none' 'UsePAM no' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' >config
"$sshd" -t -f "$work/config" || { echo "sshd is not to be run here" >&2; exit 77; }
: >log
"$sshd" -D -e -f "$work/config" 2>log &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    if grep -q listening log; then break; fi
    sleep 0.2
done

printf 'HTTP/1.1 200 OK\r\nServer: tool\r\n' >headers
printf '4.283.10\nfailed hosts: 12\n' >report
cat report headers report >report-headers-report
printf '4.283.10\nfailed hosts: 12\n 50%%\r100%%\ndone\n' >bar
cat >reads.py <<'PYTHON'
import getpass
import os
import sys

from pssh.clients import ParallelSSHClient
from pssh.clients.ssh import ParallelSSHClient as ByLibssh

work, port = sys.argv[1], int(sys.argv[2])
for kind, client in ("libssh2", ParallelSSHClient), ("libssh", ByLibssh):
    hosts = client(["127.0.0.1"], user=getpass.getuser(), port=port, pkey=os.path.join(work, "own"), num_retries=1)
    for name in "report", "headers", "report-headers-report", "bar":
        for host in hosts.run_command(f"cat {work}/{name}"):
            print(f"{kind}, {name}:", list(host.stdout))
PYTHON
venv/bin/python reads.py "$work" "$port" >seen 2>errors || cat errors
cat seen
diff - seen <<'TOLD'
libssh2, report: ['4.283.10', 'failed hosts: 12']
libssh2, headers: ['HTTP/1.1 200 OK', 'Server: tool']
libssh2, report-headers-report: ['4.283.1', 'failed hosts: 1', 'HTTP/1.1 200 OK', 'Server: tool', '4.283.10', 'failed hosts: 12']
libssh2, bar: ['4.283.1', 'failed hosts: 1', ' 50%\r100%', 'done']
libssh, report: ['4.283.10', 'failed hosts: 12']
libssh, headers: ['HTTP/1.1 200 OK', 'Server: tool']
libssh, report-headers-report: ['4.283.1', 'failed hosts: 1', 'HTTP/1.1 200 OK', 'Server: tool', '4.283.10', 'failed hosts: 12']
libssh, bar: ['4.283.1', 'failed hosts: 1', ' 50%\r100%', 'done']
TOLD
