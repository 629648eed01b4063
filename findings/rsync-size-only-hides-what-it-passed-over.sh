#!/bin/sh
# GUESS     A run of `rsync -a --size-only` is a careless one: it may leave files as they were whose size is the same. The next
#           run without it finds them, as their times differ.
# HAPPENS   It leaves the content and takes over the time. From then on the old file has the size and the time of the new one,
#           and no plain run ever sends it again; --checksum alone would. The careless run hides what it passed over.
#           --append, --update, --ignore-existing, --modify-window and --max-size pass files over too, and leave their
#           times alone. -i says it openly, as `.f..t......`: only attributes changed.
# VERSIONS  rsync 3.5.0 (Debian 12)
# SOURCE    rsync(1), --size-only, which offers it for a first run over a copy whose times cannot be trusted; seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C TZ=UTC

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download rsync=3.5.0+ds1-0+deb12u1 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract rsync_*.deb root
rsync=$work/root/usr/bin/rsync
if ldd "$rsync" | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
"$rsync" --version | head -n 1

# Prints what a first run with some option left, and what a plain run would send then.
leaves() {
    rm -rf new old
    mkdir new old
    echo 'port = 8080' >new/conf
    echo 'port = 9090' >old/conf
    touch -d 2026-11-02 new/conf
    touch -d 2026-11-01 old/conf
    "$rsync" -a "$@" new/ old/
    content=old
    cmp -s new/conf old/conf && content=new
    echo "$*: $content content of $(date -r old/conf +%d), then sent: $("$rsync" -a -n -i new/ old/ | grep -c '^>f')"
}
for option in --times --size-only --append --ignore-existing --modify-window=100000 --max-size=5; do
    leaves "$option"
done >seen || :
cat seen
diff - seen <<'TOLD'
--times: new content of 02, then sent: 0
--size-only: old content of 02, then sent: 0
--append: old content of 01, then sent: 1
--ignore-existing: old content of 01, then sent: 1
--modify-window=100000: old content of 01, then sent: 1
--max-size=5: old content of 01, then sent: 1
TOLD
