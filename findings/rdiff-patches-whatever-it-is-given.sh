#!/bin/sh
# GUESS     `rdiff patch` of a file that is not the one whose signature the delta was made from fails: the signature is all
#           BLAKE2 sums, and zstd --patch-from and xdelta3 do refuse.
# HAPPENS   It makes a file, of exactly the right size, that was never anybody's, says nothing and exits 0. The sums stay with
#           the signature: a delta holds offsets and literal bytes alone, neither a sum of its base nor one of the result.
# VERSIONS  rdiff and librsync 2.3.2 (Debian 12), with BLAKE2 and MD4 signatures
# SOURCE    rdiff(1); librsync's delta format
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in rdiff=2.3.2-1+b1 librsync2=2.3.2-1+b1 libb2-1=0.98.1-1.1 libpopt0 libgomp1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
rdiff=$work/root/usr/bin/rdiff
"$rdiff" --version | head -n 1

seq 1 20000 >base
sed 's/^5/6/' base >edited
{ cat base; echo new; } >wanted

for sum in blake2 md4; do
    rm -f signature delta made
    "$rdiff" --hash="$sum" signature base signature
    "$rdiff" delta signature wanted delta
    "$rdiff" patch base delta made
    cmp made wanted
    rm made
    status=0
    "$rdiff" patch edited delta made 2>errors || status=$?
    echo "$sum: patching another file: exit $status, $(wc -c <errors) bytes of errors, $(wc -c <made) bytes of $(wc -c <wanted) made"
    [ "$status" = 0 ] && [ ! -s errors ]
    [ "$(wc -c <made)" = "$(wc -c <wanted)" ]
    if cmp -s made wanted || cmp -s made edited; then exit 1; fi
done
