#!/bin/sh
# GUESS     parallel-ssh's --timeout is for connections, as its page says, "Make connections time out": a host that does not answer is
#           given up, and a command that runs for two minutes runs for two minutes. What is FAILURE has failed.
# HAPPENS   It is for all of the command, and is 60 seconds where nobody has said anything: a migration of two minutes is "[FAILURE]
#           web01 Timed out", status 3. What is killed is the ssh at the desk, by signal 9. Over there the command goes on, and
#           ends well a minute later, unseen: whoever starts it again on the hosts that have failed runs two of them, and whoever
#           rolls those back does so beneath it. --timeout 0 is without an end. parallel-scp and parallel-rsync, of the same
#           package and with the same words on their pages, have no such time as they come.
# VERSIONS  pssh 2.3.4, OpenSSH 9.2p1 (Debian 12)
# SOURCE    parallel-ssh(1), --timeout, says nothing of 60; pssh's bin/pssh gives common_defaults() a timeout of its own; psshlib's
#           manager.py, check_timeout(), and task.py, timedout(). Seen by running against sshd -i, with --timeout 2
# NEEDS     Debian 12's packages, python3, a user sshd where run as root; half a minute. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in pssh=2.3.4-2 python3-psshlib=2.3.4-2 openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
PATH=$work/root/usr/bin:$PATH
export PATH
PYTHONPATH=$work/root/usr/lib/python3/dist-packages
export PYTHONPATH
sshd=$work/root/usr/sbin/sshd
python3 root/usr/bin/parallel-ssh --version

# A server that lets in whoever runs this, by a key, and is started by the client itself on a pipe.
ssh-keygen -q -t ed25519 -N '' -C '' -f host
ssh-keygen -q -t ed25519 -N '' -C '' -f own
printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' 'PidFile none' 'UsePAM no' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' >server
"$sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }
cat >config <<CONFIG
Host web01
    User $(id -un)
    ProxyCommand $sshd -i -f $work/server
    UserKnownHostsFile /dev/null
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking no
    IdentityFile $work/own
    IdentityAgent none
CONFIG
# Runs a command of some seconds, tells what parallel-ssh says of it, and then what came of it over there.
runs() {
    name=$1
    shift
    rm -f began ended
    status=0
    python3 root/usr/bin/parallel-ssh -x "-F $work/config" -H web01 "$@" >words 2>&1 </dev/null || status=$?
    echo "$name: $(sed -n 's/.*\[\(SUCCESS\|FAILURE\)\]/\1/p' words | sed 's/, Killed.*//'), status $status"
    sleep 5
    echo "  over there: $([ -e began ] && echo began)$([ -e ended ] && echo , ended)"
}
{
    runs 'short enough' -t 20 "touch $work/began; sleep 4; touch $work/ended"
    runs 'too long' -t 2 "touch $work/began; sleep 4; touch $work/ended"
    for tool in ssh scp rsync; do
        echo "parallel-$tool: $(grep -c '_DEFAULT_TIMEOUT = 60' "root/usr/bin/parallel-$tool" || :)"
    done
} >seen
cat seen
diff - seen <<'TOLD'
short enough: SUCCESS web01, status 0
  over there: began, ended
too long: FAILURE web01 Timed out, status 3
  over there: began, ended
parallel-ssh: 1
parallel-scp: 0
parallel-rsync: 0
TOLD
