#!/bin/sh
# GUESS     `minisign -S -m *.tar.gz` signs all files of a release, so `minisign -V -m *.tar.gz` verifies them all, and fails where one
#           does not agree or is missing.
# HAPPENS   It verifies the first and never looks at the others: "Signature and comment signature verified", exit 0, with the second
#           changed, the third without a signature and the fourth not there. So it does under -q, whose whole answer is the
#           exit status. The one that is verified is the first of the alphabet. signify, whose format it has, and sha256sum -c
#           fail where a file that is named is not as it was.
# VERSIONS  minisign 0.11, signify-openbsd 31 (Debian 12); the sources of 0.12 are alike
# SOURCE    src/minisign.c, main: argv behind the options goes to sign_all and nowhere else. minisign(1): -S has "file [file ...]",
#           -V one file, and says nothing of more
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download minisign=0.11-1 libsodium23 signify-openbsd=31-3 libbsd0 libmd0 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
minisign=$work/root/usr/bin/minisign
signify=$work/root/bin/signify-openbsd
"$minisign" -v

mkdir release
cd release
for name in a b c; do echo "$name" >"tool-$name.tar.gz"; done
"$minisign" -G -W -p ../public -s ../secret >words
"$signify" -G -n -p ../second.pub -s ../second.sec
"$minisign" -S -s ../secret -m ./*.tar.gz >words
sha256sum --tag ./*.tar.gz >sums
"$signify" -S -e -s ../second.sec -m sums -x sums.sig
echo "signed: $(echo ./*.minisig)" >../seen
echo other >tool-b.tar.gz
rm tool-c.tar.gz.minisig

# Prints how a check ends.
ends() {
    status=0
    "$@" >../words 2>&1 || status=$?
    shown=$1
    shift
    echo "${shown##*/} $*: exit $status, $(grep -c -E '^Signature and|: OK$' ../words) well" | sed 's/ -p [^ ]*//' >>../seen
}
ends "$minisign" -V -p ../public -m ./*.tar.gz
ends "$minisign" -V -p ../public -m tool-a.tar.gz nowhere.tar.gz
ends "$minisign" -V -q -p ../public -m ./*.tar.gz
ends "$minisign" -V -p ../public -m tool-b.tar.gz
ends "$signify" -C -p ../second.pub -x sums.sig
ends "$signify" -C -p ../second.pub -x sums.sig ./tool-a.tar.gz ./tool-b.tar.gz
ends sha256sum -c sums
cat ../seen
diff - ../seen <<'TOLD'
signed: ./tool-a.tar.gz.minisig ./tool-b.tar.gz.minisig ./tool-c.tar.gz.minisig
minisign -V -m ./tool-a.tar.gz ./tool-b.tar.gz ./tool-c.tar.gz: exit 0, 1 well
minisign -V -m tool-a.tar.gz nowhere.tar.gz: exit 0, 1 well
minisign -V -q -m ./tool-a.tar.gz ./tool-b.tar.gz ./tool-c.tar.gz: exit 0, 0 well
minisign -V -m tool-b.tar.gz: exit 1, 0 well
signify-openbsd -C -x sums.sig: exit 1, 2 well
signify-openbsd -C -x sums.sig ./tool-a.tar.gz ./tool-b.tar.gz: exit 1, 1 well
sha256sum -c sums: exit 1, 2 well
TOLD
