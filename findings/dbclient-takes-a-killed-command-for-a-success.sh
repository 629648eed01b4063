#!/bin/sh
# GUESS     `dbclient host COMMAND`, the ssh of OpenWrt and of many small images, ends as ssh does: with the command's
#           own status, and with something else than 0 where the command never got so far as to have one.
# HAPPENS   A command that a signal ended has no status: the server says which signal it was, in another message. dbclient
#           reads that message, leaves it, and ends with the 0 that it began with. So a deploy step that was shot for want of
#           memory, a crash and a job that was stopped by hand are all done and well; ssh says 255 to each. Behind
#           a shell that outlives it (`COMMAND; exit $?`) it is 137, and seen.
# VERSIONS  dropbear 2022.83, OpenSSH 9.2p1 (Debian 12); what dropbear has in git since is the same
# SOURCE    RFC 4254, 6.10; dropbear's src/cli-chansession.c: cli_chansessreq. Seen by running against sshd -i
# NEEDS     Debian 12's packages, a user sshd and /run/sshd where run as root. Exits 0: as told; 1: it behaves otherwise; 77:
#           cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in dropbear-bin=2022.83-1+deb12u3 libtomcrypt1=1.18.2-6 libtommath1=1.2.0-6+deb12u1 \
    openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/usr/bin:$PATH
sshd=$work/root/usr/sbin/sshd
dbclient -V 2>&1
ssh -V 2>&1

# A server that lets in whoever runs this, by a key, and is started by the client itself on a pipe.
ssh-keygen -q -t ed25519 -N '' -C '' -f host
ssh-keygen -q -t ed25519 -N '' -C '' -f own
dropbearkey -t ed25519 -f small 2>/dev/null | grep '^ssh-' >small.pub
cat own.pub small.pub >welcome
printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/welcome" 'StrictModes no' 'PidFile none' 'UsePAM no' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' >server
"$sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }

# Prints how each client ends for a command.
ends() {
    small=0
    dbclient -y -y -i small -J "$sshd -i -f $work/server" "$(id -un)@web01" "$1" </dev/null 2>words || small=$?
    large=0
    ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityAgent=none -i own \
        -o "ProxyCommand $sshd -i -f $work/server" "$(id -un)@web01" "$1" </dev/null 2>>words || large=$?
    echo "$1: dbclient $small, ssh $large"
}
{
    ends true
    ends 'exit 3'
    # shellcheck disable=SC2016 # The shell over there is the one to be killed.
    for signal in KILL TERM SEGV HUP; do
        ends "kill -$signal "'$$'
    done
    # shellcheck disable=SC2016 # Likewise.
    ends 'sh -c "kill -KILL \$\$"; exit $?'
} >seen
cat seen
diff - seen <<'TOLD' || { cat words; exit 1; }
true: dbclient 0, ssh 0
exit 3: dbclient 3, ssh 3
kill -KILL $$: dbclient 0, ssh 255
kill -TERM $$: dbclient 0, ssh 255
kill -SEGV $$: dbclient 0, ssh 255
kill -HUP $$: dbclient 0, ssh 255
sh -c "kill -KILL \$\$"; exit $?: dbclient 137, ssh 137
TOLD
