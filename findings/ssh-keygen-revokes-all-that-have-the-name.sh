#!/bin/sh
# GUESS     `ssh-keygen -k -f revoked laptop-cert.pub`, for a certificate that was lost, revokes that certificate: the file names one
#           key, and the other certificates of the same CA are others.
# HAPPENS   Where certificates were signed without -z, which gives each the serial number 0, the KRL gets the name instead, what -I
#           said: all that this CA has signed by that name are revoked, whosever key is in them, and all that it will sign by
#           it. With -I deploy for each desk that is everybody, on every host that RevokedKeys has reached, among them
#           whoever would take it back. The new certificate of the one that was lost is revoked at birth. ssh-keygen says
#           "Revoking from laptop-cert.pub"; -Q -l, to look into the file, shows "id: deploy". With serial numbers it is the one.
# VERSIONS  OpenSSH 9.2p1 (Debian 12)
# SOURCE    OpenSSH's krl.c, ssh_krl_revoke_key(); ssh-keygen(1), KEY REVOCATION LISTS, has it in half a sentence, "or key ID (if the
#           serial is zero", and does not say whom else that meets; -z is zero as it comes. Seen by -Q
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract openssh-client_*.deb root
PATH=$work/root/usr/bin:$PATH
ssh -V 2>&1

for name in ca laptop desk bastion later; do
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$name"
done
# Prints which certificates a KRL has revoked.
tell() {
    for name in laptop desk bastion later; do
        ssh-keygen -Q -f revoked "$name-cert.pub" || :
    done | sed -n 's/-cert.pub .*: REVOKED$//p' | paste -s -d ' ' | sed "s/^/$1: revoked are /"
}
# Signs all keys but the later one, with a word for the name and with options, and revokes the laptop's.
lose() {
    way=$1
    shift
    serial=0
    for name in laptop desk bastion; do
        serial=$((serial + 1))
        id=deploy
        [ "$way" != 'own names' ] || id=$name
        if [ "$way" = 'serial numbers' ]; then set -- -z "$serial"; fi
        ssh-keygen -q -s ca -I "$id" -n deploy "$@" "$name.pub"
    done
    ssh-keygen -q -k -f revoked laptop-cert.pub
    if [ "$way" = 'serial numbers' ]; then set -- -z 4; fi
    ssh-keygen -q -s ca -I deploy -n deploy "$@" later.pub
    tell "$way"
    ssh-keygen -q -s ca -I deploy -n deploy "$@" laptop.pub
    tell "$way, the laptop's signed anew"
}
{
    lose 'one name'
    lose 'own names'
    lose 'serial numbers'
} >seen
cat seen
diff - seen <<'TOLD'
one name: revoked are laptop desk bastion later
one name, the laptop's signed anew: revoked are laptop desk bastion later
own names: revoked are laptop
own names, the laptop's signed anew: revoked are 
serial numbers: revoked are laptop
serial numbers, the laptop's signed anew: revoked are 
TOLD
