#!/bin/sh
# GUESS     A service that daemontools runs from /service/tool, a link to the release's own folder of run scripts, is switched with
#           the release: svscan looks every five seconds, sees another folder behind the name, and lets go of the old one.
# HAPPENS   It sees it, starts the new one, and never ends the old: both run, with a supervise each that restarts them, until the
#           machine is down. svstat and svc know the new one alone, by the name; `svc -t /service/tool` and `svc -d` leave
#           the release before at work on the same queue. It is the folder's inode that counts, so it does not matter which
#           link on the way was turned. runit's runsvdir, which does the same work, does end the old one.
# VERSIONS  daemontools 0.76, runit 2.1.2 (Debian 12)
# SOURCE    daemontools' svscan.c: start, x[i].ino; its FAQ, on removing a service: rm, then svc -dx. Seen by running
# NEEDS     Debian 12's packages; a minute. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
# Ends the supervisors that are there, and what they run.
end() {
    svc -dx "$work"/svscan/releases/*/sv 2>/dev/null || :
    [ ! -e "$work/scanner" ] || kill "-$1" "$(cat "$work/scanner")" 2>/dev/null || :
    rm -f "$work/scanner"
    for _ in 1 2 3 4 5; do
        if ! runs 1 && ! runs 2; then break; fi
        sleep 1
    done
}
# Tells whether the service of a release is running.
runs() {
    kill -0 "$(cat "$work/pid-$1" 2>/dev/null || echo none)" 2>/dev/null
}
trap 'end HUP; end TERM; rm -rf "$work"' EXIT
cd "$work"
for package in daemontools=1:0.76-8.1 runit=2.1.2-54; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
PATH=$work/root/usr/bin:$PATH

# Starts a supervisor with a service of the first release.
start() {
    mkdir -p "$1/service"
    for release in 1 2; do
        mkdir -p "$1/releases/$release/sv"
        printf '#!/bin/sh\necho $$ >%s/pid-%s\nexec sleep 600\n' "$work" "$release" >"$1/releases/$release/sv/run"
        chmod +x "$1/releases/$release/sv/run"
    done
    ln -s releases/1 "$1/current"
    ln -s ../current/sv "$1/service/tool"
    rm -f pid-1 pid-2
    "$@" "$1/service" >/dev/null 2>&1 &
    echo $! >scanner
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        if runs 1; then return; fi
        sleep 1
    done
}
# Turns current to the second release, and waits until it runs, for a while.
turn() {
    ln -s releases/2 "$1/next"
    mv -T "$1/next" "$1/current"
    for _ in 1 2 3 4 5 6 7 8; do
        if runs 2; then break; fi
        sleep 1
    done
    sleep 6
}
# Prints which releases run.
tell() {
    running=
    if runs 1; then running="$running 1"; fi
    if runs 2; then running="$running 2"; fi
    echo "$1:$running"
}
{
    start svscan
    tell 'svscan, started'
    turn svscan
    tell 'svscan, turned'
    before=$(cat pid-2)
    svc -t svscan/service/tool
    for _ in 1 2 3 4 5 6 7 8; do
        if [ "$(cat pid-2)" != "$before" ]; then break; fi
        sleep 1
    done
    tell 'svscan, svc -t'
    svc -d svscan/service/tool
    sleep 2
    tell 'svscan, svc -d'
    end TERM

    start runsvdir
    tell 'runsvdir, started'
    turn runsvdir
    tell 'runsvdir, turned'
    end HUP
} >seen
cat seen
diff - seen <<'TOLD'
svscan, started: 1
svscan, turned: 1 2
svscan, svc -t: 1 2
svscan, svc -d: 1
runsvdir, started: 1
runsvdir, turned: 2
TOLD
