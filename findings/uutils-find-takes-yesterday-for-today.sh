#!/bin/sh
# GUESS     `find -daystart -mtime 0` finds what is of today, `-mtime 1` what is of yesterday, and `-mtime +6 -delete` keeps seven
#           days: with -daystart days are those of the calendar. uutils' find is GNU's anew, -daystart included.
# HAPPENS   uutils counts back from this morning's midnight, GNU from the one to come. So of yesterday are 0 days, as of today,
#           1 is the day before yesterday, and each day is off by one: "is there a backup of today?" is answered yes by that of
#           yesterday, and a clean-up keeps a day more than the disk was meant for. Without -daystart both say the same
#           for days. -mmin differs too: uutils rounds minutes down, GNU up, so that 90 seconds are not -mmin +1.
# VERSIONS  findutils 0.11.0 (uutils, crates.io), GNU findutils 4.9.0
# SOURCE    find(1), -daystart; uutils' src/find/matchers/time.rs: get_time. Seen by running
# NEEDS     cargo, crates.io, Debian 12's packages; a few minutes, none of them midnight in UTC. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C TZ=UTC0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download findutils=4.9.0-4 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract findutils_*.deb root
CARGO_TARGET_DIR=$work/target cargo install --quiet --locked --root "$work" --bin find findutils@0.11.0 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "uutils $(bin/find . --version | head -n 1)"

mkdir backups
for day in 0 1 2 6 7 8; do
    touch -d "today 00:00 $day days ago + 30 seconds" "backups/$day-early"
    [ "$day" = 0 ] || touch -d "today 23:59 $day days ago" "backups/$day-late"
done
# Prints what either finds.
finds() {
    for which in root/usr/bin/find bin/find; do
        echo "$1, ${which%/find}: $("$which" backups -type f -daystart -mtime "$1" | sort | sed 's|.*/||' | paste -s -d ' ')"
    done
}
{
    finds 0
    finds 1
    finds -1
    finds +6
    touch -d '90 seconds ago' backups/minute
    for which in root/usr/bin/find bin/find; do
        echo "90 seconds, ${which%/find}: $("$which" backups -name minute -mmin +1 | grep -c . || :)"
    done
} >seen
cat seen
diff - seen <<'TOLD'
0, root/usr/bin: 0-early
0, bin: 0-early 1-early 1-late
1, root/usr/bin: 1-early 1-late
1, bin: 2-early 2-late
-1, root/usr/bin: 0-early
-1, bin: 0-early 1-early 1-late
+6, root/usr/bin: 7-early 7-late 8-early 8-late
+6, bin: 8-early 8-late
90 seconds, root/usr/bin: 1
90 seconds, bin: 0
TOLD
