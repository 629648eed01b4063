#!/bin/sh
# GUESS     `Match final host nowhere.example.org` at the end of an ssh_config says something about that one host. Host lines
#           match the name that was typed, so for `ssh bastion` nothing changes.
# HAPPENS   The file is read twice for everybody, and the second time Host lines match the HostName that the first found:
#           bastion is 10.0.0.5 now, takes the lines of `Host 10.*`, and is to be reached over itself, at another port.
#           What the first reading set stays, so the answer is a mixture. Match exec runs twice, with another %h.
#           The ssh_config of Red Hat's family says `Match final all`: one and the same ~/.ssh/config means other things
#           there than on Debian.
# VERSIONS  OpenSSH 9.2p1 (Debian 12)
# SOURCE    ssh_config(5): Match, final, tells of a second reading; CanonicalizeHostname, of the new name. Seen by ssh -G
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract openssh-client_*.deb root
ssh=$work/root/usr/bin/ssh
"$ssh" -V 2>&1

cat >once <<EOF
Match exec "echo %h >>$work/asked"
Host bastion
    HostName 10.0.0.5
    User jump
Host 10.*
    User root
    Port 2222
    ProxyJump bastion
EOF
{ cat once; printf 'Match final host nowhere.example.org\n    Compression yes\n'; } >twice

# Prints what ssh would do for `ssh bastion`, and for which names it ran the Match exec.
answer() {
    : >asked
    "$ssh" -F "$1" -G bastion </dev/null 2>/dev/null \
        | awk '$1 ~ /^(user|hostname|port|proxyjump|compression)$/ { printf "%s ", $0 }'
    printf 'asked for %s\n' "$(paste -s -d , asked)"
}
once=$(answer once)
twice=$(answer twice)
echo "without: $once"
echo "with:    $twice"
[ "$once" = 'user jump hostname 10.0.0.5 port 22 compression no asked for bastion' ]
[ "$twice" = 'user jump hostname 10.0.0.5 port 2222 compression no proxyjump bastion asked for bastion,10.0.0.5' ]
