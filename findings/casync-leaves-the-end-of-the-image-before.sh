#!/bin/sh
# GUESS     `casync extract tool.caibx tool.img` makes the file what the index says, whether there was one or not: what is there is a
#           seed, of which the chunks that are the same are kept, and each chunk that comes has its sum.
# HAPPENS   Where the new image is shorter the end of the old one stays behind it, exit 0: the file has the length of the one and the
#           bytes of the other, and a sum of neither. So it is with images that have no chunk in common, as packed releases
#           mostly have none, and on going back to a smaller one. Where they have chunks in common it ends with "Stale file
#           handle", exit 1, either way round; with --reflink=no it does not, and leaves the end as well. Where no file was
#           all is right, and so is a longer image over a shorter one. A disk, for which it is the same command, would not mind.
# VERSIONS  casync 2+20201210 (Debian 12)
# SOURCE    seen by running; casync(1), extract BLOB_INDEX FILE | DEVICE; casync issue 272, open, is the stale file handle
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in casync=2+20201210-1+b1 libfuse2=2.9.9-6+b1 libcurl3-gnutls=7.88.1-10+deb12u15; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/usr/bin:$PATH
if ldd root/usr/bin/casync | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

# Two releases as zips, the second of them smaller, and two images that begin alike.
python3 - <<'PYTHON'
import random
import zipfile

for number, size in ("1", 2_000_000), ("2", 500_000):
    with zipfile.ZipFile(number, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("version", number)
        packed.writestr("data", random.Random(number).randbytes(size))
same = random.Random("same").randbytes(1_000_000)
for name, size in ("long", 900_000), ("short", 300_000):
    with open(name, "wb") as image:
        image.write(same + random.Random(name).randbytes(size))
PYTHON
for name in 1 2 long short; do
    casync make --store=store.castr "$name.caibx" "$name" >/dev/null
done
# Extracts what an index says, over a file that is there or is not, and prints what came of it.
extract() {
    rm -f image
    [ "$2" = nothing ] || cp "$2" image
    status=0
    casync extract "$3" --store=store.castr "$1.caibx" image 2>>errors || status=$?
    beyond=$(($(wc -c <image) - $(wc -c <"$1")))
    echo "$1 over $2, $3: exit $status, $(cmp -s image "$1" && echo same || echo "$beyond bytes more")"
}
{
    extract 2 nothing --seed-output=yes
    extract 2 1 --seed-output=yes
    extract 2 1 --seed-output=no
    extract 1 2 --seed-output=yes
    extract short long --seed-output=yes
    extract short long --reflink=no
} >seen
cat seen
sort -u errors
diff - seen <<'TOLD'
2 over nothing, --seed-output=yes: exit 0, same
2 over 1, --seed-output=yes: exit 0, 1500460 bytes more
2 over 1, --seed-output=no: exit 0, 1500460 bytes more
1 over 2, --seed-output=yes: exit 0, same
short over long, --seed-output=yes: exit 1, 600000 bytes more
short over long, --reflink=no: exit 0, 600000 bytes more
TOLD
