#!/bin/sh
# GUESS     ddiff -f '%m months %d days' from 31 January to 1 March is 1 month and 1 day: the days are what is left of a month,
#           31 at the very most. Other tools may say 0 or 1 or 3, as months are odd.
# HAPPENS   1 month and 62 days, for two dates that are 29 days apart, by %d alone. 30 January gives 63, a leap year's 31 too,
#           backwards it is the same: where the day of the month is missing in the February between, the days below
#           nought are taken round by 64. Three of 2,400 pairs tried were wrong.
# VERSIONS  dateutils 0.4.10 (Debian 12)
# SOURCE    seen by running; ddiff(1); issue 21 is its elder kin, for June
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download dateutils=0.4.10-1 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract dateutils_*.deb root
ddiff=$work/root/usr/bin/dateutils.ddiff
"$ddiff" --version

changed=0
while read -r from to days told; do
    seen=$("$ddiff" "$from" "$to" -f '%m months and %d days')
    apart=$("$ddiff" "$from" "$to" -f %d)
    echo "$from to $to: $seen; $apart days"
    [ "$seen:$apart" = "$told:$days" ] || changed=1
done <<'DATES'
2026-01-31 2026-03-01 29 1 months and 62 days
2026-01-30 2026-03-01 30 1 months and 63 days
2024-01-31 2024-03-01 30 1 months and 63 days
2026-01-29 2026-03-01 31 1 months and 0 days
2026-03-31 2026-05-01 31 1 months and 0 days
DATES
exit "$changed"
