#!/bin/sh
# GUESS     `ssh -G web01` prints the configuration as ssh understood it, each keyword in full. Kept in a file and given to -F it
#           is the same connection, only without Match, Include and wildcards: made for handing on.
# HAPPENS   REMOTE HOST IDENTIFICATION HAS CHANGED, and a strict run ends, for a host whose keys are the old ones. Where
#           HostKeyAlgorithms is not set, ssh asks first for the kind of key that known_hosts has; -G prints the default
#           list, and a list that is given is kept to. So the server shows its Ed25519 key, known is RSA, and that counts
#           as changed, not as new. Only a host with a key of the list's first kind notices nothing. To leave the one
#           line out mends it; nothing in the file was wrong, and -G of the file is the same again.
# VERSIONS  OpenSSH 9.2p1 (Debian 12), client and server
# SOURCE    ssh(1), -G; ssh_config(5), HostKeyAlgorithms, on the preference; seen by running against sshd -i
# NEEDS     Debian 12's packages, a user sshd where run as root. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client openssh-server; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=1:9.2p1-2+deb12u10" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
ssh=$work/root/usr/bin/ssh
sshd=$work/root/usr/sbin/sshd
"$ssh" -V 2>&1

# A server with keys of two kinds that lets nobody in, started by the client itself on a pipe.
for kind in rsa ed25519; do
    "$work/root/usr/bin/ssh-keygen" -q -t "$kind" -N '' -C '' -f "host_$kind"
    echo "HostKey $work/host_$kind"
done >server
printf '%s\n' 'PidFile none' 'UsePAM no' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' >>server
"$sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }
echo "web01 $(cat host_rsa.pub)" >known

cat >config <<CONFIG
Host web*
    ProxyCommand $sshd -i -f $work/server
    UserKnownHostsFile $work/known
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    IdentityFile none
    IdentityAgent none
CONFIG
"$ssh" -F config -G web01 </dev/null 2>/dev/null >answer
grep -v '^hostkeyalgorithms ' answer >shorter
"$ssh" -F answer -G web01 </dev/null 2>/dev/null | cmp answer -

# Prints how far ssh came with a configuration.
meets() {
    "$ssh" -F "$1" web01 true </dev/null >words 2>&1 || :
    if grep -q 'REMOTE HOST IDENTIFICATION HAS CHANGED' words; then
        echo changed
    elif grep -q 'Permission denied (publickey)' words; then
        echo known
    else
        cat words
    fi
}
by_config=$(meets config)
by_answer=$(meets answer)
by_shorter=$(meets shorter)
echo "the host is $by_config by the configuration, $by_answer by -G's answer, $by_shorter by the answer less one line"
[ "$by_config $by_answer $by_shorter" = 'known changed known' ]
