#!/bin/sh
# GUESS     The lists of sshd_config add up over its lines, AllowUsers, AllowGroups and AcceptEnv: a file in sshd_config.d with
#           `Match Address 10.0.0.0/8` and `AllowUsers deploy` lets in deploy from there, besides those who may come from anywhere.
# HAPPENS   From there nobody but deploy gets in: a list in a Match takes the place of the one outside, and the admins are locked out from
#           just the network that they are in. AcceptEnv RELEASE for one user takes away LANG and all else from that user, SetEnv
#           the site's SITE, and DenyUsers in a Match lets in whom the one for all denies. Several lines outside add up, and so do
#           those of several Match, so that it looks like adding. sshd -t is content, and `sshd -T` shows the lists from outside
#           in full; with -C it tells.
# VERSIONS  OpenSSH 9.2p1 (Debian 12)
# SOURCE    sshd_config(5), Match: keywords "override those set in the global section", and at AllowUsers and AcceptEnv nothing of Match;
#           OpenSSH's servconf.c, copy_set_server_options(). Seen by sshd -T -C
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
sshd=$work/root/usr/sbin/sshd
root/usr/bin/ssh -V 2>&1
root/usr/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f host

cat >config <<CONFIG
HostKey $work/host
PidFile none
AllowUsers admin
AllowUsers operator
DenyUsers leaver
AcceptEnv LANG
AcceptEnv LC_*
SetEnv SITE=eqiad
Match Address 10.0.0.0/8
    AllowUsers deploy
Match User deploy
    AllowUsers canary
    AcceptEnv RELEASE
    SetEnv ROLE=deploy
Match User admin
    DenyUsers guest
CONFIG
"$sshd" -t -f config || { echo "sshd is not to be run here" >&2; exit 77; }
# Prints what is in force for a user from an address.
tell() {
    user=$1
    address=$2
    if [ "$user" = everybody ]; then set --; else set -- -C "user=$user,host=desk,addr=$address"; fi
    "$sshd" -T -f config "$@" | sed -n 's/^\(allowusers\|denyusers\|acceptenv\|setenv\) /\1 /p' | sort \
        | awk '{ of[$1] = of[$1] " " $2 } END { print "allow" of["allowusers"] ", deny" of["denyusers"] ", accept" of["acceptenv"] ", set" of["setenv"] }' \
        | sed "s/^/$user from $address: /"
}
{
    tell everybody anywhere
    tell operator 192.0.2.7
    tell operator 10.1.2.3
    tell deploy 192.0.2.7
    tell deploy 10.1.2.3
    tell admin 192.0.2.7
} >seen
cat seen
diff - seen <<'TOLD'
everybody from anywhere: allow admin operator, deny leaver, accept LANG LC_*, set SITE=eqiad
operator from 192.0.2.7: allow admin operator, deny leaver, accept LANG LC_*, set SITE=eqiad
operator from 10.1.2.3: allow deploy, deny leaver, accept LANG LC_*, set SITE=eqiad
deploy from 192.0.2.7: allow canary, deny leaver, accept RELEASE, set ROLE=deploy
deploy from 10.1.2.3: allow canary deploy, deny leaver, accept RELEASE, set ROLE=deploy
admin from 192.0.2.7: allow admin operator, deny guest, accept LANG LC_*, set SITE=eqiad
TOLD
