#!/bin/sh
# GUESS     Over ControlMaster a session costs no new connection and is otherwise as any: `ssh -o SetEnv=RELEASE=2 web01 deploy` sets
#           RELEASE to 2 for the command, and what LocalCommand does after each connection it does each time.
# HAPPENS   RELEASE is 1, as whoever opened the connection had it, as long as ControlPersist keeps that: the variables of SetEnv are
#           the master's own, and those of a later session are not sent, not even where the master sets no such name. exit 0, no
#           word. It takes them in, but sends of them what its own SendEnv names. So `RELEASE=2 ssh -o SendEnv=RELEASE` works
#           where the first session had that option too. LocalCommand runs for the first alone. ssh -G shows all as asked for.
# VERSIONS  OpenSSH 9.2p1 (Debian 12), client and server; the sources of 10.5 are alike
# SOURCE    OpenSSH's mux.c sends setenv to the master, clientloop.c, client_session2_setup(), sends options.setenv, the master's;
#           ssh_config(5) tells it neither at SetEnv nor at ControlMaster or LocalCommand. Seen by running against sshd -i
# NEEDS     Debian 12's packages, a user sshd where run as root. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
# Ends the connection that is kept.
end() {
    [ ! -e "$work/control" ] || ssh -F "$work/config" -O exit web01 2>/dev/null || :
}
trap 'end; rm -rf "$work"' EXIT
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

# A server that lets in whoever runs this, by a key, and is started by the client itself on a pipe.
ssh-keygen -q -t ed25519 -N '' -C '' -f host
ssh-keygen -q -t ed25519 -N '' -C '' -f own
printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' 'PidFile none' 'UsePAM no' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'AcceptEnv RELEASE WAVE' >server
"$sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }
cat >config <<CONFIG
Host web01
    User $(id -un)
    ProxyCommand $sshd -i -f $work/server
    UserKnownHostsFile /dev/null
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking no
    LogLevel ERROR
    BatchMode yes
    IdentityFile $work/own
    IdentityAgent none
    ControlPath $work/control
    ControlPersist 60
    PermitLocalCommand yes
    LocalCommand echo local >>$work/local
CONFIG
# Prints what a command over there sees, with the options given.
sees() {
    name=$1
    shift
    # shellcheck disable=SC2016 # The variables are those over there.
    echo "$name: $(ssh -F config -o ControlMaster=auto "$@" web01 'echo "RELEASE=$RELEASE WAVE=$WAVE"'), exit $?"
}
{
    sees 'first' -o SetEnv=RELEASE=1
    sees 'second' -o SetEnv='RELEASE=2 WAVE=b'
    RELEASE=2 WAVE=b sees 'second by SendEnv' -o SendEnv=RELEASE -o SendEnv=WAVE
    echo "asked for: $(ssh -F config -G -o SetEnv='RELEASE=2 WAVE=b' web01 2>/dev/null | grep -i '^setenv' | paste -s -d ' ')"
    echo "LocalCommand ran: $(grep -c local local)"
    end
    sees 'alone' -o SetEnv='RELEASE=2 WAVE=b'
    end
    RELEASE=1 WAVE=a sees 'first by SendEnv' -o SendEnv='RELEASE WAVE'
    RELEASE=2 WAVE=b sees 'second by SendEnv' -o SendEnv='RELEASE WAVE'
    end
} >seen
cat seen
diff - seen <<'TOLD'
first: RELEASE=1 WAVE=, exit 0
second: RELEASE=1 WAVE=, exit 0
second by SendEnv: RELEASE=1 WAVE=, exit 0
asked for: setenv RELEASE=2 setenv WAVE=b
LocalCommand ran: 1
alone: RELEASE=2 WAVE=b, exit 0
first by SendEnv: RELEASE=1 WAVE=a, exit 0
second by SendEnv: RELEASE=2 WAVE=b, exit 0
TOLD
