#!/bin/sh
# GUESS     A certificate of one day is renewed each morning: the CA signs the key anew, and `ssh-add` puts it over that of
#           yesterday, as it puts a key over itself. What is no longer valid is worth nothing and does no harm.
# HAPPENS   Another certificate is another entry: the agent keeps them all, without an end, and lists them alike. Where ssh has the agent
#           alone, on a bastion to which it is forwarded, it offers the key and then the certificates, oldest first. A server
#           hears six: from the sixth morning on it is "Too many authentication failures", exit 255, with the valid one
#           not asked about. At one's own desk, where the file of today's lies beside the key, it goes well all the while.
#           `ssh-add -d` takes away the key and today's, and leaves those of before; -D helps, or -t with ssh-add. What ssh-add adds
#           since OpenSSH 10.1, of October 2025, goes by itself when it ends; the desk's ssh-add counts, not the servers.
# VERSIONS  OpenSSH 9.2p1 (Debian 12), client, agent and server
# SOURCE    ssh-add(1), which says nothing of it; OpenSSH's ssh-add.c since 10.1: expiry of certificates, and five minutes. Seen by
#           running against sshd -i; ssh -v has the offers
# NEEDS     Debian 12's packages, a user sshd where run as root; half a minute. Exits 0: as told; 1: it behaves otherwise; 77:
#           cannot be installed here.
set -eu

work=$(mktemp -d)
agent=
trap '[ -z "$agent" ] || kill "$agent" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
PATH=$work/root/usr/bin:$PATH
sshd=$work/root/usr/sbin/sshd
ssh -V 2>&1

for name in host ca own; do
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$name"
done
# A server that lets in whom the CA has signed, and is started by the client itself on a pipe.
printf '%s\n' "HostKey $work/host" 'AuthorizedKeysFile none' "TrustedUserCAKeys $work/ca.pub" 'StrictModes no' 'PidFile none' \
    'UsePAM no' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' >server
"$sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }
SSH_AUTH_SOCK=$work/agent
export SSH_AUTH_SOCK
ssh-agent -D -a "$SSH_AUTH_SOCK" >/dev/null &
agent=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -S "$SSH_AUTH_SOCK" ] || break
    sleep 0.2
done
# Prints how a connection ends that has the agent, and the file or none.
meets() {
    status=0
    ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o "IdentityFile $1" \
        -o "ProxyCommand $sshd -i -f $work/server" "$(id -un)@web01" true </dev/null 2>words || status=$?
    echo "$status$(tr -d '\r' <words | sed -n 's/.*:2: / /p')"
}
{
    for morning in 1 2 3 4 5 6; do
        # The certificates of the days before were over in a moment.
        ends=+1s
        [ "$morning" -lt 5 ] || ends=+5s
        [ "$morning" -lt 6 ] || ends=+1h
        ssh-keygen -q -s ca -I desk -z "$morning" -n "$(id -un)" -V "-1m:$ends" own.pub
        ssh-add -q own
        [ "$morning" != 4 ] || sleep 3
        [ "$morning" -ge 5 ] || continue
        echo "morning $morning, $(ssh-add -l | grep -c CERT) certificates: bastion $(meets none), desk $(meets "$work/own")"
        [ "$morning" != 5 ] || sleep 7
    done
    ssh-add -q -d own
    echo "taken away: $(ssh-add -l | grep -c CERT) certificates left"
    ssh-add -q -D
    ssh-add -q own
    echo "all taken away, today's added: bastion $(meets none)"
} >seen
cat seen
diff - seen <<'TOLD'
morning 5, 5 certificates: bastion 0, desk 0
morning 6, 6 certificates: bastion 255 Too many authentication failures, desk 0
taken away: 5 certificates left
all taken away, today's added: bastion 0
TOLD
