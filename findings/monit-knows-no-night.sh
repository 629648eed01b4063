#!/bin/sh
# GUESS     monit's `every` and `not every` take a cron's five fields, "much like cron". So `not every "* 22-2 * * *"` leaves a check
#           out of the night with the backup, or `monit -t` says that it has no range over midnight.
# HAPPENS   `monit -t` says "Control file syntax OK", and 22-2 is no hour at all: what is not to be checked, and so not to be
#           started again, during the backup is checked all night, and what `every` has to check in those hours never is. By
#           day both look well. 22-23,0-2 does as meant. Days 5-1, months 11-2 and the minute 75 go the same way. And where cron
#           runs on the day of the month or that of the week, monit wants both: "* * 1 * 1" is a first that is a Monday.
# VERSIONS  monit 5.33.0 (Debian 12)
# SOURCE    monit(1), EVERY: the fields and their ranges, with nothing of an order, and of days of month and week; crontab(5)
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" || true; fi; rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download monit=1:5.33.0-1 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract monit_*.deb root
monit=$work/root/usr/bin/monit
"$monit" -V >version || { echo "no libraries for it here" >&2; exit 77; }
head -n 1 version

# It is past ten in the evening, wherever that is.
hour=$(date -u +%H)
TZ=XXX$((${hour#0} - 22))
export TZ
today=$(date +%-d)
tomorrow=$((($(date +%-u) + 1) % 7))
cat >checks <<CHECKS
every "* * * * *"
every "* 22-23,0-2 * * *"
not every "* 22-23,0-2 * * *"
every "* 22-2 * * *"
not every "* 22-2 * * *"
every "* * $today * *"
every "* * $today * $tomorrow"
every "75 * * * *"
CHECKS
{
    printf 'set daemon 1\nset logfile %s/log\nset pidfile %s/pid\nset statefile %s/state\nset idfile %s/id\n' \
        "$work" "$work" "$work" "$work"
    while read -r words; do
        echo "$words" | cksum | {
            read -r number _
            printf 'check program p%s path "%s/note %s" %s\n  if status != 0 then alert\n' "$number" "$work" "$number" "$words"
        }
    done <checks
} >monitrc
chmod 600 monitrc
cat >note <<NOTE
#!/bin/sh
: >$work/ran-\$1
NOTE
chmod +x note
ran() {
    [ -e "ran-$(echo "$1" | cksum | cut -d ' ' -f 1)" ]
}

"$monit" -c monitrc -t 2>&1 | sed 's/^ *//' | tail -n 1 >seen
"$monit" -c monitrc -I >words 2>&1 &
pid=$!
for _ in $(seq 100); do
    if ran 'every "* * * * *"' && ran 'not every "* 22-2 * * *"'; then break; fi
    sleep 0.1
done
sleep 4
kill "$pid"
wait "$pid" || true
pid=
while read -r words; do
    if ran "$words"; then ran="checked"; else ran="not checked"; fi
    echo "$words: $ran"
done <checks | sed "s/\* \* $today /* * today /; s/ $tomorrow\"/ tomorrow\"/" >>seen
cat seen
diff - seen <<'TOLD'
Control file syntax OK
every "* * * * *": checked
every "* 22-23,0-2 * * *": checked
not every "* 22-23,0-2 * * *": not checked
every "* 22-2 * * *": not checked
not every "* 22-2 * * *": checked
every "* * today * *": checked
every "* * today * tomorrow": not checked
every "75 * * * *": not checked
TOLD
