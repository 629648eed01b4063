#!/bin/sh
# GUESS     `git log --since=2026-11-02` has what came on the 2nd of November and later: a date without a time is its midnight, as
#           for date(1). The man page says "more recent than a specific date" and no more.
# HAPPENS   A date without a time is that day at the time of day that it is now. `git log --since="$(date +%F)"`, what came today,
#           has nothing in it, at whatever hour; yesterday's date, at six in the evening, leaves out yesterday's morning. So a
#           nightly build finds nothing to do, a changelog from the day of the last release on lacks most of that day, and the
#           same command says less at night than at noon. `rev-list -1 --before=DATE`, to build again what was built
#           then, is another commit by the hour. With 00:00 behind the date it is midnight.
# VERSIONS  git 2.47.3
# SOURCE    git-log(1), --since; git's date.c: approxidate sets out from the time of now, and what is not told stays
# NEEDS     git, GNU date. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null TZ=UTC
git --version || { echo "no git here" >&2; exit 77; }
date -d '2026-11-02 18:00' +%s >/dev/null || { echo "no GNU date here" >&2; exit 77; }

git init --quiet --initial-branch=main repository
cd repository
for time in '2026-11-01 09:00' '2026-11-01 21:00' '2026-11-02 01:00' '2026-11-02 10:00' '2026-11-02 15:00'; do
    GIT_AUTHOR_DATE="$time" GIT_COMMITTER_DATE="$time" \
        git -c user.name=nobody -c user.email=nobody@example.org commit --quiet --allow-empty --message "$time"
done
# Prints the commits since a day and the last one before it, with git's clock at an hour of the 2nd of November.
at() {
    export GIT_TEST_DATE_NOW
    GIT_TEST_DATE_NOW=$(date -d "2026-11-02 $1" +%s)
    echo "at $1, since $2: $(git log --reverse --since="$2" --format=%s | cut -d ' ' -f 2 | paste -s -d ' ')" \
        "/ before: $(git log -1 --before="$2" --format=%s)"
}
{
    at 12:00 2026-11-02
    at 18:00 2026-11-02
    at 12:00 2026-11-01
    at 22:00 2026-11-01
    at 18:00 '2026-11-02 00:00'
} >../seen
cat ../seen
# Without the clock: of today there is nothing.
unset GIT_TEST_DATE_NOW
git -c user.name=nobody -c user.email=nobody@example.org commit --quiet --allow-empty --message 'A second ago'
sleep 2
echo "now, since $(date +%F): $(git log --since="$(date +%F)" --format=%s)" | sed "s/$(date +%F)/today/" | tee -a ../seen
diff - ../seen <<'TOLD'
at 12:00, since 2026-11-02: 15:00 / before: 2026-11-02 10:00
at 18:00, since 2026-11-02:  / before: 2026-11-02 15:00
at 12:00, since 2026-11-01: 21:00 01:00 10:00 15:00 / before: 2026-11-01 09:00
at 22:00, since 2026-11-01: 01:00 10:00 15:00 / before: 2026-11-01 21:00
at 18:00, since 2026-11-02 00:00: 01:00 10:00 15:00 / before: 2026-11-01 21:00
now, since today: 
TOLD
