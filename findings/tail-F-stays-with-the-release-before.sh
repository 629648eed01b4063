#!/bin/sh
# GUESS     `tail -F /srv/tool/current/log` follows the name, not the file: when current is turned to the next release, tail says so
#           and goes on with the next release's log. -F is there for that, and it holds for a log that is replaced or is itself
#           a link.
# HAPPENS   It stays with the release before, for good, and says nothing. GNU tail listens, by inotify, to the folder that the log
#           lay in at the start; nothing happens there. It looks at the name again only if that very name is a link, and
#           not if a folder on the way is one. Who watches a deploy sees a tool that has gone quiet. busybox's does follow,
#           and so does GNU's by a link beside it, or where it has no inotify, as under ---disable-inotify.
# VERSIONS  GNU coreutils 9.1, busybox 1.35.0 (Debian 12)
# SOURCE    tail(1), --follow and -F; coreutils' src/tail.c: any_symlinks, tail_forever_inotify. Seen by running
# NEEDS     Debian 12's packages, inotify in the temporary folder; half a minute. Exits 0: as told; 1: it behaves otherwise; 77:
#           cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
tails=
# shellcheck disable=SC2086 # One process and another.
trap '[ -z "$tails" ] || kill $tails 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in coreutils=9.1-1 busybox-static=1:1.35.0-4+deb12u1+b1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
gnu=$work/root/usr/bin/tail
"$gnu" --version | head -n 1

mkdir -p releases/1 releases/2
echo 'one begins' >releases/1/log
echo 'two begins' >releases/2/log
ln -s releases/1 current
ln -s current/log beside

# Starts a tail in the background.
follows() {
    name=$1
    shift
    "$@" >"$name.out" 2>"$name.err" &
    tails="$tails $!"
}
follows inotify "$gnu" -n +1 -F current/log
follows beside "$gnu" -n +1 -s 0.2 -F beside
follows polling "$gnu" -n +1 -s 0.2 ---disable-inotify -F current/log
follows busybox root/bin/busybox tail -n +1 -F current/log

# Waits, for a while, until these have a line.
hear() {
    line=$1
    shift
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        all=yes
        for name; do
            grep -q -x "$line" "$name.out" || all=no
        done
        if [ "$all" = yes ]; then return; fi
        sleep 1
    done
}
hear 'one begins' inotify beside polling busybox
ln -s releases/2 next
mv -T next current
hear 'two begins' beside polling busybox
echo 'two goes on' >>releases/2/log
hear 'two goes on' beside polling busybox
sleep 5
echo 'one is old' >>releases/1/log
hear 'one is old' inotify
{
    for name in inotify beside polling busybox; do
        echo "$name: $(paste -s -d , "$name.out"); $(grep -c . "$name.err" || :) lines of errors"
    done
} >seen
cat seen
diff - seen <<'TOLD'
inotify: one begins,one is old; 0 lines of errors
beside: one begins,two begins,two goes on; 1 lines of errors
polling: one begins,two begins,two goes on; 1 lines of errors
busybox: one begins,two begins,two goes on; 1 lines of errors
TOLD
