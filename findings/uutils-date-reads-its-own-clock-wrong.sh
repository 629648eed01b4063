#!/bin/sh
# GUESS     What date prints, `date -d` on the same host reads back: a log's or a stamp file's "Wed Jul 15 12:00:00 BST 2026" is the
#           moment that it was. Zones' letters are ambiguous, but those of the host's own zone are its own.
# HAPPENS   In GNU's, yes. uutils' date has one table for the world: in London BST is Bangladesh's, 5 hours earlier, in Shanghai
#           CST is Chicago's, 14 hours later, in Manila PST is California's, and in Halifax AST is 1 hour off and ADT 7. Exit 0.
#           Berlin and New York are right, so a test passes there; in Sydney it cannot read itself at all. London is right in
#           winter, when it is GMT: nobody sees it until the clocks change. CET, with a date of summer, is CEST, an hour
#           early. `date -Is`, which writes the offset, is read rightly.
# VERSIONS  uu_date 0.12.0 (uutils, crates.io), GNU coreutils 9.1, tzdata of the machine
# SOURCE    date(1), -d; parse_datetime pull request 325, of four such names. Seen by running
# NEEDS     cargo, crates.io, Debian 12's packages, tzdata; a few minutes. Exits 0: as told; 1: it behaves otherwise; 77: cannot
#           be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download coreutils=9.1-1 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract coreutils_*.deb root
[ -e /usr/share/zoneinfo/Europe/London ] || { echo "no time zones here" >&2; exit 77; }
CARGO_TARGET_DIR=$work/target cargo install --quiet --locked --no-default-features --root "$work" uu_date@0.12.0 \
    || { echo "not to be installed here" >&2; exit 77; }
bin/date --version | head -n 1

# Prints by how many minutes a date that was printed in a format is off when the same program reads it back.
off() {
    printed=$("$1" -d "$2" "$3")
    if read=$("$1" -d "$printed" +%s 2>/dev/null); then
        echo "$(((read - $("$1" -d "$2" +%s)) / 60)) min"
    else
        echo 'not read'
    fi
}
{
    for zone in Europe/London Europe/Berlin America/New_York America/Halifax Asia/Shanghai Asia/Manila Australia/Sydney; do
        export TZ="$zone"
        for time in '2026-01-15 12:00' '2026-07-15 12:00'; do
            plain='+%a %b %e %H:%M:%S %Z %Y'
            echo "$zone, $(bin/date -d "$time"): GNU $(off root/bin/date "$time" "$plain")," \
                "uutils $(off bin/date "$time" "$plain"), with -Is $(off bin/date "$time" -Is)"
        done
    done
    export TZ=UTC0
    for date in root/bin/date bin/date; do
        echo "CET in summer, ${date%/date}: $("$date" -d '2026-07-01 12:00 CET' '+%H:%M UTC')"
    done
} >seen
cat seen
diff - seen <<'TOLD'
Europe/London, Thu Jan 15 12:00:00 GMT 2026: GNU 0 min, uutils 0 min, with -Is 0 min
Europe/London, Wed Jul 15 12:00:00 BST 2026: GNU 0 min, uutils -300 min, with -Is 0 min
Europe/Berlin, Thu Jan 15 12:00:00 CET 2026: GNU 0 min, uutils 0 min, with -Is 0 min
Europe/Berlin, Wed Jul 15 12:00:00 CEST 2026: GNU 0 min, uutils 0 min, with -Is 0 min
America/New_York, Thu Jan 15 12:00:00 EST 2026: GNU 0 min, uutils 0 min, with -Is 0 min
America/New_York, Wed Jul 15 12:00:00 EDT 2026: GNU 0 min, uutils 0 min, with -Is 0 min
America/Halifax, Thu Jan 15 12:00:00 AST 2026: GNU 0 min, uutils -60 min, with -Is 0 min
America/Halifax, Wed Jul 15 12:00:00 ADT 2026: GNU 0 min, uutils -420 min, with -Is 0 min
Asia/Shanghai, Thu Jan 15 12:00:00 CST 2026: GNU 0 min, uutils 840 min, with -Is 0 min
Asia/Shanghai, Wed Jul 15 12:00:00 CST 2026: GNU 0 min, uutils 840 min, with -Is 0 min
Asia/Manila, Thu Jan 15 12:00:00 PST 2026: GNU 0 min, uutils 960 min, with -Is 0 min
Asia/Manila, Wed Jul 15 12:00:00 PST 2026: GNU 0 min, uutils 960 min, with -Is 0 min
Australia/Sydney, Thu Jan 15 12:00:00 AEDT 2026: GNU 0 min, uutils not read, with -Is 0 min
Australia/Sydney, Wed Jul 15 12:00:00 AEST 2026: GNU 0 min, uutils not read, with -Is 0 min
CET in summer, root/bin: 11:00 UTC
CET in summer, bin: 10:00 UTC
TOLD
