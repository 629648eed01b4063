#!/bin/sh
# GUESS     `scp -r` knows no links: it copies what they lead to, files and folders. scp for Python, which speaks scp's protocol
#           through paramiko and has recursive=True for -r, does too, or else it leaves out links altogether.
# HAPPENS   A link to a file becomes a file, and a link to a folder is not there: of conf -> conf.d and current -> releases/2
#           nothing arrives, put returns as ever. What is given by its own name is followed, and a link in it is not. So
#           a release whose links are all to files arrives whole, until one is to a folder. ssh's own scp -r has all
#           of them.
# VERSIONS  scp 0.16.2, paramiko 3.5.1 (PyPI); OpenSSH 9.2p1 (Debian 12)
# SOURCE    scp.py: _send_recursive, which takes os.walk as it comes; scp(1), -r. Seen by running against sshd -i
# NEEDS     Debian 12's packages, python3 with pip, a user sshd and /run/sshd where run as root. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client openssh-server openssh-sftp-server; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=1:9.2p1-2+deb12u10" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    scp==0.16.2 paramiko==3.5.1 || { echo "not to be installed here" >&2; exit 77; }
PATH=$work/root/usr/bin:$PATH
ssh -V 2>&1

# A server that lets in whoever runs this, by a key, and is started by the client itself on a pipe.
ssh-keygen -q -t ed25519 -N '' -C '' -f host
ssh-keygen -q -t ed25519 -N '' -C '' -f own
printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' 'PidFile none' 'UsePAM no' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' "SetEnv PATH=$PATH" \
    "Subsystem sftp $work/root/usr/lib/openssh/sftp-server" >server
sshd="$work/root/usr/sbin/sshd -i -f $work/server"
"$work/root/usr/sbin/sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }

mkdir -p tree/bin tree/conf.d tree/releases/2
echo 'the tool' >tree/bin/tool
ln -s tool tree/bin/alias
echo 'settings' >tree/conf.d/site
ln -s conf.d tree/conf
echo 'the release' >tree/releases/2/file
ln -s releases/2 tree/current

cat >put.py <<'PYTHON'
import getpass
import sys

import paramiko
from scp import SCPClient

sshd, source, target = sys.argv[1:]
transport = paramiko.Transport(paramiko.ProxyCommand(sshd))
transport.start_client()
transport.auth_publickey(getpass.getuser(), paramiko.Ed25519Key.from_private_key_file("own"))
with SCPClient(transport) as client:
    client.put(source, target, recursive=True)
transport.close()
PYTHON

# Copies by either, and prints what has arrived.
copies() {
    rm -rf there
    status=0
    scp -O -q -r -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityAgent=none -i own \
        -o "ProxyCommand $sshd" "$1" "$(id -un)@web1:$work/there" 2>words || status=$?
    echo "$1, scp -r: exit $status, $(cd there && find . -type f | sort | cut -c 3- | paste -s -d ' ')"
    rm -rf there
    status=0
    PYTHONPATH=lib python3 put.py "$sshd" "$1" "$work/there" 2>words || status=$?
    echo "$1, scp.py: exit $status, $(cd there && find . -type f | sort | cut -c 3- | paste -s -d ' ')"
}
{
    copies tree
    copies tree/current
} >seen
cat seen
diff - seen <<'TOLD' || { cat words; exit 1; }
tree, scp -r: exit 0, bin/alias bin/tool conf.d/site conf/site current/file releases/2/file
tree, scp.py: exit 0, bin/alias bin/tool conf.d/site releases/2/file
tree/current, scp -r: exit 0, file
tree/current, scp.py: exit 0, file
TOLD
