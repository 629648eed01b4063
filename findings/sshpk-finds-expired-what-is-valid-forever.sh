#!/bin/sh
# GUESS     sshpk reads OpenSSH's certificates, and isExpired() of one that never expires is false. A certificate that ssh-keygen makes
#           without -V is one of those: "Valid: forever".
# HAPPENS   isExpired() is true, today and on any day that it is asked about, and validUntil is an Invalid Date. Nothing is thrown, and
#           isSignedByKey() is true, as it is. What watches a fleet's host certificates finds all of them expired that were
#           made without -V, or with -V always:forever, and renews them each time it looks; the ones with a year are well.
#           sshd and ssh take all of them. ssh-keygen writes 2^64-1 seconds, which no Date holds, and comparing with none is false.
# VERSIONS  sshpk 1.18.0 (npm), ssh-keygen of the machine
# SOURCE    sshpk's README: isExpired, "Tests whether the Certificate is currently expired"; lib/formats/openssh-cert.js: int64ToDate;
#           PROTOCOL.certkeys: valid before; ssh-keygen(1), -V
# NEEDS     node 18 or newer, npm, ssh-keygen. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export TZ=UTC

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v ssh-keygen >/dev/null || { echo "no ssh-keygen here" >&2; exit 77; }
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" sshpk@1.18.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

for key in ca host; do ssh-keygen -q -t ed25519 -N '' -C '' -f "$key"; done
# Makes a host's certificate.
certify() {
    name=$1
    shift
    ssh-keygen -q -s ca -I "$name" -h -n web01.example.org "$@" host.pub
    mv host-cert.pub "$name.pub"
}
certify plain
certify forever -V always:forever
certify year -V -1h:+52w
certify past -V 20240101:20250101
cat >tell.cjs <<'JS'
const fs = require("node:fs");
const sshpk = require("sshpk");

const authority = sshpk.parseKey(fs.readFileSync("ca.pub"), "ssh");
for (const name of ["plain", "forever", "year", "past"]) {
    const certificate = sshpk.parseCertificate(fs.readFileSync(`${name}.pub`), "openssh");
    const words = [new Date(), new Date("2030-06-01")].map((when) => (certificate.isExpired(when) ? "expired" : "valid"));
    const signed = certificate.isSignedByKey(authority) ? "signed" : "not signed";
    const until = Number.isNaN(certificate.validUntil.getTime()) ? "no date" : "a date";
    console.log(`sshpk, ${name}: ${signed}, until ${until}; now ${words[0]}, in 2030 ${words[1]}`);
}
JS
{
    for name in plain forever year past; do
        ssh-keygen -L -f "$name.pub" | sed -n "s/^ *Valid: /ssh-keygen, $name: /p" | sed 's/from .*T.*/from one date to another/'
    done
    node tell.cjs
} >seen
cat seen
diff - seen <<'TOLD'
ssh-keygen, plain: forever
ssh-keygen, forever: forever
ssh-keygen, year: from one date to another
ssh-keygen, past: from one date to another
sshpk, plain: signed, until no date; now expired, in 2030 expired
sshpk, forever: signed, until no date; now expired, in 2030 expired
sshpk, year: signed, until a date; now valid, in 2030 expired
sshpk, past: signed, until a date; now expired, in 2030 expired
TOLD
