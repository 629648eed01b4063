#!/bin/sh
# GUESS     `zstd --rsyncable` does for a release's archive what `gzip --rsyncable` does: where little changed, rsync sends little.
#           Both manuals say as much.
# HAPPENS   From Django 5.2.7 to 5.2.8 a dozen of 27 MB of files change. As tar rsync sends 150 kB, as gzip --rsyncable 166 kB
#           of 5.1 MB; as zstd --rsyncable 1.4 MB of 4.3, three hundredths less than without it, and at level 19 nearly
#           all. gzip starts anew every few kB, zstd once a job on average, and a job is 8 MB at level 3 and grows with
#           the level: of another file, of 24 MB, it made the very same bytes. -B512K is the smallest, and still sends 860 kB.
# VERSIONS  zstd 1.5.4 (Debian 12), rsync 3.5.0, gzip 1.12; Django's wheels (PyPI)
# SOURCE    zstd(1) and gzip(1), --rsyncable; zstd issue 1155, which asked for gigabytes; the amounts seen by running
# NEEDS     Debian 12's packages, rsync, python3 with pip, PyPI (16 MB). Exits 0: as told; 1: it behaves otherwise; 77: cannot
#           be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v rsync >/dev/null || { echo "no rsync here" >&2; exit 77; }
apt-get -qq -o APT::Sandbox::User=root download zstd=1.5.4+dfsg2-5 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract zstd_*.deb root
zstd=$work/root/usr/bin/zstd
for version in 5.2.7 5.2.8; do
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: "Django==$version" \
        || { echo "not to be installed here" >&2; exit 77; }
    python3 -m zipfile -e "django-$version-py3-none-any.whl" "$version"
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a+rX -cf "$version.tar" -C "$version" django
done
"$zstd" --version
rsync --version | head -n 1

# Prints how many bytes rsync sends as they are to make the newer archive of the older, both packed by the command given.
sent() {
    "$@" <5.2.7.tar >older
    "$@" <5.2.8.tar >newer
    rsync --no-whole-file --ignore-times --stats newer older | sed -n 's/,//g; s/^Literal data: \([0-9]*\).*/\1/p'
}
tar=$(sent cat)
plain_gzip=$(sent gzip -n)
gzip=$(sent gzip -n --rsyncable)
plain_zstd=$(sent "$zstd" -q -3)
zstd_jobs=$(sent "$zstd" -q -3 --rsyncable -B512K)
zstd_own=$(sent "$zstd" -q -3 --rsyncable)
echo "bytes sent: tar $tar; gzip $plain_gzip, rsyncable $gzip; zstd $plain_zstd, rsyncable $zstd_own, with -B512K $zstd_jobs"
[ "$tar" -lt 300000 ] && [ "$gzip" -lt 300000 ] && [ "$plain_gzip" -gt 3000000 ]
[ $((zstd_own * 100)) -gt $((plain_zstd * 90)) ] && [ "$zstd_jobs" -gt 600000 ]
